"""What the dates of one audit say of each other: identities under two of them, and ranges that judge as their nights do."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date, timedelta

from pyspark.sql import SparkSession

from lakeloop.adapters.lakefs_lake import LakeFSLake
from lakeloop.core.reports import AuditReport
from lakeloop.settings import Settings
from tests.spark.audited_flights import Found, audited, audited_units, broken, changed, copied, facts, in_celsius, moved_back
from tests.spark.small_flights import days, of, publish, without, world

FIRST = date(2013, 3, 1)


def shown_elsewhere(report: AuditReport, day: date) -> list[str]:
    """What the page shows of the weather whose identity another date has."""
    (unit,) = (one for one in json.loads(report.pages["audit.json"])["units"] if one["data_date"] == str(day))
    return next((each["rows"] for each in unit["failed"] if each["name"] == "fact:elsewhere"), [])


def test_an_identity_under_two_dates_marks_the_later_one_and_loses_no_row(
    spark: SparkSession, stack: Settings, lake: LakeFSLake
) -> None:
    tables = {"weather": world(days(FIRST, 3))["weather"]}
    last = FIRST + timedelta(days=2)
    moved_back(of(tables["weather"], [last])[:5], 1)
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
    in_celsius(of(tables["weather"], [refused]))
    for rows, back in ((of(tables["weather"], [judged])[:5], 2), (of(tables["weather"], [judged])[5:8], 1)):
        moved_back(rows, back)
    moved_back(of(tables["weather"], [later])[5:8], 2)
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
    in_celsius(of(sky, [refused]))
    for rows, back in ((of(sky, [judged])[:5], 1), (of(sky, [later])[:5], 30), (of(sky, [judged])[5:6], -1)):
        moved_back(rows, back)
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
    moved_back(of(tables["weather"], [second])[:5], 1)
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
