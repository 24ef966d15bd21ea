"""A Spark server of its own, killed and started again under a training: a failed run, a clean retry, and equal bytes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pytest

from lakeloop.adapters.lakefs_lake import LakeFSLake
from lakeloop.adapters.mlflow_server.client import client_of
from lakeloop.core.errors import SparkFailed
from lakeloop.core.jobs import MatrixJob, TrainJob
from lakeloop.core.reports import TrainReport
from lakeloop.core.runs import SessionKey
from lakeloop.core.use_case import XGBoost
from lakeloop.settings import Settings
from lakeloop.spark.connect import ConnectRunner
from lakeloop.stack.lakefs import LakefsServer
from lakeloop.stack.layout import StackRoot
from lakeloop.steps.training import fit, prepare
from tests.killable import KillableServer
from tests.spark import small_flights
from tests.spark.conftest import connect_server, new_lake
from tests.spark.test_second_case import run
from tests.spark.test_submit import submitted
from tests.spark.tiny_world import publish_nights, settings_of, trainer
from tests.stack.waiting import eventually
from use_cases.flights import FLIGHTS

pytestmark = [
    pytest.mark.more,  # a second Spark server, started three times
    pytest.mark.filterwarnings("ignore:.*Any type hint:UserWarning"),  # of MLflow's own import
    pytest.mark.filterwarnings("ignore:.*RETRIES_EXCEEDED:UserWarning"),  # of a Spark that does not answer any more
]
DATES = small_flights.days(date(2013, 3, 1), 24)
MODEL = XGBoost(max_depth=4, n_estimators=40, learning_rate=0.2)
SUBMITS = {
    "submitted": "--master local[2]",
    "wider": "--master local[4] --conf spark.sql.files.openCostInBytes=1000",  # reads a file in parts, as it would a large one
}
Own = tuple[Settings, KillableServer]


@pytest.fixture(scope="module")
def own(lakefs_server: LakefsServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Own]:
    """A Connect server that no other test knows."""
    settings, server = connect_server(lakefs_server, StackRoot(tmp_path_factory.mktemp("own-spark")))
    with server:
        yield settings, server


def test_a_spark_killed_during_the_fit_leaves_a_failed_run_and_the_retry_fits_anew(
    own: Own, mlflow_uri: str, new_key: Callable[[], SessionKey], tmp_path: Path
) -> None:
    stack, server = own
    settings = settings_of(stack, mlflow_uri, tmp_path, "training-killed")
    publish_nights(settings)
    key = new_key()
    killer = threading.Thread(target=kill_in_a_fit, args=(stack.home, server, barriers(stack.home)))
    with trainer(settings, key) as p:
        prepared = prepare.prepare(p, run("train"))
        killer.start()
        with pytest.raises(SparkFailed, match=r"train of use_cases.tiny:TINY .it reads only. failed: .*nothing was written"):
            fit.fit(p, run("train"), prepared)
        killer.join()
        assert p.registry.versions("tiny") == []
    client = client_of(mlflow_uri)
    newest = client.search_runs([client.get_experiment_by_name("tiny").experiment_id], max_results=1)[0]
    assert newest.info.status == "FAILED"
    assert newest.data.tags["failure"].startswith("SparkFailed: train of use_cases.tiny:TINY")
    server.start()
    with trainer(settings, key.model_copy(update={"attempt": 2})) as p:
        assert fit.fit(p, run("train"), prepared)["version"] == 1
        assert [one.version for one in p.registry.versions("tiny")] == [1]


def kill_in_a_fit(spark_root: Path, server: KillableServer, before: int) -> None:
    """SIGKILL as soon as the server has begun a job with a barrier: XGBoost's, in which its workers wait for each other."""
    eventually(lambda: barriers(spark_root) > before, 180)
    server.kill()


def barriers(spark_root: Path) -> int:
    """How often the server wrote down that rows wait for each other."""
    return sum(log.read_text("utf-8").count('"Barrier":true') for log in (spark_root / "spark" / "events").iterdir())


def test_one_training_set_gives_equal_bytes_across_a_restart_and_by_submit(
    own: Own, new_key: Callable[[], SessionKey], tmp_path: Path
) -> None:
    stack, server = own
    server.start()
    lake = new_lake(stack)
    matrix = training_set(stack, lake, new_key())
    asked = {name: job_in(tmp_path / name, lake, matrix) for name in ("first", "restarted", *SUBMITS)}
    first = fitted(stack, new_key(), asked["first"])
    server.kill()
    server.start()
    restarted = fitted(stack, new_key(), asked["restarted"])
    by_submit = [
        TrainReport.model_validate_json(submitted("train", asked[name], stack.home, tmp_path / name, options))
        for name, options in SUBMITS.items()
    ]
    assert {one.sha256 for one in (restarted, *by_submit)} == {first.sha256}
    for other in (restarted, *by_submit):
        assert other.evaluation.model_copy(update={"fit_seconds": 0}) == first.evaluation.model_copy(update={"fit_seconds": 0})
        assert (other.importance, other.histogram) == (first.importance, first.histogram)
    assert len({Path(job.workdir, "model.ubj").read_bytes() for job in asked.values()}) == 1


def training_set(stack: Settings, lake: LakeFSLake, key: SessionKey) -> str:
    """The commit of a training set of twenty days and four later ones."""
    snapshot = small_flights.publish(stack, lake, small_flights.world(DATES))
    lake.create_branch("training-set", snapshot)
    job = MatrixJob(
        repository=lake.repository, case="use_cases.flights:FLIGHTS", snapshot=snapshot, branch="training-set",
        fit_dates=tuple(DATES[:20]), holdout_dates=tuple(DATES[20:]),
    )  # fmt: skip
    with ConnectRunner(stack, key) as runner:
        runner.run(job)
    return lake.commit("training-set", "a training set", {})


def job_in(folder: Path, lake: LakeFSLake, matrix: str) -> TrainJob:
    folder.mkdir()
    return TrainJob(
        repository=lake.repository, case="use_cases.flights:FLIGHTS", matrix=matrix, features=FLIGHTS.feature_names,
        model=MODEL, workdir=str(folder),
    )  # fmt: skip


def fitted(stack: Settings, key: SessionKey, job: TrainJob) -> TrainReport:
    with ConnectRunner(stack, key) as runner:
        report = runner.run(job)
    assert isinstance(report, TrainReport)
    return report
