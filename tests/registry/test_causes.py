"""What a model was trained for, read back from a real MLflow server."""

from __future__ import annotations

import uuid
from contextlib import suppress

import pytest

from lakeloop.adapters.mlflow_server import MlflowRuns
from lakeloop.core.errors import SparkFailed

pytestmark = pytest.mark.filterwarnings("ignore:.*Any type hint:UserWarning")  # of MLflow's own import


def test_only_trainings_that_ended_well_have_answered_their_cause(mlflow_uri: str) -> None:
    runs, model = MlflowRuns(mlflow_uri), f"m{uuid.uuid4().hex[:8]}"
    assert runs.causes(model) == set(), "nobody has heard of the model"
    for number, cause in enumerate(("verdict|2013-07-05", "weekly|2013-W27")):
        with runs.running(model, f"{number}" * 12, {}, {"cause": cause, "airflow_run_id": f"run {number}"}):
            pass
    with suppress(SparkFailed), runs.running(model, "d" * 12, {}, {"cause": "verdict|2013-07-30", "airflow_run_id": "run 9"}):
        raise SparkFailed("died")  # noqa: EM101  # whatever the words
    with runs.tuning(model, "e" * 12, {}, {"airflow_run_id": "run 0"}):
        pass
    assert runs.causes(model) == {"verdict|2013-07-05", "weekly|2013-W27"}
    assert runs.causes(model, besides="run 0") == {"weekly|2013-W27"}, "a run that is done again has not answered itself"
