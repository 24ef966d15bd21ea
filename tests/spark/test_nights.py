"""A range is judged as its nights would have been one by one: from answers, without a server."""

from __future__ import annotations

from datetime import date, timedelta

from lakeloop.core.lake import UnitId
from lakeloop.core.use_case import DriftPolicy, Members
from lakeloop.spark.deliveries import checks
from tests.spark.small_flights import days
from tests.spark.small_parcels import PARCELS

CASE = PARCELS.model_copy(update={"drift": DriftPolicy(members=(Members(table="parcels", column="size"),))})
DATES = days(date(2024, 3, 1), 14)
BAD = DATES[10:13]


def broken(dates: list[date], known: list[date], refused: frozenset[UnitId] = frozenset()) -> set[date]:
    """The dates that miss a size, when these are judged and those are there."""
    sizes = {day: ["small"] if day in BAD else ["small", "large"] for day in known}
    answers = {"days parcels": [(day, {"rows": 9, "members size": seen}) for day, seen in sizes.items()]}
    found = checks(CASE, answers, {"parcels": dates}, refused)["parcels"]
    return {day for day, each in found.items() if any(one.name.startswith("fact:members") and not one.passed for one in each)}


def test_bad_nights_in_a_row_are_all_refused_as_they_are_one_by_one() -> None:
    alone = {night for night in BAD if broken([night], [*DATES[:10], night])}
    assert broken(DATES, DATES) == alone == set(BAD)


def test_what_another_check_refuses_is_no_history_either() -> None:
    first, second, third = BAD
    known = [day for day in DATES if day != first]
    assert broken([second, third], known) == {second, third}
    refused = frozenset({UnitId("parcels", day) for day in DATES[3:9]})
    assert broken(DATES, DATES, refused) == set(), "four days are too few to compare with"


def test_a_refused_night_does_not_hide_a_date_from_itself() -> None:
    last = DATES[-1] + timedelta(days=1)
    assert broken([last], [*DATES[:10], last], frozenset({UnitId("parcels", last)})) == set()
