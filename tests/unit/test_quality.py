"""How the champion did on dates with labels: which dates are asked, and when their numbers are decay."""

from __future__ import annotations

from datetime import date, timedelta

from lakeloop.core.quality import quality_fact, to_measure
from lakeloop.core.use_case import DriftPolicy, QualityPolicy
from tests.unit.small_ledger import CASE as SMALL
from tests.unit.test_ledger import act, after, data, landed, promotion

FIRST = date(2024, 3, 1)
D = [FIRST + timedelta(days=number) for number in range(9)]
CASE = SMALL.model_copy(update={"drift": DriftPolicy(quality=QualityPolicy(days=3, fewest_days=2, drop=0.1))})


def test_each_judged_date_is_held_against_the_newest_scored_and_labelled_dates_before_it() -> None:
    labelled, scored = D[:7], D[1:9]
    published = [data(f"d{number}", landed(day)) for number, day in enumerate(labelled)]
    ledger = after(promotion(), *published, act("k", *scored, reads={day: {} for day in scored}))
    assert to_measure(ledger, CASE, [D[8]]) == [D[4], D[5], D[6]]
    assert to_measure(ledger, CASE, [D[3], D[8]]) == [D[1], D[2], D[4], D[5], D[6]]
    assert to_measure(ledger, CASE, []) == []
    assert to_measure(after(*published), CASE, [D[8]]) == [], "nobody is champion"


def test_the_mean_of_days_is_held_against_the_hold_out_less_what_may_be_lost() -> None:
    aucs = dict(zip(D[:5], (0.1, 0.5, 0.75, 1.0, 0.1), strict=True))
    fact = quality_fact(CASE, D[4], aucs, 0.85)
    assert (fact.value, fact.broken, fact.bound) == (0.75, False, ">= 0.750")
    assert quality_fact(CASE, D[4], aucs, 0.86).broken
    assert fact.severity == "warning", "it says nothing of the table's data"


def test_too_few_days_or_no_promise_are_said_and_are_no_decay() -> None:
    for fact in (quality_fact(CASE, D[1], {D[0]: 0.1}, 0.8), quality_fact(CASE, D[4], dict.fromkeys(D[:4], 0.1), None)):
        assert (fact.value, fact.broken) == (None, False)
        assert "not judged" in fact.words
