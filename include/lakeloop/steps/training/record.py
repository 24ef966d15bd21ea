"""What training keeps beside its set: on its own branch, where the model's tag finds it."""

from collections.abc import Mapping

from lakeloop.core.errors import NotFound
from lakeloop.core.lake import EVIDENCE, evidence_path
from lakeloop.core.training import Fitted, TrainingSet, Tuned
from lakeloop.core.value import Value
from lakeloop.ports import Lake

TRAINING, TUNED, FITTED = "training.json", "tuned.json", "fitted.json"


def keep(lake: Lake, branch: str, run_key: str, values: Mapping[str, Value]) -> None:
    """Stage values as evidence of a piece of work, by file name."""
    for name, value in values.items():
        lake.put(branch, evidence_path(run_key, name), value.model_dump_json(indent=1).encode())


def recorded_key(lake: Lake, commit: str) -> str:
    """The run key of the training that ended with this commit, the one a model's tag names; NotFound when none did.

    The lake alone knows it: a version that MLflow lost still has its record.
    """
    for parent in lake.commit_of(commit).parents:
        for change in lake.diff(parent, commit, EVIDENCE):
            if change.type != "removed" and change.path.endswith(f"/{FITTED}"):
                return change.path.removeprefix(EVIDENCE).removesuffix(f"/{FITTED}")
    message = f"commit {commit[:12]} ends no training: it brought no {FITTED}"
    raise NotFound(message)


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
