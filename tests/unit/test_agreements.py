"""Facts about rows that another table, or another date, speaks of."""

from __future__ import annotations

import pytest

from lakeloop.core.agreements import Error, agreement_fact, elsewhere_fact, settlement_fact
from lakeloop.core.contract import Column, TableContract
from lakeloop.core.use_case import Agreement, Settlement

KNOWN = Agreement(table="outcomes", partner="schedule", on=("flight",), share=0.95)
DEPARTURE = Settlement(
    name="departure", table="schedule", later="outcomes", on=("flight",), error="0", bound=0, hint="an hour off", by=("origin",)
)


@pytest.mark.parametrize(("paired", "broken"), [(100, False), (95, False), (94, True), (0, True)])
def test_rows_without_a_partner_break_an_agreement_when_they_are_many(paired: int, broken: bool) -> None:
    fact = agreement_fact(KNOWN, "outcomes", {"rows": 100, "paired": paired, "partners": 100})
    assert (fact.broken, fact.table, fact.severity) == (broken, "outcomes", "critical")
    assert fact.words == f"{100 - paired} of 100 rows of outcomes have no flight in schedule of the date"


@pytest.mark.parametrize("found", [None, {"rows": 0, "paired": 0, "partners": 9}, {"rows": 9, "paired": 0, "partners": 0}])
def test_where_one_side_is_absent_an_agreement_is_not_judged(found: dict[str, int] | None) -> None:
    fact = agreement_fact(KNOWN, "outcomes", found)
    assert (fact.value, fact.broken) == (None, False)
    assert "not judged" in fact.words


def test_an_identity_under_another_date_marks_and_never_refuses() -> None:
    contract = TableContract(
        name="orders", columns=(Column(name="number", type="int"),), key=("number",), identity=("number",)
    )  # fmt: skip
    fact = elsewhere_fact(contract, 3, 28)
    assert (fact.broken, fact.severity) == (True, "warning")
    assert "3 of orders have number of another date up to 28 days away" in fact.words
    assert not elsewhere_fact(contract, 0, 28).broken


def test_one_group_that_is_off_breaks_a_settlement_and_is_named_with_its_error() -> None:
    fact = settlement_fact(DEPARTURE, {"EWR": Error(300, 0.0), "JFK": Error(300, 60.0)})
    assert (fact.broken, fact.value, fact.table) == (True, 60.0, "schedule")
    assert fact.words == "departure of schedule is off by 60 at JFK (bound 0), says outcomes: an hour off"


def test_a_sound_settlement_names_nobody() -> None:
    fact = settlement_fact(DEPARTURE, {"EWR": Error(300, 0.0), "JFK": Error(300, 0.0)})
    assert (fact.broken, fact.words) == (False, "departure of schedule is what outcomes says")


@pytest.mark.parametrize("errors", [{}, {"JFK": Error(9, 60.0)}, {"JFK": Error(0, None)}])
def test_a_group_too_small_to_say_anything_is_not_judged(errors: dict[str, Error]) -> None:
    fact = settlement_fact(DEPARTURE, errors)
    assert (fact.value, fact.broken) == (None, False)
