"""The platform's own tasks: the janitor and the canary."""

import logging
from datetime import timedelta
from typing import Any

from airflow.sdk import CronTriggerTimetable, task

from lakeloop.adapters.platform_db import PlatformDb
from lakeloop.settings import Settings
from lakeloop_airflow.closing import interrupt
from lakeloop_airflow.retries import RETRIES, RETRY_DELAY, RETRY_POLICY

_log = logging.getLogger(__name__)
_TASK: dict[str, Any] = {"retries": RETRIES, "retry_delay": RETRY_DELAY, "retry_policy": RETRY_POLICY}
_LONGEST_TRY = timedelta(hours=3)  # above every execution time-out: a session open longer belongs to nobody
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
    """Ends orphaned sessions, deletes expired branches and old notes; waiting candidates and unsent alerts stay."""
    from lakeloop.steps import janitor
    from lakeloop.wiring import lake_of

    settings = Settings.load()
    database = PlatformDb(settings.platform_db_url)
    ended = interrupt(database.sessions, database.sessions.open_since(_LONGEST_TRY.total_seconds()), settings)
    database.sessions.forget(_KEEP_NOTES.total_seconds())
    database.outbox.forget(_KEEP_NOTES.total_seconds())
    swept = dict(janitor.sweep(lake_of(settings), database.outbox))
    _log.info("%s; %d sessions ended", swept.get("summary", ""), ended)
    return swept | {"sessions": ended}
