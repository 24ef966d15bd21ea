"""Measures of a training are those of its rows, and its baselines what scikit-learn makes of the same ones."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import numpy as np
import pytest
from pyspark.sql import SparkSession
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, roc_auc_score

from lakeloop.core.metrics import CURVE_BINS
from lakeloop.spark.training.baselines import with_logistic, with_rate
from lakeloop.spark.training.measures import by_day, histogram, slices

ROWS = [
    (
        date(2013, 1, 1 + number % 2),
        "x" if number % 5 else "y",
        float(number % 3 == 0),
        (number * 37 % 40) / 100 + 0.3 * (number % 3 == 0),
        0.2 + 0.6 * (number % 4 == 0),
    )
    for number in range(400)
]
COLUMNS = "data_date date, side string, late double, challenger double, champion double"


def loss_of(labels: Sequence[float], scores: Sequence[float]) -> Any:
    """The mean log loss as scikit-learn has it, of scores that are cut where ours are."""
    return pytest.approx(log_loss(labels, [min(max(score, 1e-7), 1 - 1e-7) for score in scores]), abs=1e-9)


def test_measures_by_day_are_those_of_the_rows(spark: SparkSession) -> None:
    for one in by_day(spark.createDataFrame(ROWS, COLUMNS), ["challenger"], "late"):
        labels, scores = zip(*((late, score) for day, _, late, score, _ in ROWS if day == one.data_date), strict=True)
        assert one.auc == pytest.approx(roc_auc_score(labels, scores), abs=1e-12), "ties count half"
        assert one.log_loss == loss_of(labels, scores)


def test_measures_by_slice_are_those_of_its_rows(spark: SparkSession) -> None:
    found = slices(spark.createDataFrame(ROWS, COLUMNS), {"side": 1}, ["challenger", "champion"], "late")
    assert [(one.column, one.value, one.rows) for one in found] == [("side", "x", 320), ("side", "y", 80)]
    for one in found:
        labels, ours, theirs = zip(*(row[2:] for row in ROWS if row[1] == one.value), strict=True)
        assert one.challenger == loss_of(labels, ours)
        assert one.champion == loss_of(labels, theirs)
        assert one.base_rate == loss_of(labels, [sum(labels) / len(labels)] * len(labels))
    (alone, _) = slices(spark.createDataFrame(ROWS, COLUMNS), {"side": 1}, ["challenger"], "late")
    assert alone.champion is None


def test_a_histogram_has_the_rows_the_positives_and_the_loss_of_each_bin(spark: SparkSession) -> None:
    found = {one.bin: one for one in histogram(spark.createDataFrame(ROWS, COLUMNS), "challenger", "late")}
    labels, scores = np.array([row[2] for row in ROWS]), np.array([row[3] for row in ROWS])
    bins = np.minimum(np.floor(scores * CURVE_BINS), CURVE_BINS - 1).astype(int)
    assert sorted(found) == sorted(set(bins))
    for name, one in found.items():
        here = bins == name
        assert (one.rows, one.positives) == (here.sum(), labels[here].sum())
        right = np.where(labels[here] > 0, scores[here], 1 - scores[here])
        assert one.loss == pytest.approx(-np.log(np.clip(right, 1e-7, 1 - 1e-7)).sum(), abs=1e-9)


def test_a_day_of_one_class_has_no_auc(spark: SparkSession) -> None:
    frame = spark.createDataFrame(
        [(date(2013, 1, 1), 0.0, 0.2), (date(2013, 1, 1), 0.0, 0.3)], "data_date date, late double, m double"
    )
    (found,) = by_day(frame, ["m"], "late")
    assert (found.auc, found.rows, found.positives) == (None, 2, 0)


def test_a_group_never_seen_gets_the_overall_rate(spark: SparkSession) -> None:
    past = spark.createDataFrame([("AA", 1.0), ("AA", 0.0), ("UA", 0.0), ("UA", 0.0)], "carrier string, late double")
    later = spark.createDataFrame([("AA", 1.0), ("UA", 0.0), ("B6", 1.0)], "carrier string, late double")
    rated = with_rate(past, later, ["carrier"], "late", "rate").collect()
    assert sorted(row["rate"] for row in rated) == [0.0, 0.25, 0.5]


def test_the_logistic_baseline_is_a_logistic_regression(spark: SparkSession) -> None:
    rows = [(float(n % 7), None if n % 11 == 0 else float(n % 5), float((n % 7) + n % 3 > 5)) for n in range(300)]
    past, later = (spark.createDataFrame(part, "a double, b double, late double") for part in (rows[:200], rows[200:]))
    found = [row["logistic"] for row in with_logistic(past, later, ["a", "b"], "late").collect()]
    known = [b for _, b, _ in rows[:200] if b is not None]
    filled = [(a, sum(known) / len(known) if b is None else b) for a, b, _ in rows]
    learnt = LogisticRegression(C=1e9, max_iter=1000).fit(filled[:200], [late for _, _, late in rows[:200]])
    asked = learnt.predict_proba(filled[200:])[:, 1]
    assert found == pytest.approx(list(asked), abs=2e-3)
