"""Facts that one delivery shows: each fault is refused in its own table on its own night, and no other unit is."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import pytest
from pyspark.sql import SparkSession

from lakeloop.adapters.lakefs_lake import LakeFSLake
from lakeloop.core.jobs import AuditJob, LandedUnit
from lakeloop.core.reports import AuditReport, Check
from lakeloop.settings import REPO_ROOT, Settings
from lakeloop.spark.audit import audit
from lakeloop.spark.profiles import Profile
from lakeloop.spark.suites import judge
from tests.spark.small_flights import Rows, arrived, days, of, ours, publish, without, world
from use_cases.flights import FLIGHTS

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
Found = dict[tuple[str, date], tuple[Check, ...]]


def changed(rows: Rows, day: date, **change: object) -> Rows:
    """The rows with columns of one date changed: a factor, or None."""

    def value(row: dict[str, object], name: str) -> object:
        factor = change[name]
        return None if factor is None else type(row[name])(row[name] * factor)  # type: ignore[call-arg, operator]

    return [{**row, **{name: value(row, name) for name in change}} if row["data_date"] == day else row for row in rows]


def copied(rows: Rows, day: date, earlier: date) -> Rows:
    """The rows with one date replaced by what an earlier one was."""
    return [*without(rows, day), *({**row, **ours(day)} for row in of(rows, [earlier]))]


def swapped(rows: Rows, day: date, one: str, other: str) -> None:
    """Two columns of a date, each under the other's name."""
    for row in of(rows, [day]):
        row[one], row[other] = row[other], row[one]


def damaged() -> dict[str, Rows]:
    """Five weeks with a fault of its own on many a night."""
    tables = world(days(FIRST, 36))
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


def audited(spark: SparkSession, lake: LakeFSLake, commit: str, tables: dict[str, Rows], dates: list[date]) -> AuditReport:
    """The audit of these dates of these tables, each as if it had come whole and as the first of its date."""
    nothing = list(lake.log("main"))[-1].id
    return audited_units(spark, lake, nothing, commit, tables, [(table, day) for table in tables for day in dates])


def audited_units(
    spark: SparkSession,
    lake: LakeFSLake,
    base: str,
    commit: str,
    tables: dict[str, Rows],
    came: Sequence[tuple[str, date]],
    held: dict[str, Rows] | None = None,
) -> AuditReport:
    """The audit of what came, on top of what main held."""
    units = tuple(
        LandedUnit(
            table=table, data_date=day, delivery=1, sha256="b" * 64, path="", files=(),
            manifest_rows=len(of(tables[table], [day])), delivered_at=arrived(day), available_at=arrived(day),
            restates=bool(held and of(held[table], [day])),
        )
        for table, day in came
    )  # fmt: skip
    job = AuditJob(
        repository=lake.repository, case="use_cases.flights:FLIGHTS", snapshot=commit, base=base, run_key="a" * 64, units=units,
        written=(),
    )  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lakeloop.spark.audit.judge", only_breaches)
        return audit(job, spark, FLIGHTS, REPO_ROOT / "expectations")


def only_breaches(suite: Mapping[str, Any], found: Sequence[Profile]) -> dict[date, list[Check]]:
    """Of the suite only this: its volume refuses every night of so small a world, and then there is no history."""
    return {day: [each for each in checks if each.name == "rule_breaches"] for day, checks in judge(suite, found).items()}


def facts(report: AuditReport) -> Found:
    return {
        (one.table, one.data_date): tuple(each for each in one.checks if each.name.startswith("fact:")) for one in report.units
    }


def broken(checks: tuple[Check, ...], severity: str = "critical") -> set[str]:
    return {each.name.removeprefix("fact:") for each in checks if not each.passed and each.severity == severity}


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
    for row in tables["weather"]:
        row |= {name: (float(str(row[name])) - 32) / 1.8 for name in ("temp", "dewp")}
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


def shown_elsewhere(report: AuditReport, day: date) -> list[str]:
    """What the page shows of the weather whose identity another date has."""
    (unit,) = (one for one in json.loads(report.pages["audit.json"])["units"] if one["data_date"] == str(day))
    return next((each["rows"] for each in unit["failed"] if each["name"] == "fact:elsewhere"), [])


def test_an_identity_under_two_dates_marks_the_later_one_and_loses_no_row(
    spark: SparkSession, stack: Settings, lake: LakeFSLake
) -> None:
    tables = {"weather": world(days(FIRST, 3))["weather"]}
    last = FIRST + timedelta(days=2)
    for row in of(tables["weather"], [last])[:5]:
        row["time_hour"] = row["time_hour"] - timedelta(days=1)  # type: ignore[operator]
    found = audited(spark, lake, publish(stack, lake, tables), tables, [last])
    (mark,) = (each for each in facts(found)["weather", last] if each.name == "fact:elsewhere")
    assert (mark.passed, mark.severity, mark.observed) == (False, "warning", 5)
    assert found.units[0].fingerprint.rows == 72
    rows = shown_elsewhere(found, last)
    assert [row.partition("T")[0] for row in rows] == ["origin=EWR, time_hour=2013-03-02"] * 3
    assert all(row.endswith(", also under=2013-03-02") and row in found.pages["audit.html"] for row in rows)


def test_the_page_shows_no_row_under_a_date_that_is_refused_or_came_later(
    spark: SparkSession, stack: Settings, lake: LakeFSLake
) -> None:
    tables = {"weather": world(days(FIRST, 4))["weather"]}
    refused, kept, judged, later = days(FIRST, 4)
    for row in of(tables["weather"], [refused]):
        row |= {name: (float(str(row[name])) - 32) / 1.8 for name in ("temp", "dewp")}
    for rows, back in ((of(tables["weather"], [judged])[:5], 2), (of(tables["weather"], [judged])[5:8], 1)):
        for row in rows:
            row["time_hour"] = row["time_hour"] - timedelta(days=back)  # type: ignore[operator]
    for row in of(tables["weather"], [later])[5:8]:
        row["time_hour"] = row["time_hour"] - timedelta(days=2)  # type: ignore[operator]
    found = audited(spark, lake, publish(stack, lake, tables), tables, [refused, kept, judged, later])
    assert [row.rpartition("=")[2] for row in shown_elsewhere(found, judged)] == [str(kept)] * 3
    assert [row.rpartition("=")[2] for row in shown_elsewhere(found, later)] == [str(kept)] * 3  # their own hours are no date's


def test_the_page_shows_what_main_goes_on_to_hold_of_a_date_whose_restatement_is_refused(
    spark: SparkSession, stack: Settings, lake: LakeFSLake
) -> None:
    refused, judged, later = dates = days(FIRST, 3)
    held = {"weather": world(dates)["weather"]}
    base = publish(stack, lake, held)
    sky = [dict(row) for row in held["weather"]]
    for row in of(sky, [refused]):
        row |= {name: (float(str(row[name])) - 32) / 1.8 for name in ("temp", "dewp")}
    for rows, back in ((of(sky, [judged])[:5], 1), (of(sky, [later])[:5], 30), (of(sky, [judged])[5:6], -1)):
        for row in rows:
            row["time_hour"] = row["time_hour"] - timedelta(days=back)  # type: ignore[operator]
    lake.create_branch("again", base)
    tables, came = {"weather": sky}, [("weather", day) for day in dates]
    found = audited_units(spark, lake, base, publish(stack, lake, tables, "again"), tables, came, held)
    (mark,) = (each for each in facts(found)["weather", judged] if each.name == "fact:elsewhere")
    assert mark.observed == 6
    assert [row.rpartition("=")[2] for row in shown_elsewhere(found, judged)] == [str(refused)] * 3


def test_an_older_date_that_comes_after_a_newer_one_is_marked_and_a_range_like_its_nights(
    spark: SparkSession, stack: Settings, lake: LakeFSLake
) -> None:
    tables = {"weather": world(days(FIRST, 2))["weather"]}
    second = FIRST + timedelta(days=1)
    for row in of(tables["weather"], [second])[:5]:
        row["time_hour"] = row["time_hour"] - timedelta(days=1)  # type: ignore[operator]
    commit = publish(stack, lake, tables)

    def seen(*dates: date) -> list[float | str | None]:
        found = facts(audited(spark, lake, commit, tables, list(dates)))
        return [each.observed for one in dates for each in found["weather", one] if each.name == "fact:elsewhere"]

    assert seen(FIRST) == [5]
    assert seen(FIRST, second) == [0, 5]


def test_two_bad_nights_in_a_row_are_refused_by_a_range_as_they_are_one_by_one(
    spark: SparkSession, stack: Settings, lake: LakeFSLake
) -> None:
    dates = days(FIRST, 24)
    no_jfk, in_km = dates[-4:-2], dates[10:20]  # without the absent ones the last of ten has nothing left to be compared with
    plan = [row for row in world(dates)["schedule"] if (row["data_date"] not in no_jfk) or row["origin"] != "JFK"]
    for day in in_km:
        plan = changed(plan, day, distance=1.609344)
    found = facts(audited(spark, lake, publish(stack, lake, {"schedule": plan}), {"schedule": plan}, dates))
    in_range = {day: broken(found["schedule", day]) for day in dates}
    assert all("members:schedule.origin" in in_range[day] for day in no_jfk)
    assert all("ratio:schedule.distance" in in_range[day] for day in in_km)
    bad = {day for day, names in in_range.items() if names}
    assert bad == {*no_jfk, *in_km}
    night = dates[-3]
    known = {"schedule": [row for row in plan if row["data_date"] not in bad - {night} and row["data_date"] <= night]}  # type: ignore[operator]
    alone = facts(audited(spark, lake, publish(stack, lake, known), known, [night]))
    assert alone["schedule", night] == found["schedule", night]


def test_a_refused_restatement_leaves_a_range_what_main_held_as_it_leaves_it_to_nights(
    spark: SparkSession, stack: Settings, lake: LakeFSLake
) -> None:
    dates = days(FIRST, 16)
    first, second, third = dates[-3:]
    held = {name: world(dates)[name] for name in ("schedule", "outcomes")}
    base = publish(stack, lake, held)
    sent = {
        ("schedule", first): [row for row in of(held["schedule"], [first]) if row["origin"] != "JFK"],  # refused
        ("schedule", second): of(copied(held["schedule"], second, first), [second]),  # stale, by what main goes on to hold
        ("schedule", third): [row | {"tailnum": "N1"} for row in of(held["schedule"], [third])],
        ("outcomes", first): of(held["outcomes"], [first]),  # paired with the schedule that main goes on to hold
    }

    def found(branch: str, came: Sequence[tuple[str, date]]) -> Found:
        tables = dict(held)
        for table, day in came:
            tables[table] = [*without(tables[table], day), *sent[table, day]]
        lake.create_branch(branch, base)
        return facts(audited_units(spark, lake, base, publish(stack, lake, tables, branch), tables, came, held))

    whole = found("range", list(sent))
    assert [bool(broken(whole[unit])) for unit in sent] == [True, True, False, False]
    assert "stale" in broken(whole["schedule", second])
    for at, came in enumerate((list(sent)[:1], list(sent)[1:2], list(sent)[2:])):
        assert found(f"night{at}", came) == {unit: whole[unit] for unit in came}
