"""A model is asked what it was taught: the rows that a fit reads have the features, and the scores, that scoring gives them."""

from __future__ import annotations

import hashlib
import struct
from datetime import date
from pathlib import Path

import pytest
from pyspark.sql import DataFrame, SparkSession

from lakeloop.adapters.lakefs_lake import LakeFSLake
from lakeloop.core.jobs import MatrixJob, Passport, ScoreJob, TrainJob
from lakeloop.core.lake import scores
from lakeloop.core.use_case import XGBoost
from lakeloop.settings import Settings
from lakeloop.spark.features import feature_frame
from lakeloop.spark.score import score
from lakeloop.spark.tables import read_table
from lakeloop.spark.training.matrix import FIT, HOLDOUT, read_split, write_matrix
from lakeloop.spark.training.train import train, with_model
from tests.spark.small_flights import days, publish, world
from use_cases.flights import FLIGHTS

DATES = days(date(2013, 3, 1), 16)
SPLIT_OF = {DATES[9]: FIT, DATES[-1]: HOLDOUT}
CASE_REF = "use_cases.flights:FLIGHTS"
CASE = FLIGHTS.model_copy(update={"model": XGBoost(max_depth=5, n_estimators=20, learning_rate=0.3, min_child_weight=1)})
KEYS = (*CASE.entity, "data_date")
Bits = dict[tuple[object, ...], tuple[bytes | None, ...]]


@pytest.fixture(scope="module")
def snapshot(stack: Settings, shared_lake: LakeFSLake) -> str:
    """Sixteen days of the small world."""
    return publish(stack, shared_lake, world(DATES))


@pytest.fixture(scope="module")
def matrix(spark: SparkSession, shared_lake: LakeFSLake, snapshot: str) -> str:
    """The commit of their training set."""
    shared_lake.create_branch("training-set", snapshot)
    job = MatrixJob(
        repository=shared_lake.repository, case=CASE_REF, snapshot=snapshot, branch="training-set",
        fit_dates=tuple(DATES[:12]), holdout_dates=tuple(DATES[12:]),
    )  # fmt: skip
    write_matrix(job, spark, CASE)
    return shared_lake.commit("training-set", "a training set", {})


def bits(rows: DataFrame, *names: str) -> Bits:
    """The bytes of some numbers by entity and date; a null is none."""
    found = {tuple(row[key] for key in KEYS): tuple(_bytes(row[name]) for name in names) for row in rows.collect()}
    assert len(found) == rows.count() > 0
    return found


def _bytes(value: float | None) -> bytes | None:
    return None if value is None else struct.pack("<d", value)


@pytest.mark.parametrize("day", SPLIT_OF, ids=SPLIT_OF.values())
def test_the_features_that_a_fit_reads_are_to_the_bit_those_that_scoring_computes(
    spark: SparkSession, shared_lake: LakeFSLake, snapshot: str, matrix: str, day: date
) -> None:
    split = read_split(spark, CASE, shared_lake.repository, matrix, SPLIT_OF[day])
    learnt = bits(split.where(split.data_date == day), *CASE.feature_names)
    scored = bits(feature_frame(spark, CASE, shared_lake.repository, snapshot, [day]), *CASE.feature_names)
    assert (len(learnt), len(scored)) == (59, 60), "one of the day's flights has no label, and is scored all the same"
    assert learnt == {key: scored[key] for key in learnt}
    assert any(value is None for row in learnt.values() for value in row), "what is missing is missing in both"


def test_the_scores_of_the_rows_of_a_fit_are_to_the_bit_those_that_scoring_publishes(
    spark: SparkSession, shared_lake: LakeFSLake, snapshot: str, matrix: str, tmp_path: Path
) -> None:
    at = {"repository": shared_lake.repository, "case": CASE_REF}
    job = TrainJob(**at, matrix=matrix, workdir=str(tmp_path), features=CASE.feature_names, model=CASE.model)
    model = Path(train(job, spark, CASE).model_file)
    passport = Passport(
        model_name="flights", model_version=1, model_sha256=hashlib.sha256(model.read_bytes()).hexdigest(),
        data_commit=snapshot, code_version="c", contract_version="v", run_key="k" * 64,
    )  # fmt: skip
    shared_lake.create_branch("run-scores", snapshot)
    score(ScoreJob(**at, branch="run-scores", model_path=str(model), passport=passport, dates=tuple(SPLIT_OF)), spark, CASE)
    published = bits(read_table(spark, shared_lake.repository, "run-scores", scores("flights")), "score")
    for day, name in SPLIT_OF.items():
        split = read_split(spark, CASE, shared_lake.repository, matrix, name)
        learnt = bits(with_model(split.where(split.data_date == day), model.read_bytes(), "score"), "score")
        assert learnt == {key: published[key] for key in learnt}
