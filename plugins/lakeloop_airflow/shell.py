"""The shell of a task: from Airflow's context to one call of a step, and the end of a run."""

from __future__ import annotations

import logging
from importlib import import_module
from typing import Any

from airflow.sdk import get_current_context
from airflow.sdk.exceptions import AirflowSkipException

from lakeloop.adapters.platform_db import PlatformDb
from lakeloop.settings import Settings
from lakeloop.wiring import check_platform_code
from lakeloop_airflow.links import remember
from lakeloop_airflow.runs import run_of
from lakeloop_airflow.sessions import noted, session_key

Answer = dict[str, Any]
_KEPT = {"approval.answered", "approval.ran_out"}  # what a person said is written down whatever became of the code meanwhile
_log = logging.getLogger(__name__)


def perform(stage: str, step: str, case_ref: str, *given: Answer) -> Answer:
    """Does one step (`module.function` of lakeloop.steps) in a session of this try; skips when nothing is left to do."""
    if given and given[0].get("nothing_to_do"):
        message = f"nothing to do: {given[0].get('summary', '')}"
        raise AirflowSkipException(message)
    context = get_current_context()
    settings = Settings.load()
    if step not in _KEPT:
        check_platform_code(settings)
    key = session_key(context, settings)
    with noted(PlatformDb(settings.platform_db_url).sessions, key, settings):
        run = run_of(context, case_ref, stage)
        answer = _call(step, case_ref, key, run, *given)
    remember(context["task"], answer)
    _log.info("%s: %s", step, answer.get("summary", ""))
    return answer


def _call(step: str, case_ref: str, key: Any, *given: Any) -> Answer:
    # Imported here: the wiring knows every tool, and a DAG file is parsed without any of them.
    from lakeloop.wiring import open_platform

    module, _, function = step.rpartition(".")
    with open_platform(case_ref, key) as platform:
        answer = dict(getattr(import_module(f"lakeloop.steps.{module}"), function)(platform, *given))
        if answer.get("merges"):
            _tell(platform, answer["merges"])
        return answer


def _tell(platform: Any, merges: dict[str, str]) -> None:
    """Lineage of what is done already: a task does not fail for it."""
    from lakeloop_airflow.lineage import report

    try:
        report(platform.lake, platform.case, merges)
    except Exception:  # noqa: BLE001  # the merge is done: Airflow, a provider or a hook may fail at telling of it
        _log.warning("lineage was not reported", exc_info=True)
