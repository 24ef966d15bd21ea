"""Training: a model that beats its baseline, rows accounted for, and the same bytes from the same commit."""

from __future__ import annotations

import hashlib
from datetime import date
from pathlib import Path

import pytest
from pyspark.sql import SparkSession
from sklearn.metrics import log_loss, roc_auc_score

from lakeloop.adapters.lakefs_lake import LakeFSLake
from lakeloop.core.errors import ConfigurationError, InvalidInput
from lakeloop.core.gates import judge_gates
from lakeloop.core.jobs import TrainJob
from lakeloop.core.use_case import XGBoost
from lakeloop.settings import Settings
from lakeloop.spark.quality import historical_rate, measure
from lakeloop.spark.train import train
from tests.spark.small_flights import days, publish, world
from use_cases.flights import FLIGHTS

DATES = days(date(2013, 3, 1), 24)
CASE = FLIGHTS.model_copy(update={"model": XGBoost(max_depth=3, n_estimators=20, learning_rate=0.3, min_child_weight=5)})


@pytest.fixture(scope="module")
def snapshot(stack: Settings, shared_lake: LakeFSLake) -> str:
    """Twenty-four days of the small world."""
    return publish(stack, shared_lake, world(DATES))


@pytest.fixture
def job(shared_lake: LakeFSLake, snapshot: str, tmp_path: Path) -> TrainJob:
    """Twenty days to learn from, four later ones to be measured on."""
    return TrainJob(
        repository=shared_lake.repository, case="use_cases.flights:FLIGHTS", snapshot=snapshot,
        train_dates=tuple(DATES[:20]), holdout_dates=tuple(DATES[20:]), workdir=str(tmp_path),
    )  # fmt: skip


def test_a_fit_beats_the_carriers_rate_and_the_same_commit_gives_the_same_bytes(spark: SparkSession, job: TrainJob) -> None:
    report = train(job, spark, CASE)
    content = Path(report.model_file).read_bytes()
    assert report.sha256 == hashlib.sha256(content).hexdigest()
    assert (report.train_rows, report.holdout_rows, report.unlabelled_rows) == (20 * 59, 4 * 59, 24)
    assert all(result.passed for result in judge_gates(CASE.gates, report)), report.metrics
    assert sum(report.feature_gain.values()) == pytest.approx(1, abs=1e-4)
    assert max(report.feature_gain, key=lambda name: report.feature_gain[name]) == "precip"

    again = train(job, spark, CASE)
    assert again.metrics == report.metrics
    assert again.sha256 == report.sha256


def test_holdout_dates_must_come_after_all_training_dates(spark: SparkSession, job: TrainJob) -> None:
    mixed = job.model_copy(update={"holdout_dates": (DATES[3], DATES[20])})
    with pytest.raises(InvalidInput, match="holdout dates after all of them"):
        train(mixed, spark, CASE)
    with pytest.raises(InvalidInput, match="nothing was fitted"):
        train(job.model_copy(update={"train_dates": ()}), spark, CASE)


def test_dates_without_labels_are_not_fitted(spark: SparkSession, job: TrainJob) -> None:
    future = job.model_copy(update={"holdout_dates": (date(2014, 1, 1),)})
    with pytest.raises(InvalidInput, match="0 holdout rows"):
        train(future, spark, CASE)


def test_a_gate_on_a_column_nobody_has_is_a_mistake_of_the_case(spark: SparkSession, job: TrainJob) -> None:
    gates = (CASE.gates[0].model_copy(update={"baseline": "moon"}),)
    with pytest.raises(ConfigurationError, match="moon"):
        train(job, spark, CASE.model_copy(update={"gates": gates}))


def test_measures_from_the_histogram_are_those_of_the_rows(spark: SparkSession) -> None:
    rows = [(float(number % 3 == 0), (number * 37 % 100) / 100 * 0.6 + 0.3 * (number % 3 == 0)) for number in range(400)]
    found = measure(spark.createDataFrame(rows, "late double, score double"), "late")
    labels, scores = zip(*rows, strict=True)
    assert found["auc"] == pytest.approx(roc_auc_score(labels, scores), abs=1e-3)
    assert found["log_loss"] == pytest.approx(log_loss(labels, [min(max(score, 1e-7), 1 - 1e-7) for score in scores]), abs=1e-6)


def test_a_group_never_seen_gets_the_overall_rate(spark: SparkSession) -> None:
    past = spark.createDataFrame([("AA", 1.0), ("AA", 0.0), ("UA", 0.0), ("UA", 0.0)], "carrier string, late double")
    later = spark.createDataFrame([("AA", 1.0), ("UA", 0.0), ("B6", 1.0)], "carrier string, late double")
    rated = historical_rate(past, later, ["carrier"], "late").collect()
    assert sorted(row["score"] for row in rated) == [0.0, 0.25, 0.5]
