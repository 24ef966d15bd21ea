"""What a night of a range finds of other nights, without a lake."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from lakeloop.core.lake import UnitId
from lakeloop.core.nights import RowCounts
from use_cases.flights import FLIGHTS

DAY = date(2013, 3, 1)
NEXT, FLOWN = DAY + timedelta(days=1), DAY + timedelta(days=2)  # outcomes of a date come two nights after its schedule
COUNTS = RowCounts(
    FLIGHTS,
    {"schedule": [DAY], "outcomes": [DAY]},
    {"schedule": {DAY: 400, NEXT: 500}, "outcomes": {DAY: 390}},
    {"schedule": {DAY: 900}},
    frozenset({UnitId("schedule", DAY), UnitId("outcomes", DAY)}),
)


@pytest.mark.parametrize(
    ("table", "day", "night", "rows"),
    [
        ("schedule", DAY, DAY, 400),  # refused, but of the same night
        ("schedule", DAY, FLOWN, 900),  # refused since, so main goes on to hold what it held
        ("outcomes", DAY, DAY, None),  # still to come
        ("outcomes", DAY, FLOWN, 390),
        ("outcomes", DAY, FLOWN + timedelta(days=1), None),  # refused since, and main held none
        ("schedule", NEXT, DAY, 500),  # of no run of ours: it was there before
    ],
)
def test_a_night_finds_what_it_would_have_found_alone(table: str, day: date, night: date, rows: int | None) -> None:
    assert COUNTS.of(table, day, night) == rows
