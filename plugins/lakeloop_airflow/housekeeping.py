"""The platform's own tasks: the janitor and the canary."""

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from airflow.sdk import CronTriggerTimetable, task

from lakeloop.adapters.platform_db import PlatformDb
from lakeloop.core.errors import RegistryFailed
from lakeloop.settings import Settings
from lakeloop_airflow.case_dag import LONGEST_TRY
from lakeloop_airflow.closing import interrupt
from lakeloop_airflow.retries import RETRIES, RETRY_DELAY, RETRY_POLICY

_log = logging.getLogger(__name__)
_TASK: dict[str, Any] = {"retries": RETRIES, "retry_delay": RETRY_DELAY, "retry_policy": RETRY_POLICY}
_KEEP_NOTES = timedelta(days=30)


def every_hour() -> CronTriggerTimetable:
    """A quarter past each hour, from the next one on."""
    return CronTriggerTimetable("15 * * * *", timezone="UTC", run_immediately=timedelta(0))


@task(**_TASK, execution_timeout=timedelta(minutes=30))
def clean_up() -> dict[str, Any]:
    """Drops what nobody needs any more."""
    return sweep()


@task(retries=0, execution_timeout=timedelta(minutes=1))
def canary() -> str:
    """Runs."""
    return "sings"


def sweep() -> dict[str, Any]:
    """Ends orphaned sessions and what they left open in MLflow, deletes expired branches and old notes.

    Waiting candidates and unsent alerts stay.
    """
    from lakeloop.steps import janitor
    from lakeloop.wiring import lake_of

    settings = Settings.load()
    database = PlatformDb(settings.platform_db_url)
    ended = interrupt(database.sessions, database.sessions.open_since(LONGEST_TRY.total_seconds()), settings)
    database.sessions.forget(_KEEP_NOTES.total_seconds())
    database.outbox.forget(_KEEP_NOTES.total_seconds())
    swept = dict(janitor.sweep(lake_of(settings), database.outbox))
    told = _in_mlflow(settings, database)
    _log.info("%s; %d sessions ended; %s", swept.get("summary", ""), ended, "; ".join(told.values()))
    return swept | {"sessions": ended, **told}


def _in_mlflow(settings: Settings, database: PlatformDb) -> dict[str, str]:
    """Every case's aliases as its promotion ledger has them, and no run left open; MLflow down is left for the next hour."""
    from lakeloop import wiring
    from lakeloop.steps.left_open import close_left
    from lakeloop.steps.reconcile import reconcile

    lake, registry, runs = wiring.lake_of(settings), wiring.registry_of(settings), wiring.runs_of(settings)
    cases = [wiring.load_case(wiring.case_ref(name)) for name in wiring.case_names()]
    try:
        aliases = [reconcile(lake, registry, database.outbox, case)["summary"] for case in cases]
        left = [close_left(runs, case.name, tries_over(database, case.name), LONGEST_TRY)["summary"] for case in cases]
    except RegistryFailed as error:
        return {"mlflow": str(error)}
    return {"aliases": "; ".join(aliases), "left_open": "; ".join(left)}


def tries_over(database: PlatformDb, case: str) -> Callable[[str], bool]:
    """Whether every try of a training run of the case is known to have ended."""

    def asked(run: str) -> bool:
        tries = database.sessions.of(f"{case}__train", run)
        return bool(tries) and all(one.ended_at is not None for one in tries)

    return asked
