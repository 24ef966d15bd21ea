"""Facts: what one date of one table shows, against bounds."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from lakeloop.core.facts import (
    Day,
    Moments,
    distinct_fact,
    history_fact,
    history_of,
    identity_fact,
    members_fact,
    nulls_fact,
    ratio_fact,
    rows_fact,
    shift_fact,
    stale_fact,
)
from lakeloop.core.use_case import DriftPolicy, Identity, Members, Shift, Staleness, UnitRatio, Variety

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


def test_too_little_history_is_said_and_marks() -> None:
    short, enough = history_fact("weather", DAY, history(6), POLICY), history_fact("weather", DAY, history(7), POLICY)
    assert (short.broken, short.severity, enough.broken) == (True, "warning", False)
    assert short.words == "weather has 6 days of history, insufficient for what compares with 7"
    assert "insufficient" in rows_fact("weather", DAY, {**history(6), DAY: Day(rows=9)}, POLICY).words


@pytest.mark.parametrize(("mean", "broken"), [(10.0, False), (11.9, False), (12.1, True), (7.9, True), (None, False)])
def test_a_mean_far_from_its_recent_mean_marks_and_never_refuses(mean: float | None, broken: bool) -> None:
    rule = Shift(table="weather", column="temp", bound=1.0)
    days = {day: Day(rows=9, moments={"temp": Moments(mean=10.0, deviation=2.0)}) for day in history()}
    fact = shift_fact(rule, DAY, {**days, DAY: Day(rows=9, moments={"temp": Moments(mean=mean)})}, POLICY)
    assert (fact.broken, fact.severity) == (broken, "warning")


def test_a_column_that_never_varied_is_not_judged_by_its_shift() -> None:
    rule = Shift(table="weather", column="temp", bound=1.0)
    days = {day: Day(rows=9, moments={"temp": Moments(mean=10.0, deviation=0.0)}) for day in (*history(), DAY)}
    assert shift_fact(rule, DAY, days, POLICY).value is None


VARIETY = Variety(table="weather", column="temp")


def varied(filled: float, distinct: int) -> dict[date, Day]:
    """Recent days that are 0.9 full, of 20 values, and the judged one."""
    days = {day: Day(rows=9, filled={"temp": 0.9}, distinct={"temp": 20}) for day in history()}
    return {**days, DAY: Day(rows=9, filled={"temp": filled}, distinct={"temp": distinct})}


@pytest.mark.parametrize(("filled", "broken"), [(0.9, False), (1.0, False), (0.66, False), (0.5, True), (0.0, True)])
def test_a_column_that_is_half_null_all_at_once_is_marked(filled: float, broken: bool) -> None:
    fact = nulls_fact(VARIETY, DAY, varied(filled, 20), POLICY)
    assert (fact.broken, fact.severity) == (broken, "warning")


@pytest.mark.parametrize(("distinct", "broken"), [(1, True), (9, True), (10, False), (30, False), (31, True), (5000, True)])
def test_a_constant_column_and_an_explosion_of_categories_are_marked(distinct: int, broken: bool) -> None:
    fact = distinct_fact(VARIETY, DAY, varied(0.9, distinct), POLICY)
    assert (fact.broken, fact.severity) == (broken, "warning")
    assert fact.words == f"weather.temp has {distinct} distinct values, usually 20"


def test_the_variety_of_a_column_waits_for_history() -> None:
    days = {day: one for day, one in varied(0.0, 1).items() if (DAY - day).days < 7}
    assert [each(VARIETY, DAY, days, POLICY).value for each in (nulls_fact, distinct_fact)] == [None, None]
