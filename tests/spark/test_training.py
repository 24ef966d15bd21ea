"""Training: a frozen set, a fit whose bytes come again, measures that are those of the rows, and refusals before the fit."""

from __future__ import annotations

import hashlib
import json
import math
from datetime import date
from pathlib import Path

import numpy as np
import pytest
import xgboost
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from lakeloop.adapters.lakefs_lake import LakeFSLake
from lakeloop.core.errors import ConfigurationError, InvalidInput, LeakageFound
from lakeloop.core.gate_policy import DEFAULTS, BeatsBaseline, FitsSignature, HoldsInSlices, with_defaults
from lakeloop.core.gates import judge_gates
from lakeloop.core.jobs import ChampionFile, MatrixJob, TrainJob, TuneJob
from lakeloop.core.lake import training
from lakeloop.core.reports import MatrixReport, TrainReport
from lakeloop.core.signature import signature_of
from lakeloop.core.tuning import Space, Trial, Tuning, Whole
from lakeloop.core.use_case import UseCase, XGBoost
from lakeloop.settings import Settings
from lakeloop.spark.encodings import Encodings, keep, kept_in
from lakeloop.spark.tables import read_table
from lakeloop.spark.training.fit import fit
from lakeloop.spark.training.importance import importance
from lakeloop.spark.training.matrix import FIT, HOLDOUT, read_split, write_matrix
from lakeloop.spark.training.train import _gap, train
from lakeloop.spark.training.tune import tune
from tests.spark.small_flights import days, publish, world
from use_cases.flights import FLIGHTS

DATES = days(date(2013, 3, 1), 24)
FEW = XGBoost(max_depth=3, n_estimators=20, learning_rate=0.3, min_child_weight=5)
CASE = FLIGHTS.model_copy(update={"model": FEW})
TUNING = Tuning(space=Space(max_depth=Whole(low=2, high=4)), most_trials=2, validation_days=2)
KEYS = ("carrier", "flight", "origin", "data_date")


@pytest.fixture(scope="module")
def snapshot(stack: Settings, shared_lake: LakeFSLake) -> str:
    """Twenty-four days of the small world."""
    return publish(stack, shared_lake, world(DATES))


def matrix_job(lake: LakeFSLake, snapshot: str, branch: str) -> MatrixJob:
    """Twenty days to learn from, four later ones to be judged on."""
    lake.create_branch(branch, snapshot)
    return MatrixJob(
        repository=lake.repository, case="use_cases.flights:FLIGHTS", snapshot=snapshot, branch=branch,
        fit_dates=tuple(DATES[:20]), holdout_dates=tuple(DATES[20:]),
    )  # fmt: skip


@pytest.fixture(scope="module")
def written(spark: SparkSession, shared_lake: LakeFSLake, snapshot: str) -> tuple[MatrixReport, str]:
    """The training set of these days, and its commit."""
    report = write_matrix(matrix_job(shared_lake, snapshot, "training-set"), spark, CASE)
    return report, shared_lake.commit("training-set", "a training set", {})


@pytest.fixture
def job(shared_lake: LakeFSLake, written: tuple[MatrixReport, str], tmp_path: Path) -> TrainJob:
    return TrainJob(
        repository=shared_lake.repository, case="use_cases.flights:FLIGHTS", matrix=written[1], workdir=str(tmp_path),
        features=CASE.feature_names, model=FEW,
    )  # fmt: skip


def test_every_row_is_in_the_training_set_and_those_without_a_label_are_counted(
    spark: SparkSession, shared_lake: LakeFSLake, written: tuple[MatrixReport, str]
) -> None:
    report, commit = written
    assert (report.fit.rows, report.fit.unlabelled, report.fit.days) == (20 * 59, 20, 20)
    assert (report.holdout.rows, report.holdout.unlabelled, report.holdout.first) == (4 * 59, 4, DATES[20])
    assert read_table(spark, shared_lake.repository, commit, training("flights")).count() == 24 * 60
    assert read_split(spark, CASE, shared_lake.repository, commit, FIT).where("late IS NULL").isEmpty()


def test_the_same_commit_gives_the_same_training_set_and_the_same_model(
    spark: SparkSession, shared_lake: LakeFSLake, snapshot: str, written: tuple[MatrixReport, str], job: TrainJob, tmp_path: Path
) -> None:
    first = train(job, spark, CASE)
    content = Path(first.model_file).read_bytes()
    assert (first.sha256, first.evaluation.model_bytes) == (hashlib.sha256(content).hexdigest(), len(content))
    assert first.evaluation.fit_seconds == first.seconds["fit"], "what its budget is held against is what the record says"
    again = write_matrix(matrix_job(shared_lake, snapshot, "training-set-again"), spark, CASE)
    assert again == written[0]
    commit = shared_lake.commit("training-set-again", "the same", {})
    second = train(job.model_copy(update={"matrix": commit, "workdir": str(tmp_path)}), spark, CASE)
    assert second.sha256 == first.sha256
    still = {"fit_seconds": None}
    assert second.evaluation.model_copy(update=still) == first.evaluation.model_copy(update=still)


def test_a_fit_beats_the_carriers_rate_and_says_what_moved_it(spark: SparkSession, job: TrainJob) -> None:
    report = train(job, spark, CASE)
    live = report.evaluation.model_copy(update={"live_features": signature_of(CASE)})
    said = {one.name: one.outcome for one in judge_gates(CASE.gates, live)}
    assert said["ranks_better_than_carrier_rate"] == said["leaks_nothing"] == said["fits_signature"] == "pass"
    assert next(iter(report.importance)) == "precip"
    assert report.sampled == 4 * 59
    assert {one.model for one in report.evaluation.days} == {"challenger", "carrier", "logistic"}
    groups = {one.value for one in report.evaluation.slices if one.column == "carrier"}
    assert groups == {"AA", "UA", "B6", "DL"}, "by the carrier, not by the rate that is its baseline"
    assert len(report.evaluation.daily("challenger", "auc")) == 4


def test_without_gates_of_its_own_a_case_is_held_against_a_line_and_in_its_large_groups(
    spark: SparkSession, job: TrainJob
) -> None:
    gates = with_defaults((HoldsInSlices(fewest_rows=70),), ())
    measured = train(job, spark, CASE.model_copy(update={"gates": gates})).evaluation
    assert {(one.column, one.value) for one in measured.slices} == {("origin", name) for name in ("EWR", "JFK", "LGA")}
    assert all(one.rows > 70 for one in measured.slices), "a carrier has 59 rows a day of four, a flight number one"
    said = {one.name: one.outcome for one in judge_gates(gates, measured)}
    assert (said["better_than_logistic"], said["holds_in_slices"]) == ("pass", "pass")
    (line,) = judge_gates([BeatsBaseline(name="far_better", baseline="logistic", metric="auc", margin=0.5)], measured)
    assert (line.outcome, 0.5 < float(line.evidence["baseline"] or 0) < 1) == ("fail", True), (
        "a line ranks, and is held against it"
    )


def test_a_file_whose_features_are_not_the_cases_fails_its_gate_whatever_the_job_was_asked(
    spark: SparkSession, job: TrainJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    def mislabelled(rows: DataFrame, case: UseCase) -> xgboost.Booster:
        booster = fit(rows, case)
        first, second, *rest = booster.feature_names or []
        booster.feature_names = [second, first, *rest]
        return booster

    monkeypatch.setattr("lakeloop.spark.training.train.fit", mislabelled)
    measured = train(job, spark, CASE).evaluation.model_copy(update={"live_features": signature_of(CASE)})
    (said,) = judge_gates([FitsSignature()], measured)
    assert (said.outcome, said.words.rpartition(": ")[2]) == ("fail", "they come in another order")


def test_the_champion_is_measured_on_the_very_same_rows(spark: SparkSession, job: TrainJob, tmp_path: Path) -> None:
    folder = tmp_path / "champion"
    folder.mkdir()
    smaller = {"workdir": str(folder), "model": FEW.model_copy(update={"n_estimators": 3})}
    champion = train(job.model_copy(update=smaller), spark, CASE)
    known = ChampionFile(path=champion.model_file, sha256=champion.sha256, version=4)
    report = train(job.model_copy(update={"champion": known}), spark, CASE)
    alone = {one.data_date: one.auc for one in champion.evaluation.days if one.model == "challenger"}
    assert report.evaluation.daily("champion", "auc") == alone
    assert report.evaluation.champion == 4
    assert all(one.champion is not None for one in report.evaluation.slices)
    with pytest.raises(InvalidInput, match="was not loaded"):
        train(job.model_copy(update={"champion": known.model_copy(update={"sha256": "0" * 64})}), spark, CASE)


def test_a_champion_that_asks_for_features_of_yesterday_is_not_compared(
    spark: SparkSession, job: TrainJob, tmp_path: Path
) -> None:
    (tmp_path / "champion").mkdir()
    champion = train(job.model_copy(update={"workdir": str(tmp_path / "champion")}), spark, CASE)
    known = ChampionFile(path=champion.model_file, sha256=champion.sha256, version=4)
    fewer = {"champion": known, "features": CASE.feature_names[1:]}
    report = train(job.model_copy(update=fewer), spark, CASE)
    assert (
        report.evaluation.champion_gap
        == f"the champion asks for {CASE.feature_names[0]}, which the case does not compute any more"
    )
    (said,) = (one for one in judge_gates(DEFAULTS, report.evaluation) if one.name == "better_than_champion")
    assert said.outcome == "warn"


def test_a_champion_that_learnt_a_feature_of_another_kind_is_not_compared(tmp_path: Path) -> None:
    data = xgboost.DMatrix(np.arange(8.0).reshape(-1, 2), label=[0, 1, 0, 1], feature_names=["a", "b"])
    booster = xgboost.train({"objective": "binary:logistic"}, data, num_boost_round=1)
    keep(booster, Encodings(values={"a": ("x", "y")}))
    path = tmp_path / "model.ubj"
    booster.save_model(path)
    champion = ChampionFile(path=str(path), sha256=hashlib.sha256(path.read_bytes()).hexdigest(), version=1)
    case = CASE.model_copy(update={"feature_names": ("a", "b")})
    assert _gap(champion, case.model_copy(update={"categories": ("a",)})) == ""
    assert _gap(champion, case).startswith("of a the champion learnt as a number what the case gives as a text now")
    assert _gap(champion, case.model_copy(update={"categories": ("a", "b")})).startswith("of b the champion")


@pytest.mark.parametrize(
    ("fit", "holdout"), [(DATES[:20], (DATES[3], DATES[20])), ([], DATES[20:]), (DATES[:20], [])]
)  # fmt: skip
def test_holdout_dates_come_after_all_others(
    spark: SparkSession, shared_lake: LakeFSLake, snapshot: str, fit: list[date], holdout: list[date]
) -> None:
    job = MatrixJob(
        repository=shared_lake.repository, case="c", snapshot=snapshot, branch="b", fit_dates=tuple(fit),
        holdout_dates=tuple(holdout),
    )  # fmt: skip
    with pytest.raises(InvalidInput, match="hold-out dates after all of them; nothing was fitted"):
        write_matrix(job, spark, CASE)


def test_days_without_labels_and_days_of_one_class_are_not_fitted(
    spark: SparkSession, stack: Settings, shared_lake: LakeFSLake, snapshot: str
) -> None:
    job = matrix_job(shared_lake, snapshot, "no-labels").model_copy(update={"holdout_dates": (date(2014, 1, 1),)})
    with pytest.raises(InvalidInput, match="no row of the holdout days of flights has a label yet"):
        write_matrix(job, spark, CASE)
    calm = CASE.model_copy(
        update={"label": CASE.label.model_copy(update={"expression": "CASE WHEN arr_delay IS NULL THEN NULL ELSE 0 END"})}
    )
    with pytest.raises(InvalidInput, match="have the same late: there is nothing to tell apart"):
        write_matrix(matrix_job(shared_lake, snapshot, "one-class"), spark, calm)


def test_a_feature_that_is_the_answer_stops_the_training(
    spark: SparkSession,
    stack: Settings,
    shared_lake: LakeFSLake,
    written: tuple[MatrixReport, str],
    job: TrainJob,
    tmp_path: Path,
) -> None:
    shared_lake.create_branch("leaking", written[1])
    path = f"s3a://{shared_lake.repository}/leaking/{training('flights')}"
    rows = read_table(spark, shared_lake.repository, written[1], training("flights"))
    rows.selectExpr(*(name if name != "hour" else "coalesce(late, 0.5) AS hour" for name in rows.columns)).write.format(
        "delta"
    ).mode("overwrite").partitionBy("split").save(path)
    commit = shared_lake.commit("leaking", "an answer among the features", {})
    with pytest.raises(LeakageFound, match=r"hour \(1\.0000\) of flights alone ranks late"):
        train(job.model_copy(update={"matrix": commit}), spark, CASE)
    assert not list(tmp_path.iterdir()), "nothing was fitted"
    tried: list[Trial] = []
    with pytest.raises(LeakageFound, match=r"hour \(1\.0000\) of flights alone ranks late"):
        tune(trials(job).model_copy(update={"matrix": commit}), spark, CASE, tried.append)
    assert tried == []


def trials(job: TrainJob) -> TuneJob:
    """A tuning on the same training set."""
    asked = job.model_dump(include={"repository", "case", "matrix", "features"})
    return TuneJob(**asked, model=FEW, tuning=TUNING, validation_dates=tuple(DATES[18:20]))


def test_nothing_of_the_hold_out_is_learnt_and_it_alone_is_what_is_measured(
    spark: SparkSession, shared_lake: LakeFSLake, written: tuple[MatrixReport, str], job: TrainJob
) -> None:
    shared_lake.create_branch("other-hold-out", written[1])
    rows = read_table(spark, shared_lake.repository, written[1], training("flights")).where("split = 'holdout'")
    path = f"s3a://{shared_lake.repository}/other-hold-out/{training('flights')}"
    other = rows.withColumns({"late": 1 - F.col("late"), "hour": F.col("hour") + 5})
    other.write.format("delta").mode("overwrite").option("replaceWhere", "split = 'holdout'").save(path)
    commit = shared_lake.commit("other-hold-out", "every later label is the other one", {})
    as_it_is, turned = (train(job.model_copy(update={"matrix": each}), spark, CASE) for each in (written[1], commit))
    assert turned.sha256 == as_it_is.sha256
    assert turned.evaluation.feature_auc == as_it_is.evaluation.feature_auc
    late, early = (sum(one.positives for one in each.evaluation.calibration) for each in (as_it_is, turned))
    assert (sum(one.rows for one in as_it_is.evaluation.calibration), late + early) == (4 * 59, 4 * 59)
    assert turned.evaluation.mean("challenger", "auc") < 0.5 < as_it_is.evaluation.mean("challenger", "auc")


def test_a_category_is_learnt_rides_in_the_model_and_may_hold_what_nobody_saw(
    spark: SparkSession, shared_lake: LakeFSLake, written: tuple[MatrixReport, str], job: TrainJob
) -> None:
    shared_lake.create_branch("categories", written[1])
    path = f"s3a://{shared_lake.repository}/categories/{training('flights')}"
    rows = read_table(spark, shared_lake.repository, written[1], training("flights"))
    fog = "WHEN split = 'holdout' AND hour < 8 THEN 'fog'"
    sky = f"CASE {fog} WHEN precip > 0 THEN 'rain' WHEN precip = 0 THEN 'clear' END AS sky"
    widened = rows.selectExpr("*", sky).write.format("delta").mode("overwrite").option("overwriteSchema", "true")
    widened.partitionBy("split").save(path)
    commit = shared_lake.commit("categories", "a category among the features", {})
    case = CASE.model_copy(update={"feature_names": (*CASE.feature_names, "sky"), "categories": ("sky",)})
    report = train(job.model_copy(update={"matrix": commit, "features": case.feature_names}), spark, case)
    learnt = kept_in(Path(report.model_file).read_bytes())
    assert set(learnt.values["sky"]) == {"rain", "clear"}, "from the rows of the fit, not from later ones"
    assert math.isnan(learnt.number("sky", "fog"))
    assert {one.rows for one in report.evaluation.days if one.model == "challenger"} == {59}, "every later row has its score"
    sky = report.evaluation.model_features[-1]
    assert (sky.name, sky.kind, sky.learnt) == ("sky", "text", 2)
    assert sky.unseen is not None
    assert 0 < sky.unseen < 0.5, "the fog of the later days"
    assert report.evaluation.feature_auc["sky"] > 0.6


def test_what_cannot_run_here_is_refused_before_it_starts(
    spark: SparkSession, job: TrainJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, held = FEW.model_copy(update={"num_workers": 64}), []
    for module in ("train", "tune"):
        monkeypatch.setattr(f"lakeloop.spark.training.{module}.held", lambda frame, _kept: held.append(frame) or frame)
    with pytest.raises(InvalidInput, match="asks for 64 workers"):
        train(job.model_copy(update={"model": model}), spark, CASE)
    with pytest.raises(InvalidInput, match="asks for 64 workers"):
        tune(trials(job).model_copy(update={"model": model}), spark, CASE, lambda _trial: None)
    monkeypatch.setattr("lakeloop.core.capacity._CELL", 2**34)  # a row takes as much as a machine has
    too_much = r"rows of 23 features takes about [\d,.]+ GiB and [\d.]+ GiB are free where Spark runs; nothing was fitted"
    with pytest.raises(InvalidInput, match=too_much):
        train(job, spark, CASE)
    with pytest.raises(InvalidInput, match=too_much):
        tune(trials(job), spark, CASE, lambda _trial: None)
    assert held == [], "no row was put into memory"
    assert not list(tmp_path.iterdir())


def test_a_gate_on_a_column_nobody_has_is_a_mistake_of_the_case(spark: SparkSession, job: TrainJob) -> None:
    gates = (BeatsBaseline(name="moon", baseline="moon", metric="auc"), HoldsInSlices(by=("tide",)))
    with pytest.raises(ConfigurationError, match=r"\['moon', 'tide'\]"):
        train(job, spark, CASE.model_copy(update={"gates": gates}))


@pytest.fixture
def of_fifty(spark: SparkSession, job: TrainJob, monkeypatch: pytest.MonkeyPatch) -> TrainReport:
    """A fit whose importance is of fifty rows."""
    monkeypatch.setattr("lakeloop.spark.training.importance.SAMPLE", 50)
    return train(job, spark, CASE)


def test_importance_is_of_a_bounded_sample_that_stays_the_same(
    spark: SparkSession, shared_lake: LakeFSLake, written: tuple[MatrixReport, str], of_fifty: TrainReport
) -> None:
    later = read_split(spark, CASE, shared_lake.repository, written[1], HOLDOUT)
    again, sampled = importance(later, KEYS, CASE.feature_names, Path(of_fifty.model_file).read_bytes())
    assert (again, sampled) == (of_fifty.importance, 50)
    assert json.dumps(again)


def test_importance_is_the_exact_shap_values_of_the_sampled_rows_and_not_an_approximation(
    spark: SparkSession, shared_lake: LakeFSLake, written: tuple[MatrixReport, str], of_fifty: TrainReport
) -> None:
    later = read_split(spark, CASE, shared_lake.repository, written[1], HOLDOUT)
    sample = later.orderBy(F.xxhash64(*KEYS), *KEYS).limit(50).select(*CASE.feature_names).toPandas().astype("float32")
    booster, rows = xgboost.Booster(model_file=of_fifty.model_file), xgboost.DMatrix(sample)

    def moved(**how: bool) -> dict[str, float]:
        parts = booster.predict(rows, pred_contribs=True, **how)[:, :-1]
        return dict(zip(CASE.feature_names, np.abs(parts).mean(axis=0).tolist(), strict=True))

    assert of_fifty.importance == pytest.approx(moved(), abs=1e-5)
    assert of_fifty.importance != pytest.approx(moved(approx_contribs=True), abs=1e-3), "these rows would not tell the two apart"
