"""Facts about rows that another table, or another date, speaks of."""

from __future__ import annotations

import pytest

from lakeloop.core.agreements import Error, agreement_fact, disagreement_fact, elsewhere_fact, settlement_facts
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


@pytest.mark.parametrize(
    ("paired", "severity"), [(100, None), (99, "warning"), (95, "warning"), (94, "critical")], ids=["all", "one", "few", "many"]
)
def test_a_few_rows_without_a_partner_are_marked_where_all_should_have_one(paired: int, severity: str | None) -> None:
    rule = KNOWN.model_copy(update={"mark": 1.0})
    fact = agreement_fact(rule, "outcomes", {"rows": 100, "paired": paired, "partners": 100})
    assert (fact.severity if fact.broken else None) == severity
    assert fact.bound == (">= 1 of the rows" if severity == "warning" else ">= 0.95 of the rows")


COMPARED = KNOWN.model_copy(update={"error": "abs(a - b)", "bound": 1.0, "hint": "another unit"})


@pytest.mark.parametrize(("error", "broken"), [(0.0, False), (1.0, False), (1.5, True)])
def test_pairs_that_disagree_in_the_median_break_it(error: float, broken: bool) -> None:
    fact = disagreement_fact(COMPARED, "outcomes", {"compared": 90, "error": error})
    assert (fact.broken, fact.table, fact.severity, fact.value) == (broken, "outcomes", "critical", error)
    assert fact.words.startswith(f"outcomes and schedule of the date are {error:.3g} apart in the median of 90 pairs")
    assert ("another unit" in fact.words) == broken


def test_a_partner_that_comes_second_is_marked_since_what_it_contradicts_may_be_the_wrong_one() -> None:
    fact = disagreement_fact(COMPARED, "schedule", {"compared": 90, "error": 9.0})
    assert (fact.broken, fact.table, fact.severity) == (True, "schedule", "warning")


@pytest.mark.parametrize("found", [None, {"compared": 0, "error": None}, {"compared": 9, "error": 60.0}])
def test_too_few_pairs_say_nothing(found: dict[str, float | None] | None) -> None:
    fact = disagreement_fact(COMPARED, "outcomes", found)
    assert (fact.value, fact.broken) == (None, False)
    assert "not judged" in fact.words


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
    (fact,) = settlement_facts(DEPARTURE, {"EWR": Error(300, 0.0), "JFK": Error(300, 60.0)})
    assert (fact.broken, fact.value, fact.table) == (True, 60.0, "schedule")
    assert fact.words == "departure of schedule is off by 60 at JFK (bound 0), says outcomes: an hour off"


def test_a_sound_settlement_names_nobody() -> None:
    (fact,) = settlement_facts(DEPARTURE, {"EWR": Error(300, 0.0), "JFK": Error(300, 0.0)})
    assert (fact.broken, fact.words) == (False, "departure of schedule is what outcomes says")


@pytest.mark.parametrize("errors", [{}, {"JFK": Error(9, 60.0)}, {"JFK": Error(0, None)}])
def test_a_group_too_small_to_say_anything_is_not_judged(errors: dict[str, Error]) -> None:
    (fact,) = settlement_facts(DEPARTURE, errors)
    assert (fact.value, fact.broken) == (None, False)


APART = {"EWR": Error(300, 0.0), "JFK": Error(300, 60.0), "LGA": Error(300, 240.0)}


def test_the_weeks_before_say_which_of_two_tables_is_the_odd_one() -> None:
    (fact,) = settlement_facts(DEPARTURE, APART, {"JFK": Error(200, 25.0), "LGA": Error(200, 120.0), "EWR": Error(200, 9.0)})
    assert (fact.table, fact.value) == ("schedule", 240.0)
    (fact,) = settlement_facts(DEPARTURE, APART, {"JFK": Error(200, 55.0), "LGA": Error(200, 240.0)})
    assert (fact.table, fact.value, fact.broken) == ("outcomes", 240.0, True)
    assert fact.words == (
        "departure of outcomes is off by 60 at JFK, 240 at LGA from schedule of the date (bound 0), "
        "and from schedule of the weeks before as well"
    )


def test_each_of_two_tables_answers_for_the_groups_in_which_it_is_odd() -> None:
    theirs, ours = settlement_facts(DEPARTURE, APART, {"JFK": Error(200, 55.0), "LGA": Error(200, 3.0)})
    assert [(one.table, one.value) for one in (theirs, ours)] == [("outcomes", 60.0), ("schedule", 240.0)]
    assert "off by 240 at LGA (" in ours.words


def test_without_weeks_before_what_came_later_knows_better() -> None:
    (fact,) = settlement_facts(DEPARTURE, APART, {})
    assert (fact.table, "off by 60 at JFK, 240 at LGA" in fact.words) == ("schedule", True)


def test_a_group_without_a_week_before_says_nothing_where_another_has_one() -> None:
    (fact,) = settlement_facts(DEPARTURE, APART, {"JFK": Error(200, 55.0)})
    assert (fact.table, fact.value) == ("outcomes", 60.0)


def test_outcomes_that_lie_nearer_to_the_date_s_own_plan_than_to_another_are_not_the_odd_ones() -> None:
    (fact,) = settlement_facts(DEPARTURE, {"JFK": Error(300, 2.0)}, {"JFK": Error(200, 5.0)})
    assert fact.table == "schedule", "a new timetable that is two minutes off"
