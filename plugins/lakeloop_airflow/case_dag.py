"""What all DAGs of the platform share, so that a DAG file states only what is its own."""

from datetime import timedelta
from typing import Any

from lakeloop.core.use_case import UseCase
from lakeloop_airflow.runs import decide_params, range_params, reopening_params

OWNER = "data-platform"
_OWN_PARAMS = {"ingest": reopening_params, "watch": decide_params}
CHANNEL_MACRO = "slack_channel"
# The last net: it also skips teardowns, so it stands far above what the tasks' own time-outs add up to.
_NET = timedelta(hours=24)


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


def case_dag(case: UseCase, stage: str) -> dict[str, Any]:
    """The arguments of one of a case's DAGs; `stage` is ingest, score, watch or train."""
    return platform_dag(
        default_args={"owner": case.owner},
        tags=["lakeloop", case.name, stage],
        params=range_params() | _OWN_PARAMS.get(stage, dict)(),
        user_defined_macros={CHANNEL_MACRO: case.slack_channel},  # where alerts of this DAG go
    )
