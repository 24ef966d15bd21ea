"""The page of a version's gates: one file, every number beside what it is judged by, whatever was not measured."""

from __future__ import annotations

import re

import pytest

from lakeloop.core.evaluation import CalibrationBin, DayMetrics, Evaluation, SliceMetrics
from lakeloop.core.gates import GateResult
from lakeloop.steps.training.gate_page import gate_page
from tests.unit.small_training import FITTED, KNOWN, LATER, SKEW, SKEWED, measured

GATES = (
    GateResult(name="better_than_champion", outcome="warn", words="gain +0.01 <may be chance>"),
    GateResult(name="calibrated", outcome="pass", words="off by 0.01"),
)
FAILED = (*GATES, GateResult(name="fresh", outcome="fail", words="60 days old"))


def whole() -> Evaluation:
    """A challenger beside a champion, with everything that can be measured."""
    of_champion = [DayMetrics(data_date=day, model="champion", rows=200, positives=50, auc=0.65, log_loss=0.55) for day in LATER]
    slices = [
        SliceMetrics(column="shop", value=name, rows=90, challenger=loss, champion=0.5, base_rate=0.6)
        for name, loss in (("harbour", 0.45), ("market", 0.61))
    ]
    return measured().model_copy(
        update={
            "days": (*measured().days, *of_champion), "slices": tuple(slices),
            "calibration": (CalibrationBin(rows=100, mean_score=0.2, positives=25),),
        }
    )  # fmt: skip


def page(evaluation: Evaluation, results: tuple[GateResult, ...] = GATES, ask_why: str = "") -> str:
    found = FITTED.model_copy(update={"evaluation": evaluation})
    return gate_page("shops", 3, KNOWN, found, results, ask_why, {"version in MLflow": "http://127.0.0.1/v/3", "lake": ""})


def test_it_shows_gates_models_calibration_and_the_worst_slice_first() -> None:
    text = page(whole())
    for words in ("! warn", "gain +0.01 &lt;may be chance&gt;", "0.6500", "100 rows: mean score 0.200, 0.250 positive"):
        assert words in text
    assert text.index("shop market") < text.index("shop harbour")
    assert len(re.findall("<polyline", text)) == 2
    assert KNOWN.data_commit in text


@pytest.mark.parametrize(
    ("results", "ask_why", "word"),
    [(GATES, "a gate warned", "asks a person"), (GATES[1:], "", "passed"), (FAILED, "x", "refused")],
)
def test_one_word_says_what_came_of_it(results: tuple[GateResult, ...], ask_why: str, word: str) -> None:
    assert f">{word}</span>" in page(whole(), results, ask_why)


def test_what_was_not_measured_is_said_and_breaks_nothing() -> None:
    days = (DayMetrics(data_date=LATER[0], model="challenger", rows=3, positives=0, auc=None, log_loss=0.4),)
    text = page(Evaluation(days=days))
    assert "not known" in text
    assert "not measured" in text
    assert "<polyline" not in text


def test_it_needs_nothing_from_outside_and_links_only_where_there_is_something() -> None:
    text = page(whole())
    assert re.findall(r'(?:src|href)="([^"]*)"', text) == ["http://127.0.0.1/v/3"]
    assert "@import" not in text


def test_what_a_restatement_made_of_features_that_were_scored_is_on_the_page() -> None:
    assert SKEW.words in gate_page("shops", 3, SKEWED, FITTED, GATES, "", {})
    assert "<dt>skew</dt>" not in page(whole())
