"""Fit on some dates of a commit, measure on later ones; only the model and its metrics leave Spark."""

import hashlib
import math
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import date
from pathlib import Path

import xgboost
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from lakeloop.core.errors import ConfigurationError, InvalidInput
from lakeloop.core.jobs import TrainJob
from lakeloop.core.lake import DATE_COLUMN
from lakeloop.core.reports import TrainReport
from lakeloop.core.use_case import Gate, UseCase
from lakeloop.spark.booster import with_scores
from lakeloop.spark.features import feature_frame, label_frame
from lakeloop.spark.quality import historical_rate, measure

MODEL_FILE = "model.ubj"


def train(job: TrainJob, spark: SparkSession, case: UseCase) -> TrainReport:
    """A challenger with its metrics and those of the gates' baselines; rows without a label are left out and counted."""
    _check(job, case)
    with ExitStack() as kept:
        past, past_rows, past_without = _examples(job, spark, case, job.train_dates, kept)
        later, later_rows, later_without = _examples(job, spark, case, job.holdout_dates, kept)
        if not past_rows or not later_rows:
            message = f"{past_rows} training and {later_rows} holdout rows of {case.name} have a label; nothing was fitted"
            raise InvalidInput(message)
        booster = _fit(past, case)
        path = Path(job.workdir) / MODEL_FILE
        booster.save_model(path)
        content = path.read_bytes()
        return TrainReport(
            model_file=str(path),
            sha256=hashlib.sha256(content).hexdigest(),
            train_rows=past_rows,
            holdout_rows=later_rows,
            unlabelled_rows=past_without + later_without,
            metrics=_metrics(past, later, case, content),
            feature_gain=_gain(booster),
        )


def _check(job: TrainJob, case: UseCase) -> None:
    """What can be said before anything is read."""
    if not job.train_dates or not job.holdout_dates or max(job.train_dates) >= min(job.holdout_dates):
        message = f"training of {case.name} needs dates, and holdout dates after all of them; nothing was fitted"
        raise InvalidInput(message)
    known = {*case.entity, *case.feature_names, DATE_COLUMN}
    if missing := {name for gate in case.gates for name in _columns(gate)} - known:
        message = f"a gate of {case.name} compares with {sorted(missing)}, not an entity or feature column; nothing was fitted"
        raise ConfigurationError(message)


def _columns(gate: Gate) -> list[str]:
    return gate.baseline.split(",")


def _examples(
    job: TrainJob, spark: SparkSession, case: UseCase, dates: Sequence[date], kept: ExitStack
) -> tuple[DataFrame, int, int]:
    """Labelled rows, how many, and how many had no label; held in Spark's memory until `kept` is left."""
    frame = feature_frame(spark, case, job.repository, job.snapshot, dates)
    labels = label_frame(spark, case, job.repository, job.snapshot, dates)
    examples = frame.join(labels, [*case.entity, DATE_COLUMN], "left").persist()
    kept.callback(examples.unpersist)
    row = examples.agg(F.count("*").alias("rows"), F.count(case.label.name).alias("labelled")).first()
    rows, labelled = (row["rows"], row["labelled"]) if row else (0, 0)
    return examples.where(F.col(case.label.name).isNotNull()), labelled, rows - labelled


def _fit(past: DataFrame, case: UseCase) -> xgboost.Booster:
    """Distributed, with xgboost's own repartition: a layout of our own (by range) gave other bytes at every fit."""
    from xgboost.spark import SparkXGBClassifier

    model = case.model
    estimator = SparkXGBClassifier(
        features_col=list(case.feature_names),
        label_col=case.label.name,
        num_workers=model.num_workers,
        max_depth=model.max_depth,
        n_estimators=model.n_estimators,
        learning_rate=model.learning_rate,
        min_child_weight=model.min_child_weight,
        tree_method="hist",
        random_state=model.seed,
    )
    booster: xgboost.Booster = estimator.fit(past).get_booster()
    booster.feature_names = list(case.feature_names)
    return booster


def _metrics(past: DataFrame, later: DataFrame, case: UseCase, model: bytes) -> dict[str, float]:
    label = case.label.name
    metrics = measure(with_scores(later, case.feature_names, model), label)
    for gate in {gate.baseline: gate for gate in case.gates}.values():
        rated = historical_rate(past, later, _columns(gate), label)
        metrics |= {f"baseline_{gate.baseline}_{name}": value for name, value in measure(rated, label).items()}
    return {name: value for name, value in metrics.items() if math.isfinite(value)}  # one class alone has no AUC


def _gain(booster: xgboost.Booster) -> dict[str, float]:
    """Each feature's share of the total gain, largest first."""
    found = booster.get_score(importance_type="total_gain").items()
    gains = {name: gain for name, gain in found if isinstance(gain, float)}
    total = sum(gains.values()) or 1.0
    return {name: round(gain / total, 6) for name, gain in sorted(gains.items(), key=lambda item: -item[1])}
