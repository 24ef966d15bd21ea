"""From Airflow's run to ours: its nights, its try and who asked for it."""

from __future__ import annotations

from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from airflow.sdk import Context, Param

from lakeloop.core.errors import InvalidInput
from lakeloop.core.reasons import LONGEST
from lakeloop.core.runs import Run
from lakeloop.core.training import CLOCK, VERDICT
from lakeloop.core.words import quoted
from lakeloop.wiring import load_case

_ASKED = (
    "table",
    "reinstate",
    "retry_refused",
    "replay",
    "decide",
    "reason",
)  # beside the nights
_WAKERS = {"scheduled": CLOCK, "asset_triggered": VERDICT}
_SHOWN = 5
_TABLE = r"^([a-z][a-z0-9_]{0,62})?$"
_DATE = r"^([0-9]{4}-[0-9]{2}-[0-9]{2})?$"


def range_params() -> dict[str, Param]:
    """The form of a run by hand: a range of nights, both ends included; without one the run sweeps."""
    return {
        "date_from": Param("", type="string", pattern=_DATE, title="First night", description="YYYY-MM-DD; empty: sweep"),
        "date_to": Param("", type="string", pattern=_DATE, title="Last night", description="YYYY-MM-DD; empty: as the first"),
    }


def ingest_params() -> dict[str, Param]:
    """The form's fields that narrow a run to a table, or open what a sweep leaves closed, in its range and with a reason."""
    withdrawn = "Why bytes that were withdrawn may be published again; needs a range; empty: they may not"
    refused = (
        "Why deliveries that were refused are tried again, by every check as it is now: a reason overrides none; "
        "needs a range; empty: they are not"
    )
    again = (
        "Why published deliveries are written again from their bytes, those of another contract version or with rows "
        "in quarantine; needs a range; empty: they are not"
    )
    return {
        "table": Param("", type="string", pattern=_TABLE, title="Table", description="Only its deliveries; empty: every table's"),
        "reinstate": Param("", type="string", maxLength=LONGEST, title="Reinstate", description=withdrawn),
        "retry_refused": Param("", type="string", maxLength=LONGEST, title="Retry refused", description=refused),
        "replay": Param("", type="string", maxLength=LONGEST, title="Replay", description=again),
    }


def decide_params() -> dict[str, Param]:
    """The form's fields by which a person answers what the watch holds; both go into the verdict's words."""
    answers = "What to do with held dates of the range: withdraw their bad data, or accept it and publish as degraded"
    return {
        "decide": Param("", type="string", enum=["", "withdraw", "accept"], title="Answer", description=answers),
        "reason": Param("", type="string", maxLength=LONGEST, title="Reason", description="Why; an answer needs one"),
    }


def run_of(context: Context, case_ref: str, stage: str) -> Run:
    """What this try is asked to do; InvalidInput for a key, a date or a reason that nobody understands."""
    dag_run, params = context["dag_run"], context["params"]
    _refuse_unknown(dag_run.conf or {}, set(context["dag"].params))  # Airflow itself adds unknown keys to `params`
    nights = _nights(params)
    if not nights and dag_run.run_type == "backfill" and dag_run.logical_date:
        nights = (dag_run.logical_date.astimezone(ZoneInfo(load_case(case_ref).timezone)).date(),) * 2
    first, last = nights or (None, None)
    asked = {name: str(params.get(name) or "") for name in _ASKED}
    if stage == "train":
        asked["cause"] = _WAKERS.get(dag_run.run_type, "")
    return Run.asked(
        case=case_ref,
        stage=stage,
        run_id=dag_run.run_id,
        attempt=context["ti"].try_number,
        date_from=first,
        date_to=last,
        **asked,
        actor=dag_run.triggering_user_name or "airflow",
    )


def _refuse_unknown(conf: dict[str, Any], known: set[str]) -> None:
    unknown = sorted(set(conf) - known)
    if unknown:
        shown = ", ".join(map(quoted, unknown[:_SHOWN])) + (f" and {len(unknown) - _SHOWN} more" if len(unknown) > _SHOWN else "")
        message = f"the run's configuration has unknown keys [{shown}], known are {sorted(known)}; nothing was done"
        raise InvalidInput(message)


def _nights(params: Any) -> tuple[date, date] | None:
    first, last = str(params.get("date_from") or ""), str(params.get("date_to") or "")
    if not first and not last:
        return None
    try:
        return date.fromisoformat(first), date.fromisoformat(last or first)
    except ValueError as error:
        message = (
            f"date_from {quoted(first)} and date_to {quoted(last)} are not two dates of the form YYYY-MM-DD; nothing was done"
        )
        raise InvalidInput(message) from error
