"""Tuning on the real parts: a study on the fit split alone, its trials in MLflow, its winner frozen, fitted and made again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from pyspark.errors import PySparkException
from use_cases.tiny import TINY

from lakeloop.adapters.mlflow_server.client import client_of
from lakeloop.core.checkpoints import forget, observe
from lakeloop.core.errors import InvalidInput, SparkFailed
from lakeloop.core.jobs import AnyJob, TrainJob, TuneJob
from lakeloop.core.lake import evidence_path, training
from lakeloop.core.reports import TuneReport
from lakeloop.core.runs import SessionKey
from lakeloop.core.training import Tuned
from lakeloop.core.tuning import Real, Space, Tuning, Whole
from lakeloop.settings import Settings
from lakeloop.spark.training import tune as tune_job
from lakeloop.steps.platform import Platform
from lakeloop.steps.training import fit, gate, prepare, tune
from lakeloop.steps.training.record import FITTED, TUNED, read_fitted, read_training, read_tuned
from lakeloop.steps.training.reproduce import reproduce
from lakeloop.wiring import open_platform
from tests.spark.test_second_case import CASE, run
from tests.spark.tiny_world import publish_nights, settings_of

pytestmark = pytest.mark.filterwarnings("ignore:.*Any type hint:UserWarning")  # of MLflow's own import
SPACE = Space(
    max_depth=Whole(low=1, high=4), n_estimators=Whole(low=5, high=40, log=True),
    learning_rate=Real(low=0.05, high=0.9, log=True), subsample=Real(low=0.5, high=1),
)  # fmt: skip
TUNING = Tuning(space=SPACE, most_trials=6, validation_days=2)
FEW = Tuning(space=Space(max_depth=Whole(low=2, high=3)), most_trials=4, validation_days=2)
FAILING = 2  # the trial whose fit dies
ASKED = run("train").model_copy(update={"cause": "verdict|2024-05-10"})  # a cause that no other fit of "tiny" on this server has


class Study(NamedTuple):
    """A tuning that was done, and what it was given."""

    p: Platform
    prepared: dict[str, Any]
    answer: dict[str, Any]
    tuned: Tuned


@pytest.fixture(scope="module")
def settings(stack: Settings, mlflow_uri: str, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return settings_of(stack, mlflow_uri, tmp_path_factory.mktemp("tuning"), "tuning-steps")


@pytest.fixture(scope="module")
def p(settings: Settings, new_key: Callable[[], SessionKey]) -> Iterator[Platform]:
    """The second case with tuning, and ten published nights of it."""
    publish_nights(settings)
    with open_platform(CASE, new_key(), settings) as opened:
        yield tuning_of(opened, TUNING)


def tuning_of(p: Platform, tuning: Tuning | None) -> Platform:
    return replace(p, case=TINY.model_copy(update={"tuning": tuning}))


@pytest.fixture(scope="module")
def study(p: Platform) -> Study:
    """One study, in which one fit dies."""
    prepared = prepare.prepare(p, ASKED)
    fits: list[int] = []
    before = tune_job.fit

    def dying(*given: Any) -> Any:
        fits.append(len(fits))
        if fits[-1] == FAILING:
            message = "the worker was killed\nand a trace of it"
            raise PySparkException(message)
        return before(*given)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(tune_job, "fit", dying)
        answer = tune.tune(p, ASKED, prepared)
    tuned = read_tuned(p.lake, answer["commit"], prepared["run_key"])
    assert tuned is not None
    return Study(p, prepared, answer, tuned)


def children(settings: Settings, parent: str) -> list[Any]:
    client = client_of(settings.mlflow_tracking_uri)
    experiment = client.get_run(parent).info.experiment_id
    found = client.search_runs([experiment], f"tags.`mlflow.parentRunId` = '{parent}'")
    return sorted(found, key=lambda one: int(one.data.tags["trial"]))


def test_the_winner_is_frozen_before_the_hold_out_is_opened_and_no_worse_than_the_cases_own(study: Study) -> None:
    tuned, known = study.tuned, read_training(study.p.lake, study.prepared["commit"], study.prepared["run_key"])
    assert tuned.validation_dates == known.fit_dates[-2:]
    assert (tuned.fit_rows, tuned.validation_rows) == (15, 6)
    assert tuned.trials[0].params == {name: getattr(TINY.model, name) for name in SPACE.ranges}
    values = [one.value for one in tuned.trials if one.value is not None]
    assert tuned.trials[tuned.winner].value == min(values)
    assert tuned.winner > 0, "five small trees leave room above them"
    assert tuned.model.model_dump() == {**TINY.model.model_dump(), **tuned.trials[tuned.winner].params}
    key = study.prepared["run_key"]
    changed = {change.path for change in study.p.lake.diff(study.prepared["commit"], study.answer["commit"])}
    assert changed == {evidence_path(key, TUNED)}, "beside training.json, and before there is a fitted.json"
    assert not study.p.lake.exists(study.answer["commit"], evidence_path(key, FITTED))
    assert study.answer["summary"].startswith(f"trial {tuned.winner} won of 6 trials (1 failed): log loss")


def test_every_trial_is_a_run_below_one_parent(study: Study, settings: Settings) -> None:
    client = client_of(settings.mlflow_tracking_uri)
    parent = client.get_run(study.tuned.run_id)
    assert (parent.info.status, parent.data.tags["won"]) == ("FINISHED", f"trial {study.tuned.winner}")
    assert parent.data.params["max_depth"] == "1 to 4"
    below = children(settings, study.tuned.run_id)
    assert [int(one.data.tags["trial"]) for one in below] == [0, 1, 2, 3, 4, 5]
    assert [one.info.status for one in below] == ["FAILED" if at == FAILING else "FINISHED" for at in range(6)]
    assert below[FAILING].data.tags["failure"] == "the worker was killed"
    for one, trial in zip(below, study.tuned.trials, strict=True):
        assert one.data.params == {name: str(value) for name, value in trial.params.items()}
        assert one.data.metrics.get("validation_log_loss") == trial.value
        assert one.info.end_time - one.info.start_time == pytest.approx(trial.seconds * 1000, abs=2)
    causes = {one.words for one in study.p.runs.causes("tiny")}
    assert ASKED.cause not in causes, "a tuning is no fit: a week that was only tuned for is trained for"


def test_tuning_reads_nothing_of_the_hold_out(study: Study, tmp_path: Path) -> None:
    lake, folder = study.p.lake, f"{training('tiny')}/split=holdout/"
    known = read_training(lake, study.prepared["commit"], study.prepared["run_key"])
    branch = run("train").branch("tiny")
    lake.create_branch(branch, study.prepared["commit"])
    held_out = list(lake.list(branch, folder))
    assert held_out
    lake.remove(branch, held_out)
    without = lake.commit(branch, "the hold-out is gone", {})
    shared = {"repository": lake.repository, "case": CASE, "matrix": without, "features": known.features, "model": known.model}
    with pytest.raises(SparkFailed):
        study.p.spark.run(TrainJob(**shared, workdir=str(tmp_path)))
    again = study.p.spark.run(TuneJob(**shared, tuning=TUNING, validation_dates=study.tuned.validation_dates))
    assert isinstance(again, TuneReport)
    upto = slice(0, FAILING)  # after the fit that died the sampler knew less
    assert [(one.params, one.value) for one in again.trials[upto]] == [
        (one.params, one.value) for one in study.tuned.trials[upto]
    ]


def test_a_retry_finds_the_winner_and_does_not_tune_again(study: Study) -> None:
    killed = replace(study.p, spark=Unasked())
    assert tune.tune(killed, run("train"), study.prepared) == study.answer


@pytest.mark.more  # a study of its own
@pytest.mark.parametrize("point", ["train.chosen", "train.tuned"])
def test_a_try_that_is_killed_after_its_study_leaves_its_winner_to_the_next(p: Platform, settings: Settings, point: str) -> None:
    p = tuning_of(p, FEW)
    prepared = prepare.prepare(p, run("train"))
    with killed_at(point), pytest.raises(Killed):
        tune.tune(p, run("train"), prepared)
    answer = tune.tune(replace(p, spark=Unasked()), run("train"), prepared)
    tuned = read_tuned(p.lake, answer["commit"], prepared["run_key"])
    assert tuned is not None
    assert [one.state for one in tuned.trials].count("pruned") >= 2, "there are two depths, and four trials"
    states = {one.data.tags["trial"]: one.info.status for one in children(settings, tuned.run_id)}
    assert states == {str(one.number): {"complete": "FINISHED", "pruned": "KILLED"}[one.state] for one in tuned.trials}


@pytest.mark.more  # a study of its own
def test_own_parameters_that_cannot_be_measured_end_it_and_the_parent_run_says_why(
    p: Platform, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    p = tuning_of(p, FEW.model_copy(update={"seed": 11}))
    monkeypatch.setattr(tune_job, "by_day", lambda *_: ())
    prepared = prepare.prepare(p, run("train"))
    with pytest.raises(InvalidInput, match=r"the own parameters of tiny gave no log_loss .* nothing was tuned"):
        tune.tune(p, run("train"), prepared)
    client = client_of(settings.mlflow_tracking_uri)
    experiment = client.get_experiment_by_name("tiny").experiment_id
    (parent,) = client.search_runs([experiment], f"tags.`run_key` = '{prepared['run_key']}'")
    assert (parent.info.status, "gave no log_loss" in parent.data.tags["failure"]) == ("FAILED", True)
    assert [one.info.status for one in children(settings, parent.info.run_id)] == ["FAILED"]
    assert read_tuned(p.lake, prepared["branch"], prepared["run_key"]) is None


def test_the_version_carries_what_it_was_fitted_with_and_is_made_again_from_that(study: Study, settings: Settings) -> None:
    p, tuned = study.p, study.tuned
    done = fit.fit(p, run("train"), study.answer)
    found = read_fitted(p.lake, done["commit"], done["run_key"])
    known = read_training(p.lake, done["commit"], done["run_key"])
    assert (found.model, found.tuned) == (tuned.model, tuned.choice)
    assert found.model != known.model
    version = p.registry.version("tiny", done["version"])
    assert (version.tags["tuned_trial"], version.tags["tuned_trials"]) == (str(tuned.winner), "6")
    assert (version.tags["tuned"], version.tags["tuning_run"]) == (tuned.choice.words, tuned.run_id)
    client = client_of(settings.mlflow_tracking_uri)
    assert client.get_run(version.run_id).data.params["learning_rate"] == str(tuned.model.learning_rate)

    report = reproduce(p, run("train"), done["version"], lambda _words: None)
    assert report.is_equal, report.compared
    changed = reproduce(tuning_of(p, None), run("train"), done["version"], lambda _words: None)
    assert changed.is_equal, "whatever the case declares by now"

    gate.gate(p, run("train"), done)
    card = client.get_model_version("tiny", str(done["version"])).description
    assert f"| tuned | trial {tuned.winner} won of 6 trials (1 failed)" in card
    assert f"learning_rate {tuned.model.learning_rate}" in card
    cleared = tune.tune(replace(p, spark=Unasked()), run("train"), prepare.prepare(p, run("train")))
    assert cleared["summary"].startswith(f"version {done['version']} was fitted from this already")


class Unasked:
    """A Spark that is not to be asked."""

    def run(self, job: AnyJob, *_: object) -> None:
        message = f"{job.kind} was asked for again"
        raise AssertionError(message)


class Killed(Exception):
    """Stands for the end of a process."""


@contextmanager
def killed_at(point: str) -> Iterator[None]:
    """Ends the work at a checkpoint."""

    def end(name: str) -> None:
        if name == point:
            raise Killed(name)

    observe(end)
    try:
        yield
    finally:
        forget(end)
