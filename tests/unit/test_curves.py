"""Curves from a histogram of scores."""

from __future__ import annotations

import random

import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from lakeloop.core.curves import calibration, points
from lakeloop.core.evaluation import calibration_error
from lakeloop.core.metrics import ScoreBin

WIDTH = 0.01


def drawn(count: int = 4000) -> tuple[list[float], list[int], list[ScoreBin]]:
    draw = random.Random(5)
    scores = [draw.randrange(100) * WIDTH + WIDTH / 2 for _ in range(count)]
    labels = [int(draw.random() < score) for score in scores]
    bins = {}
    for score, label in zip(scores, labels, strict=True):
        at = int(score / WIDTH)
        rows, positives = bins.get(at, (0, 0.0))
        bins[at] = rows + 1, positives + label
    return scores, labels, [ScoreBin(at, rows, positives, 0.0) for at, (rows, positives) in bins.items()]


def test_the_areas_under_the_curves_are_those_of_the_rows() -> None:
    scores, labels, bins = drawn()
    found = points(bins, WIDTH)
    roc = sum((b.false_alarms - a.false_alarms) * (a.recall + b.recall) / 2 for a, b in zip(found, found[1:], strict=False))
    assert roc == pytest.approx(roc_auc_score(labels, scores), abs=1e-9)
    precision = sum((b.recall - a.recall) * b.precision for a, b in zip(found, found[1:], strict=False))
    assert precision == pytest.approx(average_precision_score(labels, scores), abs=1e-9)
    assert found[-1][1:4] == (1, 1, 1)


def test_of_one_class_there_is_no_curve() -> None:
    assert points([ScoreBin(1, 9, 0.0, 0.0)], WIDTH) == []
    assert points([ScoreBin(1, 9, 9.0, 0.0)], WIDTH) == []


def test_groups_of_calibration_keep_every_row_and_honest_scores_are_calibrated() -> None:
    scores, labels, bins = drawn()
    groups = calibration(bins, WIDTH)
    assert (sum(one.rows for one in groups), sum(one.positives for one in groups)) == (len(scores), sum(labels))
    error = calibration_error(groups)
    assert error is not None
    assert error < 0.05
    assert max(one.rows for one in groups) < 2.5 * len(scores) / 20
