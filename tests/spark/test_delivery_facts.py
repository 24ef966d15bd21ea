"""Facts that one delivery shows: each fault is refused in its own table on its own night, and no other unit is."""

from __future__ import annotations

import json
from datetime import date, timedelta

import pytest
from pyspark.sql import SparkSession

from lakeloop.adapters.lakefs_lake import LakeFSLake
from lakeloop.core.reports import AuditReport
from lakeloop.settings import Settings
from tests.spark.audited_flights import audited, broken, changed, copied, facts, in_celsius
from tests.spark.small_flights import Rows, days, of, publish, without, world

FIRST = date(2013, 3, 1)
DATES = days(FIRST + timedelta(days=10), 26)

CELSIUS, CELSIUS_AGAIN, KNOTS, NO_TEMP = DATES[0], DATES[1], DATES[3], DATES[5]
STALE_SKY, STALE_PLAN, LAST_WEEK, KILOMETRES = DATES[7], DATES[9], DATES[11], DATES[13]
AN_HOUR_LATE, NO_JFK, HALF, NO_SKY = DATES[15], DATES[17], DATES[19], DATES[21]
SWAPPED_TIMES, SWAPPED_SKY = DATES[23], DATES[25]
SWAPPED_DELAYS, HOURS, TURNED, UTC_LEFT, OLD_OUTCOMES = DATES[2], DATES[4], DATES[6], DATES[8], DATES[12]
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
    SWAPPED_TIMES: ("schedule", "identity:scheduled_hour"),
    SWAPPED_SKY: ("weather", "identity:relative_humidity"),
    SWAPPED_DELAYS: ("outcomes", "disagreement:outcomes-schedule"),
    HOURS: ("outcomes", "disagreement:outcomes-schedule"),
    TURNED: ("outcomes", "disagreement:outcomes-schedule"),
    UTC_LEFT: ("outcomes", "disagreement:outcomes-schedule"),
    OLD_OUTCOMES: ("outcomes", "stale"),
}


def swapped(rows: Rows, day: date, one: str, other: str) -> None:
    """Two columns of a date, each under the other's name."""
    for row in of(rows, [day]):
        row[one], row[other] = row[other], row[one]


def damaged() -> dict[str, Rows]:
    """Five weeks with a fault of its own on many a night."""
    tables = world(days(FIRST, 36))
    plan, sky = tables["schedule"], tables["weather"]
    in_celsius(of(sky, [CELSIUS, CELSIUS_AGAIN]))
    sky = changed(changed(sky, KNOTS, wind_speed=1 / 1.15078), NO_TEMP, temp=None)
    sky = without(copied(sky, STALE_SKY, STALE_SKY - timedelta(days=1)), NO_SKY)
    plan = copied(copied(plan, STALE_PLAN, STALE_PLAN - timedelta(days=1)), LAST_WEEK, LAST_WEEK - timedelta(days=7))
    plan = changed(plan, KILOMETRES, distance=1.609344)
    for row in of(plan, [AN_HOUR_LATE]):
        row |= {"hour": int(str(row["hour"])) + 1, "sched_dep_time": int(str(row["sched_dep_time"])) + 100}
    swapped(plan, SWAPPED_TIMES, "sched_dep_time", "sched_arr_time")
    swapped(sky, SWAPPED_SKY, "temp", "dewp")
    plan = [row for row in plan if not (row["data_date"] == NO_JFK and row["origin"] == "JFK")]
    half = [row for row in of(plan, [HALF]) if int(str(row["flight"])) % 12 < 6]
    return {"schedule": [*without(plan, HALF), *half], "weather": sky, "outcomes": misread(tables["outcomes"])}


def misread(flown: Rows) -> Rows:
    """What came of the flights, wrong in its own columns on some nights."""
    flown = copied(flown, OLD_OUTCOMES, OLD_OUTCOMES - timedelta(days=7))
    swapped(flown, SWAPPED_DELAYS, "dep_delay", "arr_delay")
    for day, name, change in ((HOURS, "arr_delay", 1 / 60), (TURNED, "arr_delay", -1)):
        for row in (row for row in of(flown, [day]) if row[name] is not None):
            row[name] = float(str(row[name])) * change
    for row in of(flown, [UTC_LEFT]):
        row["dep_time"] = (int(str(row["dep_time"])) + 400) % 2400
    return flown


@pytest.fixture(scope="module")
def report(spark: SparkSession, stack: Settings, shared_lake: LakeFSLake) -> AuditReport:
    """The audit of all dates, in one run."""
    tables = damaged()
    return audited(spark, shared_lake, publish(stack, shared_lake, tables), tables, DATES)


@pytest.mark.parametrize(("day", "fault"), FAULTS.items(), ids=[f"{name} {table}" for table, name in FAULTS.values()])
def test_a_fault_is_seen_on_its_night_in_its_table(report: AuditReport, day: date, fault: tuple[str, str]) -> None:
    table, name = fault
    assert name in broken(facts(report)[table, day])
    for other in {"schedule", "weather", "outcomes"} - {table}:
        assert broken(facts(report)[other, day]) == set()


def test_every_other_night_passes_without_a_mark(report: AuditReport) -> None:
    clean = {unit: checks for unit, checks in facts(report).items() if unit[1] not in FAULTS}
    assert len(clean) == 3 * (len(DATES) - len(FAULTS))
    assert {unit: broken(checks) | broken(checks, "warning") for unit, checks in clean.items()} == dict.fromkeys(clean, set())


def test_the_page_shows_a_few_rows_of_what_failed(report: AuditReport) -> None:
    units = {(one["table"], one["data_date"]): one for one in json.loads(report.pages["audit.json"])["units"]}
    (celsius,) = (each for each in units["weather", str(CELSIUS)]["failed"] if each["name"] == "fact:identity:relative_humidity")
    assert 0 < len(celsius["rows"]) <= 3
    assert all("temp=" in row and "humid=" in row and "pressure=" not in row for row in celsius["rows"])
    assert celsius["rows"][0].replace("&", "&amp;") in report.pages["audit.html"]
    assert "temp or dewp is not in Fahrenheit" in report.pages["audit.html"]


def test_rows_that_contradict_each_other_are_shown_beside_each_other(
    spark: SparkSession, stack: Settings, lake: LakeFSLake
) -> None:
    tables = world([FIRST])
    for row in of(tables["outcomes"], [FIRST]):
        row["dep_time"] = (int(str(row["dep_time"])) + 400) % 2400
    commit = publish(stack, lake, tables)
    (unit,) = json.loads(audited(spark, lake, commit, {"outcomes": tables["outcomes"]}, [FIRST]).pages["audit.json"])["units"]
    (apart,) = (each["rows"] for each in unit["failed"] if each["name"] == "fact:disagreement:outcomes-schedule")
    assert len(apart) == 3
    assert all("flight=" in row and " dep_time=" in row and "sched_dep_time=" in row for row in apart)
    assert not any("air_time=" in row for row in apart), "it is no part of the contradiction"


def test_the_first_days_of_a_lake_are_marked_for_want_of_history(spark: SparkSession, stack: Settings, lake: LakeFSLake) -> None:
    tables = world(days(FIRST, 8))
    del tables["outcomes"]
    found = facts(audited(spark, lake, publish(stack, lake, tables), tables, [FIRST, FIRST + timedelta(days=7)]))
    first, later = found["schedule", FIRST], found["schedule", FIRST + timedelta(days=7)]
    assert (broken(first), broken(first, "warning"), broken(later, "warning")) == (set(), {"history"}, set())
    assert "insufficient" in next(each.words for each in first if each.name == "fact:history")
    partial = next(each for each in first if each.name == "fact:partial")
    assert (partial.observed, "insufficient" in partial.expected) == (None, True)


def test_a_first_day_in_celsius_needs_no_history_to_be_seen(spark: SparkSession, stack: Settings, lake: LakeFSLake) -> None:
    tables = {"weather": world([FIRST])["weather"]}
    in_celsius(tables["weather"])
    found = facts(audited(spark, lake, publish(stack, lake, tables), tables, [FIRST]))
    assert broken(found["weather", FIRST]) == {"identity:relative_humidity"}


def test_what_tables_say_of_each_other_is_held_against_the_one_that_came(
    spark: SparkSession, stack: Settings, lake: LakeFSLake
) -> None:
    tables = world(days(FIRST, 2))
    last = FIRST + timedelta(days=1)
    tables["weather"] = [row for row in tables["weather"] if (row["data_date"], row["origin"]) != (last, "JFK")]
    commit = publish(stack, lake, tables)
    found = facts(audited(spark, lake, commit, {"schedule": tables["schedule"], "weather": tables["weather"]}, [FIRST, last]))
    assert "agreement:schedule-weather" not in broken(found["schedule", FIRST], "warning")
    assert "agreement:schedule-weather" in broken(found["schedule", last], "warning")
    later = facts(audited(spark, lake, commit, {"weather": tables["weather"]}, [last]))
    assert "agreement:schedule-weather" in broken(later["weather", last], "warning")
