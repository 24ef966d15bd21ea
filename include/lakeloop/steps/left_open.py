"""What killed tries left open in MLflow: runs that nobody will end, models that nobody will finish uploading."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from lakeloop.core.words import counted
from lakeloop.ports import OpenRun, TrainingRuns

_HALF = "its run is over, and its files were never complete: nobody can take it"


def close_left(
    runs: TrainingRuns, model: str, is_over: Callable[[str], bool], longest: timedelta, now: datetime | None = None
) -> dict[str, Any]:
    """End the open runs of a model whose tries are over, and fail what they had begun to upload; doing it twice changes nothing.

    `is_over` tells of a run of Airflow whether its tries are known and have all ended; no try takes longer than `longest`.
    A try ends its run in MLflow before it is over itself, so that what is open after `is_over` said yes was left.

    Raises:
        RegistryFailed: MLflow did not answer; the rest waits for the next sweep.
    """
    now = now or datetime.now(UTC)
    found = [(one, _why(one, is_over, now, longest)) for one in runs.unended(model)]
    closed = [one.name for one, why in found if why and runs.close(model, one.id, why)]
    failed = runs.fail_unfinished(model, _HALF)
    told = [f"closed {counted(len(closed), 'run')} that killed tries left open ({', '.join(closed)})"] if closed else []
    told += [f"failed {counted(len(failed), 'half uploaded model')}"] if failed else []
    summary = f"MLflow's runs of {model}: {' and '.join(told) or 'none was left open'}"
    return {"closed": closed, "failed": failed, "summary": summary}


def _why(one: OpenRun, is_over: Callable[[str], bool], now: datetime, longest: timedelta) -> str:
    """Why nobody works on it any more; empty while somebody may."""
    if one.airflow_run and is_over(one.airflow_run):
        return (
            f"every try of Airflow's run {one.airflow_run} is over, this one was left open: a try was killed, or MLflow was down"
        )
    if now - one.started > longest:
        hours = longest.total_seconds() / 3600
        return f"open for more than {hours:g} hours, which no try may take: it was killed, or MLflow was down when it ended"
    return ""
