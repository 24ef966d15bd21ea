"""What training keeps beside its set: on its own branch, where the model's tag finds it."""

from collections.abc import Mapping

from lakeloop.core.lake import evidence_path
from lakeloop.core.training import Fitted, TrainingSet, Tuned
from lakeloop.core.value import Value
from lakeloop.ports import Lake

TRAINING, TUNED, FITTED = "training.json", "tuned.json", "fitted.json"


def keep(lake: Lake, branch: str, run_key: str, values: Mapping[str, Value]) -> None:
    """Stage values as evidence of a piece of work, by file name."""
    for name, value in values.items():
        lake.put(branch, evidence_path(run_key, name), value.model_dump_json(indent=1).encode())


def read_training(lake: Lake, ref: str, run_key: str) -> TrainingSet:
    """The training set of a piece of work; NotFound when the ref has none."""
    return TrainingSet.model_validate_json(lake.get(ref, evidence_path(run_key, TRAINING)))


def read_tuned(lake: Lake, ref: str, run_key: str) -> Tuned | None:
    """What its tuning chose; None where nothing was tuned."""
    path = evidence_path(run_key, TUNED)
    return Tuned.model_validate_json(lake.get(ref, path)) if lake.exists(ref, path) else None


def read_fitted(lake: Lake, ref: str, run_key: str) -> Fitted:
    """What came of its fit; NotFound when it was not fitted."""
    return Fitted.model_validate_json(lake.get(ref, evidence_path(run_key, FITTED)))
