"""Evidence of made-up faults: each is seen on its first night, in its own table, and the days around it stay ok."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from pyspark.sql import SparkSession

from lakeloop.adapters.lakefs_lake import LakeFSLake
from lakeloop.core.jobs import EvidenceJob
from lakeloop.core.reports import DateEvidence
from lakeloop.core.verdict import judge
from lakeloop.settings import Settings
from lakeloop.spark.evidence import evidence
from tests.spark.small_flights import Rows, days, of, ours, publish, weather, without, world
from use_cases.flights import FLIGHTS

FIRST = date(2013, 3, 1)
DATES = days(FIRST + timedelta(days=10), 24)
POLICY = FLIGHTS.drift.model_copy(update={"minimum_rows": 0})  # these dates have no scores

CELSIUS, CELSIUS_AGAIN, KNOTS, NO_TEMP = DATES[0], DATES[1], DATES[3], DATES[5]
STALE_SKY, STALE_PLAN, LAST_WEEK, KILOMETRES = DATES[7], DATES[9], DATES[11], DATES[13]
AN_HOUR_LATE, NO_JFK, HALF, NO_SKY = DATES[15], DATES[17], DATES[19], DATES[21]
FAULTS = {
    CELSIUS: ("weather", "identity:relative_humidity"),
    CELSIUS_AGAIN: ("weather", "identity:relative_humidity"),
    KNOTS: ("weather", "identity:whole_knots"),
    NO_TEMP: ("weather", "identity:relative_humidity"),
    STALE_SKY: ("weather", "stale"),
    STALE_PLAN: ("schedule", "stale"),
    LAST_WEEK: ("schedule", "stale"),
    KILOMETRES: ("schedule", "ratio:schedule.distance"),
    AN_HOUR_LATE: ("schedule", "ratio:schedule.sched_dep_time"),
    NO_JFK: ("schedule", "members:schedule.origin"),
    HALF: ("schedule", "partial"),
    NO_SKY: ("weather", "partial"),
}


def changed(rows: Rows, day: date, **change: object) -> Rows:
    """The rows with columns of one date changed: a factor, or None."""

    def value(row: dict[str, object], name: str) -> object:
        factor = change[name]
        return None if factor is None else type(row[name])(row[name] * factor)  # type: ignore[call-arg, operator]

    return [{**row, **{name: value(row, name) for name in change}} if row["data_date"] == day else row for row in rows]


def copied(rows: Rows, day: date, earlier: date) -> Rows:
    """The rows with one date replaced by what an earlier one was."""
    return [*without(rows, day), *({**row, **ours(day)} for row in of(rows, [earlier]))]


@pytest.fixture(scope="module")
def damaged() -> dict[str, Rows]:
    """Five weeks with a fault of its own on many a night."""
    tables = world(days(FIRST, 34))
    plan, sky = tables["schedule"], tables["weather"]
    for day in (CELSIUS, CELSIUS_AGAIN):
        for row in of(sky, [day]):
            row |= {name: (float(str(row[name])) - 32) / 1.8 for name in ("temp", "dewp")}
    sky = changed(changed(sky, KNOTS, wind_speed=1 / 1.15078), NO_TEMP, temp=None)
    sky = without(copied(sky, STALE_SKY, STALE_SKY - timedelta(days=1)), NO_SKY)
    plan = copied(copied(plan, STALE_PLAN, STALE_PLAN - timedelta(days=1)), LAST_WEEK, LAST_WEEK - timedelta(days=7))
    plan = changed(plan, KILOMETRES, distance=1.609344)
    for row in of(plan, [AN_HOUR_LATE]):
        row |= {"hour": int(str(row["hour"])) + 1, "sched_dep_time": int(str(row["sched_dep_time"])) + 100}
    plan = [row for row in plan if not (row["data_date"] == NO_JFK and row["origin"] == "JFK")]
    half = [row for row in of(plan, [HALF]) if int(str(row["flight"])) % 12 < 6]
    return {"schedule": [*without(plan, HALF), *half], "weather": sky, "outcomes": tables["outcomes"]}


def measured(spark: SparkSession, lake: LakeFSLake, commit: str, dates: list[date]) -> dict[date, DateEvidence]:
    asked = EvidenceJob(
        repository=lake.repository, case="use_cases.flights:FLIGHTS", data_commit=commit, candidates={commit: tuple(dates)}
    )
    return {found.data_date: found for found in evidence(asked, spark, FLIGHTS).dates}


@pytest.fixture(scope="module")
def found(spark: SparkSession, stack: Settings, shared_lake: LakeFSLake, damaged: dict[str, Rows]) -> dict[date, DateEvidence]:
    """The evidence of all dates, measured at once."""
    return measured(spark, shared_lake, publish(stack, shared_lake, damaged), DATES)


@pytest.mark.parametrize(("day", "fault"), FAULTS.items(), ids=[f"{name} {table}" for table, name in FAULTS.values()])
def test_a_fault_is_seen_on_its_night_in_its_table(found: dict[date, DateEvidence], day: date, fault: tuple[str, str]) -> None:
    broken = {(fact.table, fact.name) for fact in found[day].facts if fact.broken}
    assert fault in broken
    assert {table for table, _ in broken} == {fault[0]}
    assert judge(found[day], POLICY).tables == (fault[0],)


def test_every_other_night_is_ok(found: dict[date, DateEvidence]) -> None:
    verdicts = {day: judge(found[day], POLICY) for day in DATES if day not in FAULTS}
    assert {verdict.word for verdict in verdicts.values()} == {"ok"}, [verdict.words for verdict in verdicts.values()]
    assert len(verdicts) == len(DATES) - len(FAULTS)


def test_the_first_days_of_a_lake_are_provisional_and_say_so(spark: SparkSession, stack: Settings, lake: LakeFSLake) -> None:
    commit = publish(stack, lake, world(days(FIRST, 8)))
    seen = measured(spark, lake, commit, [FIRST, FIRST + timedelta(days=7)])
    assert [one.history_days for one in seen.values()] == [0, 7]
    assert [judge(one, POLICY).word for one in seen.values()] == ["provisional", "ok"]


def test_a_first_day_in_celsius_needs_no_history_to_be_seen(spark: SparkSession, stack: Settings, lake: LakeFSLake) -> None:
    tables = world([FIRST])
    for row in tables["weather"]:
        row |= {name: (float(str(row[name])) - 32) / 1.8 for name in ("temp", "dewp")}
    seen = measured(spark, lake, publish(stack, lake, tables), [FIRST])[FIRST]
    assert judge(seen, POLICY).word == "data_fault"
    assert weather(FIRST)[0]["temp"] != tables["weather"][0]["temp"]
