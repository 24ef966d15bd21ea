"""Scoring and its audit: every entity once, the passport on every row, and an audit that sees what is wrong."""

from __future__ import annotations

import hashlib
import json
import uuid
from datetime import date
from pathlib import Path

import numpy as np
import pytest
import xgboost
from deltalake import DeltaTable
from pyspark.sql import Column, SparkSession
from pyspark.sql import functions as F

from lakeloop.adapters.lakefs_lake import LakeFSLake
from lakeloop.core.errors import ConfigurationError, InvalidInput
from lakeloop.core.jobs import AuditScoresJob, Passport, ScoreJob
from lakeloop.core.reports import AuditReport, ScoreReport
from lakeloop.settings import Settings
from lakeloop.spark.audit_scores import audit_scores
from lakeloop.spark.features import feature_frame
from lakeloop.spark.score import score, score_fingerprints
from lakeloop.spark.tables import uri
from tests.spark.small_flights import days, options, publish, world
from use_cases.flights import FLIGHTS
from use_cases.flights import features as flight_features

DATES = days(date(2013, 3, 8), 8)
CASE_REF = "use_cases.flights:FLIGHTS"
NAMES = list(FLIGHTS.feature_names)


@pytest.fixture(scope="module")
def data_commit(stack: Settings, shared_lake: LakeFSLake) -> str:
    """Fifteen days of the small world."""
    return publish(stack, shared_lake, world(days(date(2013, 3, 1), 15)))


@pytest.fixture(scope="module")
def model_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A booster over the case's features."""
    rows = np.random.default_rng(7).random((500, len(NAMES))) * 30
    data = xgboost.DMatrix(rows, label=rows[:, 0] + rows[:, 4] > 30, feature_names=NAMES)
    path = tmp_path_factory.mktemp("fit") / "model.ubj"
    xgboost.train({"objective": "binary:logistic", "max_depth": 3}, data, num_boost_round=5).save_model(path)
    return path


@pytest.fixture(scope="module")
def scored(shared_lake: LakeFSLake, data_commit: str, model_file: Path, spark: SparkSession) -> tuple[ScoreJob, ScoreReport, str]:
    """Eight dates scored once: the job, its report and the commit of its branch."""
    shared_lake.create_branch("run-scored", data_commit)
    passport = Passport(
        model_name="flights", model_version=3, model_sha256=hashlib.sha256(model_file.read_bytes()).hexdigest(),
        data_commit=data_commit, code_version="c", contract_version="v", run_key="k" * 64,
    )  # fmt: skip
    job = ScoreJob(
        repository=shared_lake.repository, case=CASE_REF, branch="run-scored", model_path=str(model_file), passport=passport,
        dates=tuple(DATES),
    )  # fmt: skip
    report = score(job, spark, FLIGHTS)
    return job, report, shared_lake.commit("run-scored", "scores", {})


@pytest.fixture
def job(scored: tuple[ScoreJob, ScoreReport, str], shared_lake: LakeFSLake) -> ScoreJob:
    """The same job on a branch of the test's own, where its scores stand already."""
    branch = f"run-{uuid.uuid4().hex[:12]}"
    shared_lake.create_branch(branch, scored[2])
    return scored[0].model_copy(update={"branch": branch})


def audit(spark: SparkSession, job: ScoreJob, snapshot: str, run_key: str = "k" * 64) -> AuditReport:
    asked = AuditScoresJob(
        repository=job.repository, case=CASE_REF, snapshot=snapshot, data_commit=job.passport.data_commit, run_key=run_key,
        dates=job.dates,
    )  # fmt: skip
    return audit_scores(asked, spark, FLIGHTS)


def failed(report: AuditReport) -> set[str]:
    return {check.name for unit in report.units for check in unit.checks if not check.passed}


def test_every_flight_is_scored_as_the_booster_says_with_its_passport(
    spark: SparkSession, scored: tuple[ScoreJob, ScoreReport, str], stack: Settings, model_file: Path
) -> None:
    job, report, commit = scored
    assert {day: found.rows for day, found in report.dates.items()} == dict.fromkeys(DATES, 60)

    frame = feature_frame(spark, FLIGHTS, job.repository, job.passport.data_commit, DATES).toPandas()
    matrix = xgboost.DMatrix(frame[NAMES].to_numpy(dtype=np.float32), feature_names=NAMES)
    keys = frame[["data_date", *FLIGHTS.entity]].itertuples(index=False, name=None)
    expected = dict(zip(keys, xgboost.Booster(model_file=model_file).predict(matrix), strict=True))

    # read by delta-rs: what Spark wrote must be readable by everybody
    found = (
        DeltaTable(f"s3://{job.repository}/{commit}/scores/flights", storage_options=options(stack))
        .to_pyarrow_table()
        .to_pylist()
    )
    assert {(row["data_date"], *(row[name] for name in FLIGHTS.entity)): row["score"] for row in found} == pytest.approx(expected)
    for name, value in job.passport:
        assert {row[name] for row in found} == {value}
    assert {row["trust"] for row in found} == {"candidate"}
    assert all(set(row["reasons"]) <= set(NAMES) and len(row["reasons"]) <= 3 for row in found)


def test_the_audit_of_good_scores_passes_and_counts_them_as_the_job_did(
    spark: SparkSession, scored: tuple[ScoreJob, ScoreReport, str]
) -> None:
    job, report, commit = scored
    audited = audit(spark, job, commit)
    assert all(unit.passed for unit in audited.units), failed(audited)
    assert {unit.data_date: unit.fingerprint for unit in audited.units} == report.dates
    assert {one["data_date"] for one in json.loads(audited.pages["audit.json"])["units"]} == {str(day) for day in DATES}
    for words in ("Audit of flights", "all 8 passed", "score_is_probability", f"<b>{DATES[0]}</b> to <b>{DATES[-1]}</b>"):
        assert words in audited.pages["audit.html"]


def test_scoring_again_replaces_its_dates_and_no_others(
    spark: SparkSession, job: ScoreJob, scored: tuple[ScoreJob, ScoreReport, str]
) -> None:
    score(job.model_copy(update={"dates": (DATES[1],)}), spark, FLIGHTS)
    kept = score_fingerprints(spark, FLIGHTS, job.repository, job.branch, DATES)
    assert {found.rows for found in kept.values()} == {60}
    assert {day for day in DATES if kept[day] == scored[1].dates[day]} == set(DATES) - {DATES[1]}


def test_a_model_file_that_is_not_the_passports_is_never_loaded(spark: SparkSession, job: ScoreJob, tmp_path: Path) -> None:
    other = tmp_path / "model.ubj"
    other.write_bytes(Path(job.model_path).read_bytes() + b" ")
    with pytest.raises(InvalidInput, match="nothing was scored"):
        score(job.model_copy(update={"model_path": str(other)}), spark, FLIGHTS)


def test_a_model_that_learnt_from_other_features_is_refused(spark: SparkSession, job: ScoreJob) -> None:
    swapped = FLIGHTS.model_copy(update={"feature_names": tuple(reversed(NAMES))})
    with pytest.raises(ConfigurationError, match="nothing was scored"):
        score(job, spark, swapped)


def test_an_infinite_feature_scores_nothing_and_is_told_with_its_rows(
    spark: SparkSession, job: ScoreJob, scored: tuple[ScoreJob, ScoreReport, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = flight_features.flight_features
    name = NAMES[0]
    infinite = F.when(F.col("data_date") == F.lit(DATES[2]), F.lit(float("inf"))).otherwise(F.col(name))
    monkeypatch.setattr(flight_features, "flight_features", lambda *given: before(*given).withColumn(name, infinite))
    words = rf"^{name} in 60 of 480 rows, the first of {DATES[2]} \(.*; nothing was scored. Next: give null"
    with pytest.raises(InvalidInput, match=words):
        score(job, spark, FLIGHTS)
    kept = score_fingerprints(spark, FLIGHTS, job.repository, job.branch, DATES)
    assert kept == scored[1].dates


def test_the_audit_sees_what_is_wrong_date_by_date(spark: SparkSession, job: ScoreJob, shared_lake: LakeFSLake) -> None:
    table = uri(job.repository, job.branch, "scores/flights")
    rows = spark.read.format("delta").load(table).where(~on(DATES[0]))
    for name, day, value in (
        ("flight", DATES[1], "102"), ("score", DATES[2], "1.5"), ("score", DATES[3], "NULL"),
        ("score", DATES[4], "double('NaN')"), ("model_sha256", DATES[5], "NULL"), ("run_key", DATES[6], "'other'"),
    ):  # fmt: skip
        rows = rows.withColumn(name, F.when(on(day), F.expr(value)).otherwise(F.col(name)))
    twice = (F.col("data_date") == F.lit(DATES[1])) & (F.col("flight") == 102)  # two flights under one name now
    rows = rows.withColumn("carrier", F.when(twice, "AA").otherwise(F.col("carrier")))
    rows = rows.withColumn("origin", F.when(twice, "JFK").otherwise(F.col("origin")))
    rows.write.format("delta").mode("overwrite").save(table)

    audited = audit(spark, job, shared_lake.commit(job.branch, "harmed", {}))
    wrong = {unit.data_date: {check.name for check in unit.checks if not check.passed} for unit in audited.units}
    is_probability = {"score_is_probability"}
    expected = [{"coverage"}, {"entity_once"}, is_probability, is_probability, is_probability, {"passport_is_whole"}]
    assert wrong == dict(zip(DATES, [*expected, {"made_by_this_run"}, set()], strict=True))


def on(day: date) -> Column:
    """One row of a date: flight 101."""
    return (F.col("data_date") == F.lit(day)) & (F.col("flight") == 101)


def test_a_date_without_scores_does_not_pass(spark: SparkSession, job: ScoreJob) -> None:
    assert "coverage" in failed(audit(spark, job, job.passport.data_commit))


def test_trust_is_not_part_of_what_a_score_is(
    spark: SparkSession, job: ScoreJob, scored: tuple[ScoreJob, ScoreReport, str]
) -> None:
    spark.sql(f"UPDATE delta.`{uri(job.repository, job.branch, 'scores/flights')}` SET trust = 'trusted'")
    assert score_fingerprints(spark, FLIGHTS, job.repository, job.branch, DATES) == scored[1].dates
