"""The registry against a real MLflow server: one version a piece of work, bytes checked, failures bounded in time."""

from __future__ import annotations

import hashlib
import socket
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import xgboost

from lakeloop.adapters.mlflow_registry import MlflowRegistry
from lakeloop.core.errors import RegistryFailed
from lakeloop.ports import ModelVersion
from lakeloop.stack.ports import LOOPBACK, free_port

pytestmark = pytest.mark.filterwarnings("ignore:.*Any type hint:UserWarning")  # of MLflow's own import
Record = Callable[..., ModelVersion]
FEATURES = ["hour", "distance"]


@pytest.fixture(scope="module")
def model_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small booster as a training job leaves it."""
    rows = np.random.default_rng(7).random((200, 2))
    data = xgboost.DMatrix(rows, label=rows[:, 0] > 0.5, feature_names=FEATURES)
    path = tmp_path_factory.mktemp("fit") / "model.ubj"
    xgboost.train({"objective": "binary:logistic", "max_depth": 2}, data, num_boost_round=3).save_model(path)
    return path


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path) -> None:
    """MLflow's defaults of this process name another place, so nothing passes by leaning on them."""
    import mlflow

    mlflow.set_tracking_uri(f"sqlite:///{tmp_path}/elsewhere.db")
    mlflow.set_registry_uri(f"sqlite:///{tmp_path}/elsewhere.db")


@pytest.fixture
def name() -> str:
    """A model name nobody used."""
    return f"m{uuid.uuid4().hex[:8]}"


@pytest.fixture
def registry(mlflow_uri: str) -> MlflowRegistry:
    """The adapter under test."""
    return MlflowRegistry(mlflow_uri)


@pytest.fixture
def record(registry: MlflowRegistry, name: str, model_file: Path) -> Record:
    """Records a piece of work; words of the test replace the usual ones."""

    def recorded(run_key: str, **other: str) -> ModelVersion:
        return registry.record(
            model=name,
            run_key=run_key,
            model_file=str(model_file),
            sha256=other.get("sha256", hashlib.sha256(model_file.read_bytes()).hexdigest()),
            params={"max_depth": "2"},
            metrics={"auc": 0.7},
            tags={"data_commit": "c0ffee", "code_version": "v"},
        )

    return recorded


def test_a_retry_finds_the_version_made_before(record: Record) -> None:
    first, again, other = record("k1"), record("k1"), record("k2")
    assert (first.version, again, other.version) == (1, first, 2)
    assert first.tags["run_key"] == "k1"
    assert first.tags["data_commit"] == "c0ffee"


def test_a_create_whose_answer_was_lost_is_found_again(
    record: Record, registry: MlflowRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow.exceptions import MlflowException

    create = registry._client.create_model_version

    def lost(*args: object, **words: object) -> None:
        create(*args, **words)
        message = "connection reset"
        raise MlflowException(message)

    monkeypatch.setattr(registry._client, "create_model_version", lost)
    assert record("k1").version == 1
    monkeypatch.undo()
    assert record("k1").version == 1


def test_a_failed_registration_leaves_no_version_and_closes_the_run_at_the_retry(
    record: Record, registry: MlflowRegistry, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        message = "no space"
        raise OSError(message)

    monkeypatch.setattr(registry._client, "log_model_artifacts", refuse)
    with pytest.raises(RegistryFailed, match="the champion is unchanged"):
        record("k1")
    monkeypatch.undo()
    assert record("k1").version == 1
    runs = registry._client.search_runs([registry._experiment(name)])
    assert sorted(run.info.status for run in runs) == ["FINISHED", "KILLED"]


def test_any_mlflow_user_loads_the_model_and_gets_its_run(
    record: Record, mlflow_uri: str, name: str, registry: MlflowRegistry
) -> None:
    import mlflow

    made = record("k1")
    mlflow.set_tracking_uri(mlflow_uri)
    mlflow.set_registry_uri(mlflow_uri)
    booster = mlflow.xgboost.load_model(f"models:/{name}/1")
    assert booster.feature_names == FEATURES
    run = registry._client.get_run(made.run_id)
    assert (run.data.metrics["auc"], run.data.params["max_depth"], run.data.tags["code_version"]) == (0.7, "2", "v")


def test_download_gives_the_bytes_that_were_fitted(
    record: Record, registry: MlflowRegistry, model_file: Path, tmp_path: Path
) -> None:
    made = record("k1")
    path = registry.download(made.name, made.version, str(tmp_path))
    assert Path(path).read_bytes() == model_file.read_bytes()


def test_bytes_that_are_not_the_registered_ones_are_refused(
    record: Record, registry: MlflowRegistry, name: str, tmp_path: Path
) -> None:
    with pytest.raises(RegistryFailed, match="sha256"):
        record("k0", sha256="0" * 64)
    made = record("k1")
    registry.flag(name, made.version, "sha256", "f" * 64)
    with pytest.raises(RegistryFailed, match="not used"):
        registry.download(name, made.version, str(tmp_path))


def test_the_champion_is_pointed_to_and_pointing_again_writes_nothing(
    record: Record, registry: MlflowRegistry, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    record("k1")
    registry.point_champion(name, 1)
    assert registry._client.get_model_version_by_alias(name, "champion").version == "1"
    monkeypatch.setattr(registry._client, "set_registered_model_alias", lambda *_: pytest.fail("written again"))
    registry.point_champion(name, 1)


def test_a_flag_stands_on_the_version(record: Record, registry: MlflowRegistry, name: str) -> None:
    record("k1")
    registry.flag(name, 1, "read_withdrawn", "weather 2013-07-02")
    assert registry.version(name, 1).tags["read_withdrawn"] == "weather 2013-07-02"


def test_a_dead_server_is_said_within_a_minute() -> None:
    begun = time.monotonic()
    with pytest.raises(RegistryFailed, match="reading flights version 1 at http"):
        MlflowRegistry(f"http://{LOOPBACK}:{free_port()}").version("flights", 1)
    assert time.monotonic() - begun < 60


@pytest.mark.more  # three time-outs
def test_a_server_that_never_answers_is_said_within_a_minute() -> None:
    with socket.create_server((LOOPBACK, 0)) as mute:
        begun = time.monotonic()
        with pytest.raises(RegistryFailed, match="ReadTimeout"):
            MlflowRegistry(f"http://{LOOPBACK}:{mute.getsockname()[1]}").version("flights", 1)
        assert time.monotonic() - begun < 60
