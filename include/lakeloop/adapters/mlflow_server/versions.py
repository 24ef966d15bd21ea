"""How a version comes to be in MLflow: its files, and one registration a piece of work, whatever answer was lost."""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any

from lakeloop.adapters.mlflow_server.client import MODEL_FILE, TIMEOUT, asked_once, check_digest, version_of
from lakeloop.core.aliases import GATES
from lakeloop.core.errors import RegistryFailed
from lakeloop.ports import ModelVersion

_DESCRIPTION = 5000  # characters of a version's


def first_version(client: Any, model: str, run_key: str) -> ModelVersion | None:
    """The first version of this run key: two tries at once may have made two."""
    query = f"name = '{model}' AND tags.`run_key` = '{run_key}'"
    found = [version_of(each) for each in client.search_model_versions(query)]
    return min(found, key=lambda each: each.version, default=None)


def unjudged(client: Any, model: str) -> set[str]:
    """Run keys of the versions that carry no word of their gates."""
    found = client.search_model_versions(f"name = '{model}'")
    ours = [one.tags for one in found if "run_key" in one.tags]
    return {tags["run_key"] for tags in ours} - {tags["run_key"] for tags in ours if GATES in tags}


def pending_models(client: Any, model: str) -> Iterator[Any]:
    """Models whose files are not all there; page by page, since MLflow's own filter finds no model by its status."""
    found = client.get_experiment_by_name(model)
    page: Any = client.search_logged_models([found.experiment_id]) if found else []
    while page:
        yield from (each for each in page if str(each.status) == "PENDING")
        page = client.search_logged_models([found.experiment_id], page_token=page.token) if page.token else []


def upload(client: Any, run_id: str, model_file: str, sha256: str, tags: Mapping[str, str]) -> str:
    """A model (its id) as any MLflow user loads it, its bytes those of the file."""
    from mlflow.entities import LoggedModelOutput

    experiment = client.get_run(run_id).info.experiment_id
    with tempfile.TemporaryDirectory() as folder:
        package = Path(folder) / "model"
        _package(model_file, package)
        check_digest(package / MODEL_FILE, sha256)
        with asked_once():
            logged = client.create_logged_model(experiment, name="model", source_run_id=run_id, tags=dict(tags))
        try:
            client.log_model_artifacts(logged.model_id, str(package))
        except Exception:
            with suppress(Exception):  # the error that counts is the one under way
                client.finalize_logged_model(logged.model_id, "FAILED")  # half of its files, and nobody takes it
            raise
    client.finalize_logged_model(logged.model_id, "READY")
    client.log_outputs(run_id, [LoggedModelOutput(logged.model_id, 0)])
    return str(logged.model_id)


def register(client: Any, model: str, run_id: str, model_id: str, tags: Mapping[str, str]) -> ModelVersion:
    """A new version, unless there is one of this work already; when its making failed it may have been made all the same."""
    from mlflow.exceptions import MlflowException

    if made := first_version(client, model, tags["run_key"]):  # of a slow try that was taken for dead, and uploaded meanwhile
        return made
    _ensure_name(client, model)
    try:
        with asked_once():
            client.create_model_version(
                model, f"models:/{model_id}", run_id, tags=dict(tags), model_id=model_id, await_creation_for=TIMEOUT
            )
    except MlflowException:
        if made := first_version(client, model, tags["run_key"]):
            return made
        raise
    made = first_version(client, model, tags["run_key"])
    if made is None:
        message = f"{model} ({tags['run_key'][:12]}) was registered and cannot be found; the champion is unchanged"
        raise RegistryFailed(message)
    return made


def shortened(words: str, files: Mapping[str, str]) -> str:
    """A description as long as MLflow's databases take it; SQLite alone takes more."""
    if len(words) <= _DESCRIPTION:
        return words
    more = f"\n\n… the rest is among its run's artifacts: {', '.join(name for name, text in files.items() if text == words)}"
    return words[: _DESCRIPTION - len(more)].rpartition("\n")[0] + more


def _ensure_name(client: Any, model: str) -> None:
    """The registered model that versions stand below; somebody else may be faster."""
    from mlflow.exceptions import MlflowException

    if client.search_registered_models(f"name = '{model}'"):
        return
    try:
        client.create_registered_model(model)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise


def _package(model_file: str, folder: Path) -> None:
    import mlflow.xgboost
    import xgboost
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema

    booster = xgboost.Booster(model_file=model_file)
    names = booster.feature_names or []
    signature = ModelSignature(Schema([ColSpec("double", name) for name in names]), Schema([ColSpec("float")]))
    needs = [f"xgboost-cpu=={installed('xgboost-cpu')}"]  # named, since MLflow would spend seconds to find out
    mlflow.xgboost.save_model(booster, str(folder), model_format="ubj", signature=signature, pip_requirements=needs)
