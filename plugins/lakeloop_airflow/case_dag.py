"""What all DAGs of the platform share, so that a DAG file states only what is its own."""

from datetime import timedelta
from typing import Any

from lakeloop.core.tuning import MOST_MINUTES
from lakeloop.core.use_case import UseCase
from lakeloop_airflow.retries import RETRIES
from lakeloop_airflow.runs import decide_params, ingest_params, range_params

OWNER = "data-platform"
_OWN_PARAMS = {"ingest": ingest_params, "watch": decide_params}
CHANNEL_MACRO = "slack_channel"
# The last net: it also skips teardowns, so it stands far above what the tasks' own time-outs add up to.
_NET = timedelta(hours=24)
_LONGEST_TRIAL = timedelta(minutes=60)  # the one that runs when a tuning's budget ends is waited for, as long as this
# Above every execution time-out, the longest tuning's too: what is open longer belongs to nobody.
LONGEST_TRY = timedelta(minutes=MOST_MINUTES) + _LONGEST_TRIAL + timedelta(hours=1)


def platform_dag(**own: Any) -> dict[str, Any]:
    """The arguments of a DAG that belongs to no case."""
    shared: dict[str, Any] = {
        "catchup": False,
        "max_active_runs": 1,
        "dagrun_timeout": _NET,
        "is_paused_upon_creation": False,
        "default_args": {"owner": OWNER},
        "tags": ["lakeloop", "platform"],
    }
    return shared | own


def tuning_limit(case: UseCase) -> timedelta:
    """How long one try of a case's tuning may take: its budget, and what was begun in it; nothing where it tunes nothing."""
    return timedelta(minutes=case.tuning.minutes) + _LONGEST_TRIAL if case.tuning else timedelta()


def case_dag(case: UseCase, stage: str) -> dict[str, Any]:
    """The arguments of one of a case's DAGs; `stage` is ingest, score, watch or train."""
    waits = timedelta(hours=case.approval_hours) + tuning_limit(case) * (RETRIES + 1) if stage == "train" else timedelta()
    return platform_dag(
        default_args={"owner": case.owner},
        dagrun_timeout=_NET + waits,
        tags=["lakeloop", case.name, stage],
        params=range_params() | _OWN_PARAMS.get(stage, dict)(),
        user_defined_macros={CHANNEL_MACRO: case.slack_channel},  # where alerts of this DAG go
    )
