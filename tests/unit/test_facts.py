"""Facts: what one date of one table shows, against bounds."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from lakeloop.core.facts import Day, history_of, identity_fact, members_fact, ratio_fact, rows_fact, stale_fact
from lakeloop.core.use_case import DriftPolicy, Identity, Members, Staleness, UnitRatio

DAY = date(2013, 7, 2)
POLICY = DriftPolicy(history_days=28, minimum_history=7, partial_share=0.6)
HUMIDITY = Identity(name="humidity", table="weather", error="abs(x)", bound=0.5, hint="not in Fahrenheit")
STALE = Staleness(table="weather", columns=("temp",), share=0.97)


def history(days: int = 28, rows: int = 100) -> dict[date, Day]:
    return {
        DAY - timedelta(days=back): Day(rows=rows, members={"origin": frozenset({"EWR", "JFK"})}) for back in range(1, days + 1)
    }


@pytest.mark.parametrize(("rows", "broken"), [(100, False), (60, False), (59, True), (0, True)])
def test_a_date_with_too_few_of_its_usual_rows_is_partial(rows: int, broken: bool) -> None:
    assert rows_fact("weather", DAY, {**history(), DAY: Day(rows=rows)}, POLICY).broken is broken


def test_rows_are_compared_with_the_same_weekdays() -> None:
    quiet = {day: Day(rows=50 if day.weekday() == DAY.weekday() else 100) for day in history()}
    assert not rows_fact("weather", DAY, {**quiet, DAY: Day(rows=50)}, POLICY).broken


def test_with_little_history_only_an_empty_date_is_partial() -> None:
    assert not rows_fact("weather", DAY, {**history(6), DAY: Day(rows=1)}, POLICY).broken
    assert rows_fact("weather", DAY, history(6), POLICY).broken


def test_days_without_rows_are_no_history() -> None:
    days = {**history(10), DAY - timedelta(days=3): Day(rows=0)}
    assert len(history_of(DAY, days, POLICY)) == 9
    assert len(history_of(DAY + timedelta(days=300), days, POLICY)) == 0


def test_a_value_that_every_recent_date_had_is_missed() -> None:
    rule = Members(table="weather", column="origin")
    gone = members_fact(rule, DAY, {**history(), DAY: Day(rows=50, members={"origin": frozenset({"EWR"})})}, POLICY)
    new = members_fact(rule, DAY, {**history(), DAY: Day(rows=9, members={"origin": frozenset({"EWR", "JFK", "LGA"})})}, POLICY)
    assert (gone.broken, gone.words) == (True, "weather.origin misses JFK")
    assert not new.broken


def test_a_value_that_was_not_there_every_day_is_not_missed() -> None:
    days = {**history(), DAY - timedelta(days=5): Day(rows=50, members={"origin": frozenset({"EWR"})})}
    days[DAY] = Day(rows=50, members={"origin": frozenset({"EWR"})})
    assert not members_fact(Members(table="weather", column="origin"), DAY, days, POLICY).broken


@pytest.mark.parametrize(
    ("error", "measurable", "broken"), [(0.03, 1.0, False), (0.6, 1.0, True), (0.03, 0.4, True), (None, 0.0, True)]
)
def test_an_identity_is_broken_by_its_error_and_by_being_unmeasurable(
    error: float | None, measurable: float, broken: bool
) -> None:
    day = Day(rows=72, errors={"humidity": error}, measurable={"humidity": measurable})
    assert identity_fact(HUMIDITY, DAY, {DAY: day}).broken is broken


def test_a_broken_identity_gives_its_hint() -> None:
    day = Day(rows=72, errors={"humidity": 9.0}, measurable={"humidity": 1.0})
    assert identity_fact(HUMIDITY, DAY, {DAY: day}).words.endswith("not in Fahrenheit")


@pytest.mark.parametrize(("ratio", "broken"), [(1.0, False), (0.94, True), (1.61, True), (None, False)])
def test_a_ratio_outside_its_bounds_is_another_unit(ratio: float | None, broken: bool) -> None:
    rule = UnitRatio(table="schedule", column="distance", low=0.95, high=1.05)
    assert ratio_fact(rule, ratio).broken is broken


def test_a_copy_of_a_recent_date_is_stale_and_names_it() -> None:
    days = {**history(), DAY: Day(rows=100)}
    yesterday, last_week = DAY - timedelta(days=1), DAY - timedelta(days=7)
    copied = stale_fact(STALE, DAY, days, {yesterday: 40, last_week: 100})
    assert (copied.broken, copied.value) == (True, 1.0)
    assert str(last_week) in copied.words


def test_sharing_most_rows_with_a_longer_date_is_not_stale() -> None:
    days = {**history(rows=120), DAY: Day(rows=100)}
    assert not stale_fact(STALE, DAY, days, {DAY - timedelta(days=1): 100}).broken
    assert not stale_fact(STALE, DAY, days, {}).broken
