"""A registered version made again from its own record: to the same bytes, or told what comes out otherwise and why."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import use_cases.tiny
from pyspark.sql import functions as F
from typer.testing import CliRunner
from use_cases.tiny import TINY
from use_cases.tiny import features as tiny_features

from lakeloop.adapters.mlflow_server import MlflowRegistry, MlflowRuns
from lakeloop.adapters.mlflow_server.client import client_of
from lakeloop.core.errors import SparkFailed
from lakeloop.core.gate_policy import HoldsInSlices, LeaksNothing
from lakeloop.settings import Settings
from lakeloop.stack.ports import LOOPBACK, free_port
from lakeloop.steps.platform import Platform
from lakeloop.steps.training.record import read_training
from lakeloop.steps.training.reproduce import reproduce
from tests.spark.test_second_case import run
from tests.spark.tiny_world import Dying, fitted
from tests.spark.tiny_world import p as p  # fixtures
from tests.spark.tiny_world import world as world

pytestmark = pytest.mark.filterwarnings("ignore:.*Any type hint:UserWarning")  # of MLflow's own import


def test_a_version_is_made_again_to_the_same_bytes_in_its_own_layout_wherever_that_is(p: Platform) -> None:
    done = fitted(p)
    assert read_training(p.lake, done["commit"], done["run_key"]).layout.workers == 2, "the cores of the server's one slot"
    narrow = replace(p, case=p.case.model_copy(update={"model": p.case.model.model_copy(update={"num_workers": 1})}))
    for here in (p, narrow):
        report = reproduce(here, run("train"), done["version"], lambda _words: None)
        assert report.is_equal, report.compared
        assert (report.causes, report.left_out, report.restated) == ((), (), ())
        assert [one.what for one in report.compared][:3] == ["fit rows, digest", "hold-out rows, digest", "model bytes, sha256"]
    assert [one.version for one in p.registry.versions("tiny")] == [done["version"]], "nothing was registered"


def test_what_comes_out_otherwise_is_told_with_its_columns_and_its_cause(p: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    done = fitted(p)
    before = tiny_features.shop_features
    monkeypatch.setattr(tiny_features, "shop_features", lambda *given: before(*given).withColumn("celsius", -F.col("celsius")))
    other = replace(p, code_version="0ther", lock_digest="newer")
    report = reproduce(other, run("train"), done["version"], lambda _words: None)
    told = {one.what: one for one in report.compared}
    assert not report.is_equal
    assert told["fit rows, digest"].difference == "27 rows changed (celsius in 27)"
    assert not told["model bytes, sha256"].is_equal
    assert told["bytes from the recorded rows"].is_equal, "so it is the code's doing, not the libraries'"
    assert [cause.split(" is ")[0] for cause in report.causes] == ["the code", "the lock"]


@pytest.mark.parametrize("kind", ["matrix", "train"])
def test_a_rebuild_that_fails_leaves_nothing_and_says_so(p: Platform, kind: str) -> None:
    version = fitted(p)["version"]
    before = {one.name for one in p.lake.branches("")}
    with pytest.raises(SparkFailed, match="the server was killed; the work area is gone, nothing was published"):
        reproduce(replace(p, spark=Dying(p.spark, kind)), run("train"), version, lambda _words: None)
    reproduce(p, run("train"), version, lambda _words: None)
    assert {one.name for one in p.lake.branches("")} == before


def test_a_rebuild_without_a_feature_of_then_says_so_and_fits_the_recorded_rows(
    p: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = fitted(p)
    before = tiny_features.shop_features
    case = TINY.model_copy(update={"feature_names": tuple(name for name in TINY.feature_names if name != "celsius")})
    monkeypatch.setattr(use_cases.tiny, "TINY", case)
    monkeypatch.setattr(tiny_features, "shop_features", lambda *given: before(*given).drop("celsius"))
    report = reproduce(replace(p, case=case), run("train"), done["version"], lambda _words: None)
    told = {one.what: one for one in report.compared}
    assert told["model bytes, sha256"].difference == "not fitted: the code does not compute celsius any more"
    assert told["bytes from the recorded rows"].is_equal


def with_another(p: Platform, monkeypatch: pytest.MonkeyPatch, **other: Any) -> Platform:
    """Today's case: a feature more than the record has, and whatever else is named."""
    before, names = tiny_features.shop_features, (*TINY.feature_names, "heat")
    case = TINY.model_copy(update={"feature_names": names, **other})
    monkeypatch.setattr(use_cases.tiny, "TINY", case)
    monkeypatch.setattr(tiny_features, "shop_features", lambda *given: before(*given).withColumn("heat", F.col("celsius") + 1))
    return replace(p, case=case)


def test_a_gate_of_today_on_a_column_of_today_is_left_out_of_a_rebuild_and_said(
    p: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = fitted(p)
    strict = (HoldsInSlices(by=("heat",)), LeaksNothing(auc=0.5))  # the record's own features would be refused today
    report = reproduce(with_another(p, monkeypatch, gates=strict), run("train"), done["version"], lambda _words: None)
    told = {one.what: one for one in report.compared}
    assert told["fit rows, digest"].difference == "27 rows changed (heat in 27)"
    assert [told[name].is_equal for name in ("model bytes, sha256", "auc by day", "bytes from the recorded rows")] == [True] * 3
    assert report.causes == ("the list of features is another one: heat added",)
    assert report.left_out == ("gate holds_in_slices asks for heat",)


def test_rows_that_the_code_refuses_to_write_are_a_difference_and_the_recorded_ones_are_fitted(
    p: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = fitted(p)
    case = TINY.model_copy(update={"feature_names": (*TINY.feature_names, "moon")})
    monkeypatch.setattr(use_cases.tiny, "TINY", case)
    report = reproduce(replace(p, case=case), run("train"), done["version"], lambda _words: None)
    told = {one.what: one for one in report.compared}
    assert told["fit rows, digest"].difference.startswith("not written: use_cases.tiny.features:shop_features must give")
    assert told["model bytes, sha256"].difference == "not fitted: there are no rows to fit"
    assert told["bytes from the recorded rows"].is_equal


def test_a_version_that_mlflow_lost_is_made_again_from_the_lake_alone(p: Platform, world: Settings) -> None:
    version = fitted(p)["version"]
    client_of(world.mlflow_tracking_uri).delete_registered_model("tiny")
    nowhere = f"http://{LOOPBACK}:{free_port()}"
    lost = replace(p, runs=MlflowRuns(nowhere), registry=MlflowRegistry(nowhere))
    report = reproduce(lost, run("train"), version, lambda _words: None)
    assert report.is_equal, report.compared


def test_reproduce_is_a_command(p: Platform, world: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    from lakeloop import wiring
    from lakeloop.cli.main import app

    done = fitted(p)
    monkeypatch.setattr(Settings, "load", classmethod(lambda _cls: world))
    monkeypatch.setattr(wiring, "code_version", lambda *_: read_training(p.lake, done["commit"], done["run_key"]).code_version)
    for _ in range(2):  # the second in a session of its own
        answer = CliRunner().invoke(app, ["reproduce", f"tiny/{done['version']}"])
        assert (answer.exit_code, "REPRODUCED: tiny version" in answer.stderr) == (0, True), (answer.output, answer.exception)
    assert CliRunner().invoke(app, ["reproduce", "tiny"]).exit_code == 1
    gone = CliRunner().invoke(app, ["reproduce", "tiny/99"])
    assert "no training run made it" in str(gone.exception)
