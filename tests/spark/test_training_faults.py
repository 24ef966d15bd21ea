"""What goes wrong in a training: days that cannot be fitted, an MLflow that is killed or unheard; then a clean retry."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, NamedTuple

import pytest
import use_cases.tiny
from pyspark.sql import functions as F
from use_cases.tiny import TINY
from use_cases.tiny import features as tiny_features

from lakeloop.adapters.mlflow_server import MlflowRegistry, MlflowRuns
from lakeloop.adapters.mlflow_server.client import client_of
from lakeloop.core.checkpoints import forget, observe
from lakeloop.core.errors import InvalidInput, RegistryFailed
from lakeloop.core.jobs import AnyJob
from lakeloop.core.lake import MAIN, branch_prefix
from lakeloop.core.reports import Report
from lakeloop.core.runs import SessionKey
from lakeloop.settings import Settings
from lakeloop.stack.layout import StackRoot
from lakeloop.steps.platform import Platform
from lakeloop.steps.training import fit, prepare
from tests.conftest import mlflow_server
from tests.killable import KillableServer
from tests.losing_proxy import LosingProxy
from tests.spark.test_second_case import run
from tests.spark.tiny_world import publish_nights, settings_of, trainer

pytestmark = pytest.mark.filterwarnings("ignore:.*Any type hint:UserWarning")  # of MLflow's own import


class Mlflow(NamedTuple):
    """A server of this module's own, so that it may be killed."""

    uri: str
    server: KillableServer


@pytest.fixture(scope="module")
def own_mlflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mlflow]:
    root = StackRoot(tmp_path_factory.mktemp("own-mlflow"))
    uri, server = mlflow_server(root)
    with server:
        yield Mlflow(uri, server)


@pytest.fixture
def mlflow(own_mlflow: Mlflow) -> Mlflow:
    """Up, whatever the test before it did."""
    own_mlflow.server.start()
    return own_mlflow


@pytest.fixture(scope="module")
def world(stack: Settings, own_mlflow: Mlflow, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings of a lake with ten published nights of the second case."""
    settings = settings_of(stack, own_mlflow.uri, tmp_path_factory.mktemp("faults"), "training-faults")
    publish_nights(settings)
    return settings


@pytest.fixture
def p(world: Settings, mlflow: Mlflow, new_key: Callable[[], SessionKey]) -> Iterator[Platform]:
    with trainer(world, new_key()) as opened:
        yield opened


@pytest.fixture
def proxy(mlflow: Mlflow) -> Iterator[LosingProxy]:
    with LosingProxy(mlflow.uri) as opened:
        yield opened


def through(p: Platform, uri: str) -> Platform:
    return replace(p, runs=MlflowRuns(uri), registry=MlflowRegistry(uri))


def runs_of(mlflow: Mlflow) -> list[Any]:
    """Every run of the case, the newest first."""
    client = client_of(mlflow.uri)
    experiment = client.get_experiment_by_name("tiny")
    return list(client.search_runs([experiment.experiment_id])) if experiment else []


def versions(p: Platform) -> list[int]:
    return [one.version for one in p.registry.versions("tiny")]


def assert_retried(p: Platform, mlflow: Mlflow, prepared: dict[str, Any], left: str) -> str:
    """A retry makes the one version and finishes its run; the words that the run before it was left with, `left` its state."""
    assert fit.fit(p, run("train"), prepared)["version"] == 1
    assert versions(p) == [1]
    made, before = runs_of(mlflow)[:2]
    assert (made.info.status, before.info.status) == ("FINISHED", left)
    return str(before.data.tags["failure"])


INFINITE = {"celsius": "IF(shop = 'market', double('-Infinity'), celsius)", "usual": "IF(usual IS NULL, NULL, 1e39)"}
LABELS = {
    "one class": ("IF(sold_out IS NULL, NULL, 0)", "all 21 labelled rows of the fit days of tiny have the same label"),
    "no label": ("CAST(NULL AS INT)", "no row of the fit days of tiny has a label yet; nothing was fitted"),
}


@pytest.mark.parametrize("fault", LABELS)
def test_labels_that_tell_nothing_are_refused_before_anything_is_kept(
    p: Platform, mlflow: Mlflow, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    expression, words = LABELS[fault]
    case = TINY.model_copy(update={"label": TINY.label.model_copy(update={"expression": expression})})
    monkeypatch.setattr(use_cases.tiny, "TINY", case)
    assert_refused(replace(p, case=case), mlflow, words)
    monkeypatch.undo()
    assert not prepare.prepare(p, run("train"))["nothing_to_do"]


def test_an_infinite_feature_is_refused_with_its_rows_before_anything_is_kept(
    p: Platform, mlflow: Mlflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = tiny_features.shop_features
    infinite = {name: F.expr(text) for name, text in INFINITE.items()}
    monkeypatch.setattr(tiny_features, "shop_features", lambda *given: before(*given).withColumns(infinite))
    words = assert_refused(p, mlflow, "is infinite, or too large for 32 bits")
    assert "celsius in 9 of 27 rows, the first of 2024-05-01 (shop market)" in words
    assert "usual in 27 of 27 rows, the first of 2024-05-01 (shop harbour)" in words
    assert "visitors" not in words
    assert "give null where there is no number, in use_cases.tiny.features:shop_features" in words
    assert "\n" not in words
    monkeypatch.undo()
    assert not prepare.prepare(p, run("train"))["nothing_to_do"]


def assert_refused(p: Platform, mlflow: Mlflow, words: str) -> str:
    """`prepare` says these words and leaves no run, no version and no commit of its branch; all that it said."""
    runs, branches = len(runs_of(mlflow)), {one.name for one in p.lake.branches(branch_prefix("tiny", "train"))}
    with pytest.raises(InvalidInput, match=words) as refused:
        prepare.prepare(p, run("train"))
    assert "nothing was fitted" in str(refused.value)
    assert (len(runs_of(mlflow)), versions(p)) == (runs, [])
    (left,) = (one for one in p.lake.branches(branch_prefix("tiny", "train")) if one.name not in branches)
    assert left.head == p.lake.head(MAIN)
    return str(refused.value)


@pytest.mark.more  # MLflow is killed and started again
def test_mlflow_down_at_the_start_fits_nothing_and_leaves_no_run(p: Platform, mlflow: Mlflow) -> None:
    prepared, runs = prepare.prepare(p, run("train")), len(runs_of(mlflow))
    mlflow.server.kill()
    with pytest.raises(RegistryFailed, match="looking for the version of tiny .*the champion is unchanged. Next: see `lake"):
        fit.fit(replace(p, spark=NoSpark()), run("train"), prepared)
    mlflow.server.start()
    assert (len(runs_of(mlflow)), versions(p)) == (runs, [])
    assert fit.fit(p, run("train"), prepared)["version"] == 1


@pytest.mark.more  # MLflow is killed and started again
def test_mlflow_down_at_the_clocks_tick_prepares_nothing(p: Platform, mlflow: Mlflow) -> None:
    tick = run("train").model_copy(update={"cause": "clock"})
    mlflow.server.kill()
    with pytest.raises(RegistryFailed, match="looking for what tiny was trained for"):
        prepare.prepare(replace(p, spark=NoSpark()), tick)
    mlflow.server.start()
    assert not prepare.prepare(p, tick)["nothing_to_do"]


@pytest.mark.more  # MLflow is killed and started again
def test_mlflow_killed_during_the_fit_leaves_no_version_and_the_retry_closes_its_run(p: Platform, mlflow: Mlflow) -> None:
    prepared = prepare.prepare(p, run("train"))
    with pytest.raises(RegistryFailed, match="recording tiny .*the champion is unchanged. Next: see `lakeloop status`"):
        fit.fit(replace(p, spark=Meanwhile(p, mlflow.server.kill)), run("train"), prepared)
    mlflow.server.start()
    assert versions(p) == []
    assert assert_retried(p, mlflow, prepared, "KILLED").startswith("its try ended without a word")


@pytest.mark.more  # MLflow is killed and started again
def test_mlflow_killed_and_back_during_the_fit_is_not_noticed(p: Platform, mlflow: Mlflow) -> None:
    def restart() -> None:
        mlflow.server.kill()
        mlflow.server.start()

    prepared = prepare.prepare(p, run("train"))
    assert fit.fit(replace(p, spark=Meanwhile(p, restart)), run("train"), prepared)["version"] == 1
    assert runs_of(mlflow)[0].info.status == "FINISHED"


@pytest.mark.more  # MLflow is killed and started again
def test_mlflow_killed_when_the_version_is_to_be_made_leaves_none(
    p: Platform, mlflow: Mlflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = client_of(mlflow.uri)
    create = client.create_model_version

    def dying(*given: object, **named: object) -> object:
        mlflow.server.kill()
        return create(*given, **named)

    prepared = prepare.prepare(p, run("train"))
    monkeypatch.setattr(client, "create_model_version", dying)
    with pytest.raises(RegistryFailed, match="recording tiny .*the champion is unchanged"):
        fit.fit(p, run("train"), prepared)
    monkeypatch.undo()
    mlflow.server.start()
    assert versions(p) == []
    assert assert_retried(p, mlflow, prepared, "KILLED").startswith("its try ended without a word")


def test_an_answer_lost_after_the_version_was_made_makes_no_twin(p: Platform, mlflow: Mlflow, proxy: LosingProxy) -> None:
    prepared = prepare.prepare(p, run("train"))
    proxy.lose("model-versions/create")
    assert fit.fit(through(p, proxy.uri), run("train"), prepared)["version"] == 1
    assert proxy.has_lost
    assert versions(p) == [1]
    assert runs_of(mlflow)[0].info.status == "FINISHED"


@pytest.mark.more  # MLflow is killed and started again
def test_a_version_made_by_a_server_that_died_after_it_is_found_by_the_retry(
    p: Platform, mlflow: Mlflow, proxy: LosingProxy
) -> None:
    prepared = prepare.prepare(p, run("train"))
    proxy.lose("model-versions/create", mlflow.server.kill)
    with pytest.raises(RegistryFailed, match="recording tiny"):
        fit.fit(through(p, proxy.uri), run("train"), prepared)
    mlflow.server.start()
    runs = len(runs_of(mlflow))
    assert fit.fit(replace(p, spark=NoSpark()), run("train"), prepared)["version"] == 1
    assert (versions(p), len(runs_of(mlflow))) == ([1], runs)
    (made, *_) = runs_of(mlflow)
    assert (made.info.status, "failure" in made.data.tags) == ("FINISHED", False)


def test_a_run_whose_opening_was_not_heard_of_is_closed_by_the_retry(p: Platform, mlflow: Mlflow, proxy: LosingProxy) -> None:
    prepared = prepare.prepare(p, run("train"))
    proxy.lose("runs/create")
    with pytest.raises(RegistryFailed, match="opening run tiny-.*the champion is unchanged"):
        fit.fit(replace(through(p, proxy.uri), spark=NoSpark()), run("train"), prepared)
    assert assert_retried(p, mlflow, prepared, "KILLED").startswith("its try ended without a word")


def test_a_full_disk_under_the_artifacts_leaves_no_version_and_half_a_model_is_called_failed(
    p: Platform, mlflow: Mlflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = client_of(mlflow.uri)
    send, halves = client.log_model_artifacts, []

    def onto_a_full_disk(model_id: str, folder: str) -> None:
        halves.append(model_id)
        with mlflow.server.without_room(1000):  # for the model's bytes there is none, for its small files there is
            send(model_id, folder)

    prepared = prepare.prepare(p, run("train"))
    monkeypatch.setattr(client, "log_model_artifacts", onto_a_full_disk)
    with pytest.raises(RegistryFailed, match="the champion is unchanged. Next: `lakeloop logs mlflow` says .* a full disk, say"):
        fit.fit(p, run("train"), prepared)
    monkeypatch.undo()
    assert versions(p) == []
    assert client.get_logged_model(halves[0]).status == "FAILED"
    assert "`lakeloop logs mlflow`" in assert_retried(p, mlflow, prepared, "FAILED")


@pytest.mark.parametrize("point", ["train.fitted", "train.registered"])
def test_a_try_that_dies_between_two_words_leaves_no_twin(p: Platform, mlflow: Mlflow, point: str) -> None:
    def die(name: str) -> None:
        if name == point:
            message = "the task was killed"
            raise KeyboardInterrupt(message)

    prepared = prepare.prepare(p, run("train"))
    observe(die)
    try:
        with pytest.raises(KeyboardInterrupt):
            fit.fit(p, run("train"), prepared)
    finally:
        forget(die)
    assert runs_of(mlflow)[0].info.status == "FAILED"
    assert fit.fit(p, run("train"), prepared)["version"] == 1
    assert (versions(p), runs_of(mlflow)[0].info.status) == ([1], "FINISHED")


class NoSpark:
    """A Spark that nobody may ask."""

    def run(self, job: AnyJob) -> Report:
        pytest.fail(f"{job.kind} was asked for")


class Meanwhile:
    """The real Spark; something happens when the fit begins."""

    def __init__(self, p: Platform, happens: Callable[[], None]) -> None:
        self._spark, self._happens = p.spark, happens

    def run(self, job: AnyJob) -> Report:
        self._happens()
        return self._spark.run(job)
