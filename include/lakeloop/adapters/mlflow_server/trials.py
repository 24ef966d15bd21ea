"""Trials of a tuning as MLflow shows them: runs nested below the tuning's own, each with the times it really had."""

from datetime import timedelta
from typing import Any

from lakeloop.core.tuning import Trial

_STATUS = {"complete": "FINISHED", "pruned": "KILLED", "failed": "FAILED"}
_WORDS = 4000  # of a tag


def log_trial(client: Any, parent: str, trial: Trial, metric: str) -> None:
    """A run below `parent` that has ended; its metric also stands on the parent, a step a trial."""
    from mlflow.entities import Metric, Param

    above = client.get_run(parent)
    name = f"trial-{trial.number:03d}"
    begun, ended = _milliseconds(trial, 0), _milliseconds(trial, trial.seconds)
    tags = {
        "mlflow.parentRunId": parent, "trial": str(trial.number), "state": trial.state, "failure": trial.words[:_WORDS],
        "tuning_of": above.data.tags.get("run_key", ""), "airflow_run_id": above.data.tags.get("airflow_run_id", ""),
    }  # fmt: skip
    said = {key: value for key, value in tags.items() if value}
    run_id = client.create_run(above.info.experiment_id, start_time=begun, tags=said, run_name=name).info.run_id
    params = [Param(key, str(value)) for key, value in trial.params.items()]
    values = [] if trial.value is None else [Metric(f"validation_{metric}", trial.value, ended, 0)]
    client.log_batch(run_id, metrics=values, params=params)
    client.set_terminated(run_id, _STATUS[trial.state], ended)
    if trial.value is not None:
        client.log_metric(parent, f"validation_{metric}", trial.value, ended, trial.number)


def _milliseconds(trial: Trial, after: float) -> int:
    return int((trial.started + timedelta(seconds=after)).timestamp() * 1000)
