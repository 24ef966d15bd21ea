"""Gates: a challenger passes only what was measured and beaten."""

from __future__ import annotations

import math
from typing import Literal

import pytest

from lakeloop.core.gates import judge_gates, may_promote
from lakeloop.core.reports import TrainReport
from lakeloop.core.use_case import Gate


def report(**metrics: float) -> TrainReport:
    return TrainReport(model_file="model.ubj", sha256="0" * 64, train_rows=9, holdout_rows=7, unlabelled_rows=0, metrics=metrics)


def gate(metric: Literal["auc", "log_loss"], margin: float) -> Gate:
    return Gate(name="beats_carrier", metric=metric, baseline="carrier", margin=margin)


@pytest.mark.parametrize(
    ("metric", "challenger", "baseline", "margin", "passed"),
    [
        ("auc", 0.60, 0.57, 0.02, True),
        ("auc", 0.58, 0.57, 0.02, False),
        ("auc", 0.57, 0.57, 0.0, False),
        ("auc", 0.50, 0.57, 0.0, False),
        ("log_loss", 0.48, 0.57, 0.0, True),
        ("log_loss", 0.57, 0.48, 0.0, False),
        ("auc", math.nan, 0.57, 0.0, False),
        ("auc", 0.60, math.nan, 0.0, False),
    ],
)
def test_a_gate_passes_when_the_gain_is_real_and_at_least_the_margin(
    metric: Literal["auc", "log_loss"], challenger: float, baseline: float, margin: float, passed: bool
) -> None:
    (result,) = judge_gates([gate(metric, margin)], report(**{metric: challenger, f"baseline_carrier_{metric}": baseline}))
    assert result.passed is passed


def test_a_metric_that_was_not_measured_fails_its_gate_and_says_so() -> None:
    (result,) = judge_gates([gate("auc", 0.0)], report(auc=0.9))
    assert not result.passed
    assert "not comparable" in result.words


def test_one_gate_that_fails_stops_the_promotion_and_both_are_told() -> None:
    results = judge_gates(
        [gate("auc", 0.02), gate("log_loss", 0.0)],
        report(auc=0.7, baseline_carrier_auc=0.5, log_loss=0.9, baseline_carrier_log_loss=0.6),
    )
    assert [result.passed for result in results] == [True, False]
    assert not may_promote(results)
    assert "gain +0.2000, needed 0.0200, on 7 later rows" in results[0].words


def test_without_gates_nobody_is_promoted() -> None:
    assert not may_promote(judge_gates([], report(auc=0.99)))
    assert not may_promote([])
