"""Which verdict is trained for: the newest on the champion's scores, inside cooldown and budget."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from lakeloop.core.ledger import Ledger
from lakeloop.core.receipts import JudgedRecord
from lakeloop.core.retraining import Cause, asked_by_verdict
from lakeloop.core.use_case import DriftPolicy, QualityPolicy
from tests.unit.small_ledger import CASE as SMALL
from tests.unit.test_ledger import act, after, promotion

FIRST = date(2024, 3, 1)
D = [FIRST + timedelta(days=number) for number in range(40)]
CASE = SMALL.model_copy(update={"drift": DriftPolicy(quality=QualityPolicy(cooldown_days=7, budget=2, budget_days=30))})


def judged(*days: date, word: str = "decay", version: int = 1) -> Ledger:
    """A ledger with a champion, whose scores of these days got a verdict."""
    done = act("k", *days, reads={day: {} for day in days})
    records = tuple(JudgedRecord(data_date=day, verdict=word, trust="degraded", reads={}) for day in days)
    return after(promotion(), done.model_copy(update={"judged": records, "model_version": version}))


def trained(*days: date, is_judged: bool = True) -> list[Cause]:
    return [Cause(f"verdict|{day}", is_judged) for day in days]


@pytest.mark.parametrize("word", ["ok", "provisional", "degraded", "data_fault", "suspect"])
def test_only_decay_asks(word: str) -> None:
    assert asked_by_verdict(judged(D[0], word=word), CASE, ()).cause == ""
    assert asked_by_verdict(judged(D[0]), CASE, ()).cause == f"verdict|{D[0]}"


def test_the_newest_verdict_is_the_cause_and_is_trained_for_once() -> None:
    ledger = judged(D[0], D[3])
    assert asked_by_verdict(ledger, CASE, [Cause("weekly|2024-W09", is_judged=True)]).cause == f"verdict|{D[3]}"
    asked = asked_by_verdict(ledger, CASE, trained(D[3]))
    assert asked == ("", f"the verdict of {D[3]} was trained for already")


def test_a_verdict_inside_the_cooldown_waits_and_says_so() -> None:
    asked = asked_by_verdict(judged(D[6]), CASE, trained(D[0]))
    assert (asked.cause, "6 days after" in asked.words, "cooldown is 7 days" in asked.words) == ("", True, True)
    assert asked_by_verdict(judged(D[7]), CASE, trained(D[0])).cause == f"verdict|{D[7]}"


def test_the_budget_counts_trainings_by_verdict_of_its_days() -> None:
    asked = asked_by_verdict(judged(D[20]), CASE, trained(D[0], D[10]))
    assert (asked.cause, "2 trainings by verdict in 30 days is the whole budget of 2" in asked.words) == ("", True)
    assert asked_by_verdict(judged(D[30]), CASE, trained(D[0], D[10])).cause == f"verdict|{D[30]}"
    never = CASE.model_copy(update={"drift": DriftPolicy(quality=QualityPolicy(budget=0))})
    assert asked_by_verdict(judged(D[0]), never, ()).cause == ""


def test_a_training_whose_gates_never_spoke_is_gone_on_with_but_is_spent() -> None:
    one = trained(D[0], is_judged=False)
    assert asked_by_verdict(judged(D[0]), CASE, one).cause == f"verdict|{D[0]}"
    assert "the whole budget of 2" in asked_by_verdict(judged(D[0]), CASE, one * 2).words
    assert "cooldown is 7 days" in asked_by_verdict(judged(D[1]), CASE, one).words


def test_scores_of_another_version_do_not_ask() -> None:
    assert asked_by_verdict(judged(D[0], version=9), CASE, ()).cause == ""
    assert asked_by_verdict(after(), CASE, ()).cause == ""
