"""Verdicts: hard facts first, then too little to judge, then ok."""

from __future__ import annotations

from datetime import date

from lakeloop.core.quality import QUALITY
from lakeloop.core.reports import DateEvidence, Fact
from lakeloop.core.use_case import DriftPolicy
from lakeloop.core.verdict import CONSEQUENCES, judge, settle

DAY = date(2013, 7, 2)
POLICY = DriftPolicy(minimum_rows=100, minimum_history=7)


def fact(table: str, *, broken: bool = False, words: str = "as usual") -> Fact:
    return Fact(name="partial", table=table, value=1.0, bound=">= 0.6", broken=broken, words=words)


def evidence(*facts: Fact, rows: int = 900, history_days: int = 28) -> DateEvidence:
    return DateEvidence(data_date=DAY, rows=rows, history_days=history_days, facts=facts)


def test_facts_inside_their_bounds_are_ok_and_trusted() -> None:
    verdict = judge(evidence(fact("weather")), POLICY)
    assert (verdict.word, verdict.tables) == ("ok", ())
    assert verdict.consequence.trust == "trusted"


def test_a_broken_fact_withdraws_its_table_and_publishes_nothing() -> None:
    verdict = judge(evidence(fact("schedule"), fact("weather", broken=True, words="temp is Celsius")), POLICY)
    assert (verdict.word, verdict.tables) == ("data_fault", ("weather",))
    assert "temp is Celsius" in verdict.words
    assert verdict.consequence.withdraws
    assert not verdict.consequence.publishes


def test_a_table_with_two_broken_facts_is_withdrawn_once() -> None:
    verdict = judge(evidence(*(fact("weather", broken=True, words=f"fault {n}") for n in range(5))), POLICY)
    assert verdict.tables == ("weather",)
    assert verdict.words.endswith("and 2 more")


def test_few_rows_or_little_history_are_published_as_provisional() -> None:
    for little in (evidence(fact("weather"), rows=99), evidence(fact("weather"), history_days=6)):
        verdict = judge(little, POLICY)
        assert verdict.word == "provisional"
        assert verdict.consequence.trust == "provisional"


def test_a_hard_fact_outweighs_having_little_to_judge_by() -> None:
    assert judge(evidence(fact("weather", broken=True), rows=3, history_days=0), POLICY).word == "data_fault"


def test_a_champion_below_its_bound_is_decay_published_as_degraded_and_trained_anew() -> None:
    worn = fact("outcomes", broken=True, words="AUC is .6").model_copy(update={"name": QUALITY, "severity": "warning"})
    verdict = judge(evidence(worn), POLICY)
    assert (verdict.word, verdict.words, verdict.tables) == ("decay", "AUC is .6", ())
    assert verdict.consequence == ("degraded", False, "warning", True)
    assert judge(evidence(worn, rows=3), POLICY).word == "provisional"
    assert judge(evidence(worn, fact("weather", broken=True)), POLICY).word == "data_fault"


def test_only_decay_retrains() -> None:
    assert [word for word, follows in CONSEQUENCES.items() if follows.retrains] == ["decay"]


def test_only_a_data_fault_withdraws_and_it_never_publishes() -> None:
    assert [word for word, follows in CONSEQUENCES.items() if follows.withdraws] == ["data_fault"]
    assert {word for word, follows in CONSEQUENCES.items() if not follows.publishes} == {"data_fault", "suspect"}


def test_a_fact_that_only_marks_is_no_fault() -> None:
    mark = fact("weather", broken=True).model_copy(update={"severity": "warning"})
    assert judge(evidence(mark), POLICY).word == "ok"


def test_a_date_is_settled_by_its_facts_alone() -> None:
    assert settle(evidence(fact("schedule"), rows=1, history_days=0)).word == "ok"
    assert settle(evidence(fact("schedule", broken=True), rows=1, history_days=0)).tables == ("schedule",)
