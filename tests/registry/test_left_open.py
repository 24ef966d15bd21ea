"""What a killed try leaves open on a real MLflow server, and the sweep that ends it."""

from __future__ import annotations

import hashlib
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from lakeloop.adapters.mlflow_server import MlflowRegistry, MlflowRuns
from lakeloop.adapters.platform_db import PlatformDb
from lakeloop.core.retraining import Cause
from lakeloop.core.runs import SessionKey
from lakeloop.steps.left_open import close_left
from lakeloop_airflow.housekeeping import tries_over
from tests.registry.fits import PICTURES

pytestmark = pytest.mark.filterwarnings("ignore:.*Any type hint:UserWarning")  # of MLflow's own import
TAGS = {"run_key": "k1", "airflow_run_id": "weekly__1", "cause": "weekly|2013-W27"}
HOUR = timedelta(hours=1)
_TRY = """
import os, signal, sys
from lakeloop.adapters.mlflow_server import MlflowRuns
from lakeloop.adapters.mlflow_server.client import client_of
from tests.registry.test_left_open import TAGS, recorded
uri, name, file, call = sys.argv[1:]
setattr(client_of(uri), call, lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL))
recorded(MlflowRuns(uri), name, file)
"""


def recorded(runs: MlflowRuns, name: str, file: str) -> None:
    """A fit as a try records it."""
    with runs.running(name, "k1", {}, TAGS) as run_id:
        runs.record(
            run_id, model=name, model_file=file, sha256=hashlib.sha256(Path(file).read_bytes()).hexdigest(),
            metrics={}, daily={}, learnt=[], pictures=PICTURES, tags=TAGS,
        )  # fmt: skip


@pytest.fixture
def database(tmp_path: Path) -> PlatformDb:
    return PlatformDb(f"sqlite:///{tmp_path}/platform.db")


def killed(uri: str, name: str, file: Path, call: str) -> None:
    """A try in a process of its own, killed as it makes this call of MLflow's client."""
    done = subprocess.run([sys.executable, "-c", _TRY, uri, name, str(file), call], check=False, timeout=300)
    assert done.returncode == -signal.SIGKILL


def sweep(runs: MlflowRuns, database: PlatformDb, name: str, after: timedelta = timedelta(0)) -> dict[str, Any]:
    return close_left(runs, name, tries_over(database, name), 3 * HOUR, datetime.now(UTC) + after)


def opened(database: PlatformDb, name: str) -> SessionKey:
    """The try's note in the platform database."""
    key = SessionKey(installation="i", database="d", dag=f"{name}__train", run="weekly__1", task="fit")
    database.sessions.opened(key)
    return key


def seen(client: Any, name: str) -> tuple[list[str], list[str]]:
    """States of the runs and of the half or whole uploaded models."""
    experiment = client.get_experiment_by_name(name).experiment_id
    models = client.search_logged_models([experiment])
    return [run.info.status for run in client.search_runs([experiment])], [str(one.status) for one in models]


def test_what_a_try_left_that_was_killed_in_its_upload_is_ended_once_its_run_is_over(
    runs: MlflowRuns, client: Any, database: PlatformDb, mlflow_uri: str, name: str, model_file: Path
) -> None:
    key = opened(database, name)
    killed(mlflow_uri, name, model_file, "log_model_artifacts")
    assert seen(client, name) == (["RUNNING"], ["PENDING"])
    assert sweep(runs, database, name)["closed"] == [], "its try is not known to be over"
    assert seen(client, name) == (["RUNNING"], ["PENDING"])
    database.sessions.ended(key.id)
    swept = sweep(runs, database, name)
    assert swept["summary"] == (
        f"MLflow's runs of {name}: closed 1 run that killed tries left open ({name}-k1) and failed 1 half uploaded model"
    )
    assert seen(client, name) == (["KILLED"], ["FAILED"])
    (run,) = client.search_runs([client.get_experiment_by_name(name).experiment_id])
    assert run.data.tags["failure"].startswith("every try of Airflow's run weekly__1 is over, this one was left open")
    (model,) = client.search_logged_models([run.info.experiment_id])
    assert "never complete" in model.tags["failure"]
    assert runs.causes(name) == [], "the week is trained for again"
    assert sweep(runs, database, name)["summary"] == f"MLflow's runs of {name}: none was left open"
    assert MlflowRegistry(mlflow_uri).versions(name) == []


def test_a_run_whose_try_nobody_noted_is_ended_when_no_try_takes_so_long(
    runs: MlflowRuns, client: Any, database: PlatformDb, mlflow_uri: str, name: str, model_file: Path
) -> None:
    killed(mlflow_uri, name, model_file, "log_inputs")
    assert sweep(runs, database, name, 2 * HOUR)["closed"] == []
    assert sweep(runs, database, name, 4 * HOUR)["closed"] == [f"{name}-k1"]
    assert seen(client, name) == (["KILLED"], [])


def test_a_run_that_made_its_version_before_its_try_was_killed_is_finished(
    runs: MlflowRuns, client: Any, database: PlatformDb, mlflow_uri: str, name: str, model_file: Path
) -> None:
    database.sessions.ended(opened(database, name).id)
    killed(mlflow_uri, name, model_file, "set_terminated")
    assert seen(client, name) == (["RUNNING"], ["READY"])
    sweep(runs, database, name)
    assert seen(client, name) == (["FINISHED"], ["READY"])
    assert runs.causes(name) == [Cause(TAGS["cause"], is_judged=False)], "the version is there, and waits for its gates"


def test_a_run_that_its_try_ended_meanwhile_and_a_stranger_s_are_left_as_they_are(
    runs: MlflowRuns, client: Any, database: PlatformDb, name: str, model_file: Path
) -> None:
    recorded(runs, name, str(model_file))
    experiment = client.get_experiment_by_name(name).experiment_id
    (ours,) = client.search_runs([experiment])
    stranger = client.create_run(experiment)
    client.create_logged_model(experiment, name="mine", source_run_id=ours.info.run_id)
    assert not runs.close(name, ours.info.run_id, "it took too long")
    assert sweep(runs, database, name, 999 * HOUR)["closed"] == []
    assert client.get_run(stranger.info.run_id).info.status == "RUNNING"
    assert sorted(seen(client, name)[1]) == ["PENDING", "READY"]
    assert "failure" not in client.get_run(ours.info.run_id).data.tags
