"""Both halves of the adapter under test, and the client that they use, on one server."""

from __future__ import annotations

import hashlib
import uuid
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xgboost

from lakeloop.adapters.mlflow_server import MlflowRegistry, MlflowRuns
from lakeloop.adapters.mlflow_server.client import client_of
from lakeloop.ports import LearntFrom, ModelVersion
from tests.registry.fits import FEATURES, PICTURES, Record


@pytest.fixture
def name() -> str:
    """A model name nobody used."""
    return f"m{uuid.uuid4().hex[:8]}"


@pytest.fixture
def registry(mlflow_uri: str) -> MlflowRegistry:
    """The versions' half."""
    return MlflowRegistry(mlflow_uri)


@pytest.fixture
def runs(mlflow_uri: str) -> MlflowRuns:
    """The runs' half."""
    return MlflowRuns(mlflow_uri)


@pytest.fixture
def client(mlflow_uri: str) -> Any:
    """The client that both halves use."""
    return client_of(mlflow_uri)


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
def record(runs: MlflowRuns, name: str, model_file: Path) -> Record:
    """Records a piece of work, as a training step does; words of the test replace the usual ones."""

    def recorded(run_key: str, **other: Any) -> ModelVersion:
        tags = {"run_key": run_key, "data_commit": "c0ffee", "code_version": "v", "cause": "weekly|2013-W27"}
        tags |= {"airflow_run_id": other.get("airflow", "manual__1")}
        made = runs.made(name, run_key)
        if made:
            return made
        with runs.running(name, run_key, {"max_depth": "2"}, tags) as run_id:
            return runs.record(
                run_id, model=name, model_file=str(model_file), metrics={"auc": 0.7}, tags=tags, pictures=PICTURES,
                sha256=other.get("sha256", hashlib.sha256(model_file.read_bytes()).hexdigest()),
                daily={"daily_auc": {date(2013, 7, 1): 0.71, date(2013, 7, 2): 0.69}},
                learnt=[LearntFrom("fit", f"lakefs://lake@{other.get('commit', 'c0ffee')}/training", "ab" * 16, 12, "training")],
            )  # fmt: skip

    return recorded
