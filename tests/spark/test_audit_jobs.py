"""What an audit costs the one warm Spark, counted in the server's own event log, Delta's jobs included."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, timedelta

import pytest

from lakeloop.adapters.lakefs_lake import LakeFSLake
from lakeloop.settings import Settings
from lakeloop.spark.connect import ConnectRunner
from tests.spark.landed_flights import audit, land, of_night, texts, write
from tests.spark.small_flights import days

NIGHTS = days(date(2013, 4, 1), 10)
LAST = NIGHTS[-1]
MOST = 1  # Delta opens a table at a commit without one


def jobs_of(settings: Settings) -> Iterator[int]:
    """The ids of the Spark jobs that were started so far."""
    (log,) = (settings.home / "spark" / "events").iterdir()
    for line in log.read_text("utf-8").splitlines():
        if '"SparkListenerJobStart"' in line:
            yield json.loads(line)["Job ID"]


@pytest.mark.parametrize("nights", [NIGHTS[-1:], NIGHTS], ids=["a day", "a range"])
def test_the_audit_of_a_good_delivery_is_a_handful_of_spark_jobs(
    nights: list[date], lake: LakeFSLake, runner: ConnectRunner, stack: Settings
) -> None:
    lake.create_branch("run", "main")
    files = texts(NIGHTS)
    if len(nights) == 1:
        before = {unit: text for unit, text in files.items() if unit not in of_night(files, LAST)}
        write(lake, runner, "run", land(lake, "run", before), "a" * 64)
        files = of_night(files, LAST)
    units = land(lake, "run", files)
    snapshot, written = write(lake, runner, "run", units, "c" * 64)
    before_it = set(jobs_of(stack))
    report = audit(lake, runner, snapshot, units, written, "c" * 64)
    assert len(set(jobs_of(stack)) - before_it) <= MOST
    assert {(one.table, one.data_date): [each.told for each in one.failed("critical")] for one in report.units} == {
        unit: [] for unit in files
    }


def test_outcomes_of_flights_that_nobody_planned_are_refused(lake: LakeFSLake, runner: ConnectRunner) -> None:
    lake.create_branch("run", "main")
    files = texts(NIGHTS[:3])
    flown = NIGHTS[0]
    files["outcomes", flown] = files["outcomes", flown].replace(",1", ",9", 200)
    units = land(lake, "run", files)
    snapshot, written = write(lake, runner, "run", units, "a" * 64)
    found = {(one.table, one.data_date): one for one in audit(lake, runner, snapshot, units, written, "a" * 64).units}
    broken = {each.name for each in found["outcomes", flown].failed("critical")}
    assert "fact:agreement:outcomes-schedule" in broken
    assert found["schedule", flown].passed
    assert found["schedule", flown + timedelta(days=1)].passed
