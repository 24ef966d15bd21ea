"""Training runs on a real MLflow server: what their pages say, how they end, and which trainings count."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

from lakeloop.adapters.mlflow_server import MlflowRegistry, MlflowRuns
from lakeloop.core.aliases import GATES
from lakeloop.core.errors import RegistryFailed, SparkFailed
from lakeloop.core.retraining import Cause
from lakeloop.core.tuning import Trial
from lakeloop.stack.ports import LOOPBACK, free_port
from tests.losing_proxy import LosingProxy
from tests.registry.fits import Record

pytestmark = pytest.mark.filterwarnings("ignore:.*Any type hint:UserWarning")  # of MLflow's own import


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
