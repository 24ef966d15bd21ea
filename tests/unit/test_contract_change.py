"""Each change of a contract has its class, and goes through or is refused by it: case by case, without any server."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakeloop.core.contract import Column, ExpectedKeys, RowRule, TableContract
from lakeloop.core.contract_change import ContractChange, Kind, compare
from lakeloop.core.contract_use import touched
from lakeloop.core.gate_policy import BeatsBaseline
from lakeloop.core.use_case import DriftPolicy, Identity, Label, Lookback, Staleness, UseCase

TEMP = Column(name="temp", type="double", minimum=-80, maximum=150)
CODE = Column(name="code", type="string", required=True, allowed=("a", "b"), pattern="^[a-z]$")
RULE = RowRule(name="warm", check="temp > 0", words="it is never cold")
BEFORE = TableContract(name="weather", columns=(CODE, TEMP), key=("code",), version=3)


def table(version: int = 4, **changes: Any) -> TableContract:
    return BEFORE.model_copy(update={"version": version, **changes})


def with_columns(*columns: Column, **changes: Any) -> TableContract:
    return table(columns=columns, **changes)


def only(now: TableContract) -> ContractChange:
    (change,) = compare([BEFORE], [now])
    return change


@pytest.mark.parametrize(
    ("now", "kind"),
    [
        (with_columns(CODE, TEMP, Column(name="wind", type="double")), "additive"),
        (with_columns(CODE.model_copy(update={"required": False}), TEMP), "looser"),
        (with_columns(CODE, TEMP.model_copy(update={"maximum": 160})), "looser"),
        (with_columns(CODE, TEMP.model_copy(update={"minimum": -90})), "looser"),
        (with_columns(CODE, TEMP.model_copy(update={"minimum": None})), "looser"),
        (with_columns(CODE.model_copy(update={"allowed": ("a", "b", "c")}), TEMP), "looser"),
        (with_columns(CODE.model_copy(update={"pattern": None}), TEMP), "looser"),
        (table(quarantine_limit=0.1), "looser"),
        (with_columns(CODE.model_copy(update={"invisible": True}), TEMP), "looser"),
        (table(rules=(RULE,)), "stricter"),
        (table(quarantine_limits={"range:temp": 0.01}), "stricter"),
        (table(formats=("csv",)), "stricter"),
        (with_columns(CODE, TEMP.model_copy(update={"required": True})), "stricter"),
        (with_columns(CODE, TEMP.model_copy(update={"maximum": 140})), "stricter"),
        (with_columns(CODE.model_copy(update={"allowed": ("a", "c")}), TEMP), "stricter"),
        (with_columns(CODE.model_copy(update={"pattern": "^[a-c]$"}), TEMP), "stricter"),
        (table(quarantine_limit=0.01), "stricter"),
        (table(expected=ExpectedKeys(source="fixed", count=72)), "stricter"),
        (with_columns(CODE, TEMP.model_copy(update={"personal": True})), "stricter"),
        (with_columns(CODE.model_copy(update={"not_personal": "a code of places"}), TEMP), "looser"),
    ],
)
def test_a_change_that_breaks_nothing_goes_through_when_the_version_counts_up(now: TableContract, kind: Kind) -> None:
    assert (only(now).kind, only(now).refused) == (kind, "")
    assert "count it up to 4" in only(now.model_copy(update={"version": 3})).refused
    assert "count it up to 4" in only(now.model_copy(update={"version": 2})).refused


@pytest.mark.parametrize(
    "now",
    [
        with_columns(CODE),
        with_columns(CODE, TEMP, Column(name="wind", type="double", required=True)),
        table(key=("code", "temp")),
        table(kind="reference"),
        table(lag_days=1),
        table(null_words=()),
        table(null_words=("NA", "-")),
    ],
)
def test_a_breaking_change_is_refused_unless_this_version_declares_why(now: TableContract) -> None:
    assert only(now).kind == "breaking"
    assert "does not declare it" in only(now).refused
    assert only(now.model_copy(update={"breaks": "the supplier says so"})).refused == ""
    earlier = BEFORE.model_copy(update={"breaks": "the supplier says so"})
    (again,) = compare([earlier], [now.model_copy(update={"breaks": "the supplier says so"})])
    assert "does not declare it" in again.refused, "a declaration is for one version"


def test_what_was_masked_is_shown_only_when_a_version_declares_it() -> None:
    (change,) = compare([with_columns(CODE, TEMP.model_copy(update={"personal": True}), version=3)], [table()])
    assert (change.kind, change.what) == ("breaking", "temp is personal no more: what was masked would be published")
    assert "does not declare it" in change.refused


WHEN = Column(name="at", type="timestamp", unit="local", timezone="America/New_York", repeated_hour="earlier")


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"unit": "UTC"}, "breaking"),
        ({"unit": ""}, "breaking"),
        ({"timezone": "America/Chicago"}, "breaking"),
        ({"repeated_hour": "later"}, "breaking"),
        ({"repeated_hour": None}, "stricter"),
    ],
)
def test_what_makes_the_same_text_another_value_is_breaking(changes: dict[str, Any], kind: Kind) -> None:
    was, now = (with_columns(CODE, column, version=3) for column in (WHEN, WHEN.model_copy(update=changes)))
    (change,) = compare([was], [now])
    assert (change.kind, "count it up to 4" in change.refused) == (kind, True)
    (declared,) = compare([was], [now.model_copy(update={"version": 4, "breaks": "the sensor moved"})])
    assert declared.refused == ""


def test_an_hour_that_is_refused_no_more_is_looser_and_a_first_unit_is_no_change() -> None:
    refusing = WHEN.model_copy(update={"repeated_hour": None, "unit": ""})
    (change,) = compare([with_columns(CODE, refusing, version=3)], [with_columns(CODE, WHEN)])
    assert (change.kind, change.what) == ("looser", "at: repeated_hour none becomes earlier")


def test_a_published_column_never_changes_its_type_whatever_is_declared() -> None:
    change = only(with_columns(CODE, TEMP.model_copy(update={"type": "int"}), breaks="we must"))
    assert change.kind == "retyped"
    assert "new name" in change.refused


def test_a_type_is_kept_over_the_versions_between_and_while_its_table_was_gone() -> None:
    was, now = with_columns(CODE, version=4), with_columns(CODE, TEMP.model_copy(update={"type": "int"}), version=5)
    for before in ([was], []):
        told = compare(before, [now], [BEFORE, was])
        assert [(one.column, one.kind) for one in told if one.refused] == [("temp", "retyped")]
        assert "temp: type double of version 3 becomes int" in [one.what for one in told]
        assert not any(one.refused for one in compare(before, [with_columns(CODE, TEMP, version=5)], [BEFORE, was]))


def test_a_rule_that_is_gone_and_dates_that_may_lie_further_off_are_looser() -> None:
    ruled = table(3, rules=(RULE,))
    (gone,) = compare([ruled], [table()])
    seen = Column(name="seen", type="date")
    (wider,) = compare(
        [with_columns(CODE, TEMP, seen, version=3)],
        [with_columns(CODE, TEMP, seen.model_copy(update={"earliest": date(1800, 1, 1)}))],
    )
    assert (gone.kind, wider.kind) == ("looser", "looser")


def test_a_renamed_column_is_one_gone_and_one_new() -> None:
    changes = compare([BEFORE], [with_columns(CODE, TEMP.model_copy(update={"name": "temperature"}))])
    assert sorted((change.column, change.kind) for change in changes) == [("temp", "breaking"), ("temperature", "additive")]


def test_tables_come_and_go_without_a_version_of_their_own() -> None:
    other = BEFORE.model_copy(update={"name": "tides"})
    (new,), (gone,) = compare([BEFORE], [BEFORE, other]), compare([BEFORE, other], [BEFORE])
    assert [(one.table, one.kind, one.refused) for one in (new, gone)] == [("tides", "additive", ""), ("tides", "retired", "")]


def test_who_owns_a_table_and_the_order_of_its_columns_are_no_change() -> None:
    assert compare([BEFORE], [with_columns(TEMP, CODE, version=3, owner="somebody else")]) == []


BOUNDS = st.one_of(st.none(), st.integers(-5, 5).map(float))


@given(BOUNDS, BOUNDS, BOUNDS, BOUNDS, st.integers(-6, 6))
def test_what_is_called_looser_quarantines_no_row_that_passed(
    low: float | None, high: float | None, new_low: float | None, new_high: float | None, value: int
) -> None:
    was, now = (TEMP.model_copy(update={"minimum": a, "maximum": b}) for a, b in ((low, high), (new_low, new_high)))
    changes = compare([with_columns(CODE, was)], [with_columns(CODE, now, version=5)])
    assert bool(changes) == (was != now)
    if passes(was, value) and all(change.kind == "looser" for change in changes):
        assert passes(now, value)


def passes(column: Column, value: int) -> bool:
    return (column.minimum is None or value >= column.minimum) and (column.maximum is None or value <= column.maximum)


CASE = UseCase(
    name="toy", tables=(BEFORE, TableContract(name="sales", columns=(CODE,), key=("code",))),
    features="toy.features:build", feature_names=("temp", "gust"), entity=("code",),
    reads=(Lookback(table="weather", first=0, last=0),), label=Label(table="sales", expression="code = 'a'"),
    gates=(BeatsBaseline(name="better", metric="auc", baseline="code"),),
    drift=DriftPolicy(
        identities=(Identity(name="heat", table="weather", error="abs(temp - 1)", bound=1, hint=""),),
        stale=(Staleness(table="weather", columns=("code", "temp"), share=0.5),),
    ),
)  # fmt: skip
SOURCE = 'tables["weather"].select("temp", "pressure")'


def change(name: str, column: str = "") -> ContractChange:
    return ContractChange(table=name, column=column, kind="breaking", what="")


def test_what_a_change_touches_is_found_by_name() -> None:
    heat = touched(CASE, change("weather", "temp"), SOURCE, "toy 3")
    assert heat == [
        "feature temp", "identity heat", "staleness of weather", "features toy.features:build",
        "champion toy 3, which was fitted on them", "view toy_weather",
    ]  # fmt: skip
    assert touched(CASE, change("weather", "pres"), SOURCE, "toy 3") == ["view toy_weather"]
    assert "champion toy 3, which was fitted on them" in touched(CASE, change("sales", "code"), "", "toy 3")  # its label
    assert touched(CASE, change("sales", "code"), "", "") == ["the entity", "label label", "gate better", "view toy_sales"]
    assert touched(CASE, change("weather"), SOURCE, "") == ["features toy.features:build", "view toy_weather"]


@pytest.mark.parametrize(
    ("was", "now", "kind"),
    [
        ({"type": 0.1, "range:temp": 0.1}, {"type": 0.2, "range:temp": 0.1}, "looser"),
        ({"type": 0.1, "range:temp": 0.1}, {"type": 0.1}, "looser"),
        ({"type": 0.1}, {"type": 0.2, "range:temp": 0.1}, "stricter"),
        ({"type": 0.1}, {"type": 0.05}, "stricter"),
    ],
)
def test_limits_by_reason_are_looser_where_none_is_lower(was: dict[str, float], now: dict[str, float], kind: Kind) -> None:
    (change,) = compare([table(3, quarantine_limits=was)], [table(quarantine_limits=now)])
    assert change.kind == kind
