"""When DAGs run: a clock whose tick is a sweep, and Assets that wake it early."""

from datetime import timedelta
from typing import Any

from airflow.sdk import Asset, AssetOrTimeSchedule, CronTriggerTimetable

from lakeloop.core.use_case import UseCase

# With a DAG that has no start date, this lets the first tick be the next one: a DAG that is new, or was paused,
# never runs a tick that has passed. The default would, for a tenth of the interval.
_NEXT_TICK_FIRST = timedelta(0)


def clock(case: UseCase, cron: str) -> CronTriggerTimetable:
    """Ticks in the case's own time zone, so that a tick's date is the night it works."""
    return CronTriggerTimetable(cron, timezone=case.timezone, run_immediately=_NEXT_TICK_FIRST)


def woken_by(asset: Asset, case: UseCase, cron: str) -> Any:
    """Woken by an Asset, and by the clock in case the wake-up was lost."""
    return AssetOrTimeSchedule(timetable=clock(case, cron), assets=[asset])
