"""Trials of a tuning as MLflow shows them: runs nested below the tuning's own, each with the times it really had."""

from datetime import timedelta
from typing import Any

from lakeloop.adapters.mlflow_server.client import asked_once
from lakeloop.core.tuning import Trial

_STATUS = {"complete": "FINISHED", "pruned": "KILLED", "failed": "FAILED"}
_WORDS = 4000  # of a tag


def log_trial(client: Any, parent: str, trial: Trial, metric: str) -> None:
    """A run below `parent` that has ended; its metric also stands on the parent, a step a trial."""
    from mlflow.entities import Metric, Param

    above = client.get_run(parent)
    begun, ended = _milliseconds(trial, 0), _milliseconds(trial, trial.seconds)
    tags = {
        "mlflow.parentRunId": parent, "trial": str(trial.number), "state": trial.state, "failure": trial.words[:_WORDS],
        "tuning_of": above.data.tags.get("run_key", ""), "airflow_run_id": above.data.tags.get("airflow_run_id", ""),
    }  # fmt: skip
    said = {key: value for key, value in tags.items() if value}
    run_id = _new_run(client, above.info.experiment_id, begun, said)
    params = [Param(key, str(value)) for key, value in trial.params.items()]
    values = [] if trial.value is None else [Metric(f"validation_{metric}", trial.value, ended, 0)]
    client.log_batch(run_id, metrics=values, params=params)
    client.set_terminated(run_id, _STATUS[trial.state], ended)
    if trial.value is not None:
        client.log_metric(parent, f"validation_{metric}", trial.value, ended, trial.number)


def _new_run(client: Any, experiment: str, begun: int, tags: dict[str, str]) -> str:
    """The trial's run; when its making failed it may still have been made, so look before giving up."""
    from mlflow.exceptions import MlflowException

    name = f"trial-{int(tags['trial']):03d}"
    try:
        with asked_once():
            return str(client.create_run(experiment, start_time=begun, tags=tags, run_name=name).info.run_id)
    except MlflowException:
        query = f"tags.`mlflow.parentRunId` = '{tags['mlflow.parentRunId']}' AND tags.`trial` = '{tags['trial']}'"
        for made in client.search_runs([experiment], query):
            return str(made.info.run_id)
        raise


def _milliseconds(trial: Trial, after: float) -> int:
    return int((trial.started + timedelta(seconds=after)).timestamp() * 1000)
