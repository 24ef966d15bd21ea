"""The end of a run: no session left behind, a note people can read, and green only with evidence."""

from __future__ import annotations

import logging
from typing import Any

from airflow.sdk import Context, get_current_context
from airflow.sdk.exceptions import AirflowFailException

from lakeloop.adapters.airflow_api import AirflowApi
from lakeloop.adapters.platform_db import PlatformDb
from lakeloop.adapters.platform_db.sessions import PlatformSessions, SessionRow
from lakeloop.core.errors import LakeloopError
from lakeloop.settings import Settings

_log = logging.getLogger(__name__)
_NOTE_LIMIT = 1000
_MARK = "▸ "  # before it stands what a person wrote, after it what the run did


def close_run(verdict: str, steps: list[str]) -> dict[str, Any]:
    """Cleans up first, then fails the run unless its last step succeeded or an earlier one had nothing to do."""
    context = get_current_context()
    ti, settings = context["ti"], Settings.load()
    log = PlatformDb(settings.platform_db_url).sessions
    # A try that was killed left its work running on the Spark server.
    ended = interrupt(log, log.open_of(ti.dag_id, ti.run_id), settings)
    states = ti.get_task_states(dag_id=ti.dag_id, run_ids=[ti.run_id]).get(ti.run_id, {})
    # A cleared step that is skipped this time keeps its older answer in Airflow, so only those that succeeded are heard.
    answers = _answers(context, [step for step in steps if states.get(step) == "success"])
    failed = _last_words(log.of(ti.dag_id, ti.run_id), [step for step in steps if states.get(step) == "failed"])
    summary = "; ".join([*(str(answer["summary"]) for answer in answers if answer.get("summary")), *failed])
    _note(context, settings, summary)
    _demand_evidence(verdict, states.get(verdict), answers)
    return {"summary": summary, "interrupted": ended}


def interrupt(log: PlatformSessions, left: list[SessionRow], settings: Settings) -> int:
    """Ends the Spark sessions of tries that are over, and gives how many; what cannot be ended stays for the janitor."""
    if not left:
        return 0
    from lakeloop.spark.connect import interrupt as interrupt_session  # pyspark, which most runs' ends need not load

    ended = 0
    for row in left:
        try:
            interrupt_session(settings, row.key)
        except (LakeloopError, OSError) as error:
            _log.warning("session %s of %s could not be interrupted: %s", row.key.id, row.key.task, error)
            continue
        log.ended(row.key.id)
        ended += 1
    return ended


def _answers(context: Context, steps: list[str]) -> list[dict[str, Any]]:
    return [answer for step in steps if isinstance(answer := context["ti"].xcom_pull(task_ids=step), dict)]


def _last_words(rows: list[SessionRow], steps: list[str]) -> list[str]:
    words = {row.key.task: row.words for row in rows if row.words}  # oldest first, so the last try's stay
    return [f"{step} failed: {words[step]}" for step in steps if step in words]


def _note(context: Context, settings: Settings, summary: str) -> None:
    password = settings.airflow_password.get_secret_value()
    if not summary or not password:
        return
    dag, run = context["ti"].dag_id, context["ti"].run_id
    try:
        with AirflowApi(settings.airflow_url, settings.airflow_username, password, timeout=3) as api:
            theirs = str(api.run(dag, run).get("note") or "").partition(_MARK)[0].strip()
            api.note(dag, run, f"{theirs}\n\n{_MARK}{summary}".strip()[:_NOTE_LIMIT])
    except LakeloopError as error:
        _log.info("the run's note was not written: %s", error)


def _demand_evidence(verdict: str, state: str | None, answers: list[dict[str, Any]]) -> None:
    # "Nothing failed" is no evidence: a run marked as failed before its first step has skipped tasks only.
    idle = state == "skipped" and any(answer.get("nothing_to_do") for answer in answers)
    if state != "success" and not idle:
        message = f"the run did not reach the end of {verdict} ({state or 'it never began'}); see the tasks before it"
        raise AirflowFailException(message)
