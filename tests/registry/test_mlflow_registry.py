"""The registry against a real MLflow server: one version a piece of work, bytes checked, failures bounded in time."""

from __future__ import annotations

import hashlib
import json
import socket
import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xgboost
from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

from lakeloop.adapters.mlflow_server import MlflowRegistry, MlflowRuns
from lakeloop.core.aliases import GATES
from lakeloop.core.curves import calibration, points
from lakeloop.core.errors import RegistryFailed, SparkFailed
from lakeloop.core.metrics import ScoreBin
from lakeloop.core.retraining import Cause
from lakeloop.core.tuning import Trial
from lakeloop.ports import LearntFrom, ModelVersion, Pictures
from lakeloop.settings import REPO_ROOT
from lakeloop.stack.ports import LOOPBACK, free_port
from tests.losing_proxy import LosingProxy

pytestmark = pytest.mark.filterwarnings("ignore:.*Any type hint:UserWarning")  # of MLflow's own import
Record = Callable[..., ModelVersion]
FEATURES = ["hour", "distance"]
PICKLES = tuple(b"\x80" + bytes([protocol]) for protocol in range(2, 6)) + (b"PK\x03\x04", b"\x1f\x8b", b"(dp", b"ccopy_reg")
PICTURES = Pictures(
    "a model", points([ScoreBin(1, 5, 1.0, 1.0), ScoreBin(8, 5, 4.0, 1.0)], 0.1),
    calibration([ScoreBin(1, 5, 1.0, 1.0), ScoreBin(8, 5, 4.0, 1.0)], 0.1), {"hour": 0.4, "distance": 0.1},
)  # fmt: skip


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


def test_a_retry_finds_the_version_made_before(record: Record) -> None:
    first, again, other = record("k1"), record("k1"), record("k2")
    assert (first.version, again, other.version) == (1, first, 2)
    assert first.tags["run_key"] == "k1"
    assert first.tags["data_commit"] == "c0ffee"


def test_a_slow_try_that_was_taken_for_dead_makes_no_twin(
    record: Record, runs: MlflowRuns, registry: MlflowRegistry, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = record("k1")
    with monkeypatch.context() as slow:
        slow.setattr(runs, "made", lambda *_: None)  # it looked before there was one
        assert record("k1") == first
    assert registry.versions(name) == [first]


def test_a_create_whose_answer_was_lost_is_found_again(record: Record, client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from mlflow.exceptions import MlflowException

    create = client.create_model_version

    def lost(*args: object, **words: object) -> None:
        create(*args, **words)
        message = "connection reset"
        raise MlflowException(message)

    monkeypatch.setattr(client, "create_model_version", lost)
    assert record("k1").version == 1
    monkeypatch.undo()
    assert record("k1").version == 1


def test_a_failed_registration_leaves_no_version_and_closes_the_run_at_the_retry(
    record: Record, client: Any, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        message = "no space"
        raise OSError(message)

    monkeypatch.setattr(client, "log_model_artifacts", refuse)
    with pytest.raises(RegistryFailed, match="the champion is unchanged"):
        record("k1")
    monkeypatch.undo()
    assert record("k1").version == 1
    runs = client.search_runs([client.get_experiment_by_name(name).experiment_id])
    assert sorted(run.info.status for run in runs) == ["FAILED", "FINISHED"]


def test_any_mlflow_user_loads_the_model_and_gets_its_run(record: Record, mlflow_uri: str, name: str, client: Any) -> None:
    import mlflow

    made = record("k1")
    mlflow.set_tracking_uri(mlflow_uri)
    mlflow.set_registry_uri(mlflow_uri)
    booster = mlflow.xgboost.load_model(f"models:/{name}/1")
    assert booster.feature_names == FEATURES
    run = client.get_run(made.run_id)
    assert (run.data.metrics["auc"], run.data.params["max_depth"], run.data.tags["code_version"]) == (0.7, "2", "v")


def test_a_version_says_what_goes_in_and_comes_out_and_which_library_of_the_lock_reads_it(
    record: Record, mlflow_uri: str, name: str, tmp_path: Path
) -> None:
    import mlflow

    record("k1")
    mlflow.set_tracking_uri(mlflow_uri)
    mlflow.set_registry_uri(mlflow_uri)
    signature = mlflow.models.get_model_info(f"models:/{name}/1").signature
    assert [(one.name, one.type.name) for one in signature.inputs] == [(feature, "double") for feature in FEATURES]
    assert [one.type.name for one in signature.outputs] == ["float"]
    folder = Path(mlflow.artifacts.download_artifacts(f"models:/{name}/1", dst_path=str(tmp_path)))
    needed = set((folder / "requirements.txt").read_text().split())
    locked = {line.split()[0] for line in (REPO_ROOT / "requirements.lock").read_text().splitlines() if "==" in line}
    assert needed <= locked, "MLflow adds its own"
    assert {one.partition("==")[0] for one in needed} == {"mlflow", "xgboost-cpu"}


def test_nothing_that_is_kept_of_a_version_is_a_pickle(
    record: Record, mlflow_uri: str, name: str, client: Any, tmp_path: Path
) -> None:
    import mlflow

    made = record("k1")
    mlflow.set_tracking_uri(mlflow_uri)
    mlflow.set_registry_uri(mlflow_uri)
    of_model = Path(mlflow.artifacts.download_artifacts(f"models:/{name}/1", dst_path=str(tmp_path / "model")))
    of_run = Path(client.download_artifacts(made.run_id, "", str(tmp_path)))
    files = {path for folder in (of_model, of_run) for path in folder.rglob("*") if path.is_file()}
    assert {"model.ubj", "MLmodel", "roc.png"} <= {path.name for path in files}
    assert [path for path in files if path.read_bytes().startswith(PICKLES)] == []
    assert "pickle" not in (of_model / "MLmodel").read_text()


def test_a_run_shows_how_busy_its_machine_was(runs: MlflowRuns, client: Any, name: str) -> None:
    def figures(run_id: str) -> set[str]:
        return {metric for metric in client.get_run(run_id).data.metrics if metric.startswith("system/")}

    with runs.running(name, "k1", {}, {}) as run_id:
        Retrying(retry=retry_if_result(lambda found: not found), stop=stop_after_delay(60), wait=wait_fixed(0.5))(figures, run_id)
    assert {"system/cpu_utilization_percentage", "system/system_memory_usage_megabytes"} <= figures(run_id)


def test_a_run_says_what_it_learnt_from_how_each_day_went_and_shows_pictures(record: Record, client: Any) -> None:
    made = record("k1")
    run = client.get_run(made.run_id)
    (learnt,) = run.inputs.dataset_inputs
    assert json.loads(learnt.dataset.source) == {"uri": "lakefs://lake@c0ffee/training"}
    assert (learnt.dataset.source_type, learnt.tags[0].value) == ("lakefs", "training")
    assert [one.value for one in client.get_metric_history(made.run_id, "daily_auc")] == [0.71, 0.69]
    shown = {Path(one.path).name for one in client.list_artifacts(made.run_id, "pictures")}
    assert shown == {"roc.png", "precision_recall.png", "calibration.png", "gain.png", "importance.png"}


def test_equal_rows_of_two_commits_keep_each_its_own_source(record: Record, client: Any) -> None:
    made = [record("k1"), record("k2", commit="decade")]
    sources = [client.get_run(one.run_id).inputs.dataset_inputs[0].dataset.source for one in made]
    assert [json.loads(source)["uri"] for source in sources] == [f"lakefs://lake@{at}/training" for at in ("c0ffee", "decade")]


def test_a_fit_that_dies_leaves_a_failed_run_with_its_words_and_no_version(runs: MlflowRuns, client: Any, name: str) -> None:
    def die() -> None:
        message = "Spark is gone"
        raise SparkFailed(message)

    with pytest.raises(SparkFailed), runs.running(name, "k1", {}, {"cause": "weekly|2013-W27"}):
        die()
    (run,) = client.search_runs([client.get_experiment_by_name(name).experiment_id])
    assert (run.info.status, run.data.tags["failure"]) == ("FAILED", "SparkFailed: Spark is gone")
    assert runs.made(name, "k1") is None
    assert runs.causes(name) == [], "a failed run is tried again"


def test_a_study_that_dies_keeps_its_trials_and_is_no_fit(runs: MlflowRuns, client: Any, name: str) -> None:
    began = datetime(2024, 5, 1, tzinfo=UTC)
    good = Trial(number=0, state="complete", params={"max_depth": 6, "learning_rate": 0.1}, value=0.4, started=began, seconds=3)
    twin = Trial(number=1, state="pruned", params=good.params, started=began, seconds=0, words="the same parameters as trial 0")

    def study(parent: str) -> None:
        for trial in (good, twin):
            runs.tried(parent, trial, "auc")
        message = "Spark is gone"
        raise SparkFailed(message)

    with pytest.raises(SparkFailed), runs.tuning(name, "k1", {"minutes": "5"}, {}) as parent:
        study(parent)
    experiment = client.get_experiment_by_name(name).experiment_id
    whole = client.get_run(parent)
    assert (whole.info.status, whole.data.tags["failure"]) == ("FAILED", "SparkFailed: Spark is gone")
    assert (whole.info.run_name, whole.data.metrics) == (f"{name}-k1-tuning", {"validation_auc": 0.4})
    below = client.search_runs([experiment], f"tags.`mlflow.parentRunId` = '{parent}'")
    complete, pruned = sorted(below, key=lambda one: str(one.data.tags["trial"]))
    assert (complete.info.status, complete.data.metrics) == ("FINISHED", {"validation_auc": 0.4})
    assert complete.data.params == {"max_depth": "6", "learning_rate": "0.1"}
    assert (complete.info.end_time - complete.info.start_time, complete.info.run_name) == (3000, "trial-000")
    assert (pruned.info.status, pruned.data.tags["failure"]) == ("KILLED", "the same parameters as trial 0")
    assert runs.made(name, "k1") is None


def test_trials_without_a_server_say_which_was_not_written() -> None:
    trial = Trial(number=3, state="complete", params={}, value=0.4, started=datetime(2024, 5, 1, tzinfo=UTC), seconds=3)
    with pytest.raises(RegistryFailed, match="writing down trial 3 of run nobody"):
        MlflowRuns(f"http://{LOOPBACK}:{free_port()}").tried("nobody", trial, "auc")


def test_a_trial_whose_run_was_made_and_not_heard_of_has_no_twin(mlflow_uri: str, client: Any, name: str) -> None:
    trial = Trial(number=3, state="complete", params={}, value=0.4, started=datetime(2024, 5, 1, tzinfo=UTC), seconds=3)
    with LosingProxy(mlflow_uri) as proxy:
        runs = MlflowRuns(proxy.uri)
        with runs.tuning(name, "k1", {}, {}) as parent:
            proxy.lose("runs/create")
            runs.tried(parent, trial, "auc")
            assert proxy.has_lost
    experiment = client.get_experiment_by_name(name).experiment_id
    (made,) = client.search_runs([experiment], f"tags.`mlflow.parentRunId` = '{parent}'")
    assert (made.info.run_name, made.info.status, made.data.metrics) == ("trial-003", "FINISHED", {"validation_auc": 0.4})


def test_a_week_is_trained_for_once_its_version_was_judged(
    record: Record, runs: MlflowRuns, registry: MlflowRegistry, client: Any, name: str
) -> None:
    record("k1")
    assert runs.causes(name) == [Cause("weekly|2013-W27", is_judged=False)], "its run ended before its gates spoke"
    registry.flag(name, 1, GATES, "refused")
    judged = [Cause("weekly|2013-W27", is_judged=True)]
    assert runs.causes(name) == judged
    made = client.get_run(client.get_model_version(name, "1").run_id).info
    client.create_model_version(name, f"{made.artifact_uri}/model", made.run_id, tags={"run_key": "k1", "sha256": "0" * 64})
    assert runs.causes(name) == judged, "a twin that nobody judged makes no other training"
    client.delete_model_version(name, "1")
    client.delete_model_version(name, "2")
    assert runs.causes(name) == judged, "whoever deletes a version does not ask for another"


def test_what_a_run_of_airflow_made_itself_keeps_it_from_nothing(
    record: Record, runs: MlflowRuns, registry: MlflowRegistry, name: str
) -> None:
    record("k1", airflow="scheduled__1")
    registry.flag(name, 1, GATES, "passed")
    assert runs.causes(name, besides="scheduled__1") == []
    assert runs.causes(name, besides="scheduled__2") == [Cause("weekly|2013-W27", is_judged=True)]


def test_a_version_carries_its_card(record: Record, runs: MlflowRuns, client: Any, name: str) -> None:
    made = record("k1")
    runs.describe(made, "# facts", {"gates.json": "[]"})
    assert client.get_model_version(name, "1").description == "# facts"
    long = "| a row |\n" * 1000
    runs.describe(made, long, {"gates.json": "[]", "model_card.md": long})
    told = client.get_model_version(name, "1").description
    assert 4900 < len(told) <= 5000, "PostgreSQL takes no more"
    assert told.endswith("| a row |\n\n… the rest is among its run's artifacts: model_card.md")
    assert [one.path for one in client.list_artifacts(made.run_id) if one.path == "gates.json"] == ["gates.json"]


def test_download_gives_the_bytes_that_were_fitted(
    record: Record, registry: MlflowRegistry, model_file: Path, tmp_path: Path
) -> None:
    made = record("k1")
    path = registry.download(made.name, made.version, made.sha256, str(tmp_path))
    assert Path(path).read_bytes() == model_file.read_bytes()


def test_bytes_that_are_not_the_registered_ones_are_refused(
    record: Record, registry: MlflowRegistry, name: str, tmp_path: Path
) -> None:
    with pytest.raises(RegistryFailed, match="sha256"):
        record("k0", sha256="0" * 64)
    made = record("k1")
    registry.flag(name, made.version, "sha256", "f" * 64)  # whoever may change the bytes may change the tag
    with pytest.raises(RegistryFailed, match="not used"):
        registry.download(name, made.version, "f" * 64, str(tmp_path))


def test_an_alias_is_given_moved_and_taken_away_and_nothing_is_written_twice(
    record: Record, registry: MlflowRegistry, client: Any, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert registry.aliases(name) == {}
    record("k1"), record("k2")
    registry.point(name, "champion", 1)
    registry.point(name, "previous", 1)
    registry.point(name, "champion", 2)
    assert registry.aliases(name) == {"champion": 2, "previous": 1}
    registry.point(name, "previous", None)
    for call in ("set_registered_model_alias", "delete_registered_model_alias"):
        monkeypatch.setattr(client, call, lambda *_: pytest.fail("written again"))
    registry.point(name, "champion", 2)
    registry.point(name, "previous", None)
    assert registry.aliases(name) == {"champion": 2}


def test_versions_are_listed_with_what_their_runs_measured_and_a_stranger_s_is_left_out(
    record: Record, registry: MlflowRegistry, client: Any, name: str
) -> None:
    assert registry.versions(name) == []
    first, second = record("k1"), record("k2")
    stranger = client.create_run(client.get_experiment_by_name(name).experiment_id)  # by hand, without our tags
    client.create_model_version(name, f"{stranger.info.artifact_uri}/model", stranger.info.run_id)
    assert registry.versions(name) == [first, second]
    assert registry.metrics(name, 2)["auc"] == 0.7


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
