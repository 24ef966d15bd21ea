"""A number of a policy that could never bind is refused where it is written, in a sentence that names its rule."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from lakeloop.core.use_case import (
    Agreement,
    DriftPolicy,
    Identity,
    Lookback,
    Settlement,
    Shift,
    Staleness,
    UnitRatio,
    Variety,
)
from lakeloop.core.value import Value

NAN, INF = float("nan"), float("inf")
OF_A_COLUMN = {"table": "t", "column": "c"}
KNOWN: dict[type[Value], dict[str, Any]] = {
    Agreement: {"table": "t", "partner": "u", "on": ("id",), "share": 0.9},
    DriftPolicy: {},
    Identity: {"name": "i", "table": "t", "error": "0", "bound": 0, "hint": ""},
    Lookback: {"table": "t", "first": 3, "last": 1},
    Settlement: {"name": "s", "table": "t", "later": "u", "on": ("id",), "error": "0", "bound": 0, "hint": ""},
    Shift: OF_A_COLUMN | {"bound": 1},
    Staleness: {"table": "t", "columns": ("c",), "share": 0.5},
    UnitRatio: OF_A_COLUMN | {"low": 0.5, "high": 2},
    Variety: OF_A_COLUMN,
}
SHARES = [(Agreement, "share"), (Staleness, "share"), (Variety, "nulls"), (DriftPolicy, "partial_share")]
DISTANCES = [
    (Identity, "bound"), (Settlement, "bound"), (Shift, "bound"), (UnitRatio, "low"), (UnitRatio, "high"), (Variety, "low"),
    (Variety, "high"),
]  # fmt: skip
COUNTS = [
    (Settlement, "fewest", 0), (DriftPolicy, "history_days", 0), (DriftPolicy, "minimum_history", -1),
    (DriftPolicy, "minimum_rows", -1), (Lookback, "first", -1), (Lookback, "last", -1),
]  # fmt: skip
REFUSED = [
    *((kind, name, value) for kind, name in SHARES for value in (-0.1, 1.1, 95, NAN, INF)),
    *((kind, name, value) for kind, name in DISTANCES for value in (-0.1, NAN, INF)),
    *COUNTS,
]


@pytest.mark.parametrize(("kind", "name", "value"), REFUSED)
def test_a_number_beyond_its_bounds_is_refused_by_name(kind: type[Value], name: str, value: float) -> None:
    kind(**KNOWN[kind])
    with pytest.raises(ValidationError, match=f"{name} is {value:g}; say "):
        kind(**KNOWN[kind] | {name: value})


@pytest.mark.parametrize(
    ("kind", "asked", "words"),
    [
        (UnitRatio, {"low": 3}, "t: high is 2 and low 3; say one that is no less"),
        (Variety, {"low": 2}, "t: high is 1.5 and low 2; say one that is no less"),
        (Lookback, {"first": 0}, "t: last is 1 and first 0; say one that is no more days back"),
    ],
)
def test_a_range_that_nothing_is_within_is_refused(kind: type[Value], asked: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        kind(**KNOWN[kind] | asked)
