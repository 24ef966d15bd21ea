"""MLflow as the model registry: one run and one version a piece of work, the UBJ file's digest on the version."""

import hashlib
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any

from lakeloop.core.errors import RegistryFailed
from lakeloop.ports import ModelVersion

CHAMPION = "champion"
MODEL_FILE = "model.ubj"
_TIMEOUT, _RETRIES = 8, 2  # seconds and further tries of one call: two calls to a server that hangs end within a minute


class MlflowRegistry:
    """Runs and versions on one MLflow server, told apart by their run key; every failure is RegistryFailed."""

    def __init__(self, tracking_uri: str) -> None:
        self._uri = tracking_uri

    def record(
        self,
        *,
        model: str,
        run_key: str,
        model_file: str,
        sha256: str,
        params: Mapping[str, str],
        metrics: Mapping[str, float],
        tags: Mapping[str, str],
    ) -> ModelVersion:
        """Log a run in the model's experiment and register its UBJ file, or find the version made before."""
        with self._failing(f"recording {model} ({run_key[:12]})"):
            if made := self._made_before(model, run_key):
                return made
            _check_digest(Path(model_file), sha256)
            named = {**tags, "run_key": run_key, "sha256": sha256}
            run_id, experiment = self._new_run(model, named)
            self._log(run_id, params, metrics)
            model_id = self._log_model(experiment, run_id, model_file, sha256, named)
            self._client.set_terminated(run_id, "FINISHED")
            return self._register(model, run_id, model_id, named)

    def version(self, model: str, version: int) -> ModelVersion:
        """One registered version; one without a digest was not made by the platform and is refused."""
        with self._failing(f"reading {model} version {version}"):
            return _version(self._client.get_model_version(model, str(version)))

    def download(self, model: str, version: int, folder: str) -> str:
        """The path of the version's UBJ file in a folder; RegistryFailed when its bytes are not the registered ones."""
        known = self.version(model, version)
        with self._failing(f"fetching {model} version {version}"):
            from mlflow.artifacts import download_artifacts

            # A `models:/` address would be looked up in MLflow's default registry, whatever registry is named beside it.
            place = self._client.get_model_version_download_uri(model, str(version))
            found = Path(download_artifacts(artifact_uri=f"{place}/{MODEL_FILE}", dst_path=folder, tracking_uri=self._uri))
            _check_digest(found, known.sha256)
            return str(found)

    def point_champion(self, model: str, version: int) -> None:
        """Give the alias `champion` to a version; no call that writes when it has it already."""
        with self._failing(f"making {model} version {version} champion"):
            aliases = self._client.get_registered_model(model).aliases
            if str(aliases.get(CHAMPION)) != str(version):
                self._client.set_registered_model_alias(model, CHAMPION, str(version))

    def flag(self, model: str, version: int, key: str, value: str) -> None:
        """Put a tag on a version; the last word stands."""
        with self._failing(f"flagging {model} version {version}"):
            self._client.set_model_version_tag(model, str(version), key, value)

    @cached_property
    def _client(self) -> Any:
        from mlflow import environment_variables
        from mlflow.tracking import MlflowClient

        limits: Any = environment_variables  # MLflow's own way to say it; read at every call
        limits.MLFLOW_HTTP_REQUEST_TIMEOUT.set(_TIMEOUT)
        limits.MLFLOW_HTTP_REQUEST_MAX_RETRIES.set(_RETRIES)
        limits.MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR.set(1)
        limits.MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR.set(False)
        return MlflowClient(tracking_uri=self._uri, registry_uri=self._uri)

    @contextmanager
    def _failing(self, what: str) -> Iterator[None]:
        """One translation of everything that MLflow and its transport raise."""
        try:
            yield
        except RegistryFailed:
            raise
        except Exception as error:
            lines = str(error).strip().splitlines() or [type(error).__name__]
            message = f"{what} at {self._uri} failed: {lines[0][:300]}; the champion is unchanged. Next: see `lakeloop status`"
            raise RegistryFailed(message) from error

    def _made_before(self, model: str, run_key: str) -> ModelVersion | None:
        """The first version of this run key: a lost answer and a retry inside the client may have made two."""
        query = f"name = '{model}' AND tags.`run_key` = '{run_key}'"
        found = [_version(each) for each in self._client.search_model_versions(query)]
        return min(found, key=lambda each: each.version, default=None)

    def _new_run(self, model: str, tags: Mapping[str, str]) -> tuple[str, str]:
        """A run (and its experiment) in the model's experiment; unfinished runs of this run key are closed."""
        experiment = self._experiment(model)
        query = f"tags.`run_key` = '{tags['run_key']}' AND attributes.status = 'RUNNING'"
        for left in self._client.search_runs([experiment], query):
            self._client.set_terminated(left.info.run_id, "KILLED")
        run = self._client.create_run(experiment, tags=dict(tags), run_name=f"{model}-{tags['run_key'][:12]}")
        return str(run.info.run_id), experiment

    def _experiment(self, name: str) -> str:
        from mlflow.exceptions import MlflowException

        found = self._client.get_experiment_by_name(name)
        if found is None:
            try:
                return str(self._client.create_experiment(name))
            except MlflowException:  # somebody else was faster, or the answer was lost
                found = self._client.get_experiment_by_name(name)
                if found is None:
                    raise
        return str(found.experiment_id)

    def _log(self, run_id: str, params: Mapping[str, str], metrics: Mapping[str, float]) -> None:
        from mlflow.entities import Metric, Param

        self._client.log_batch(
            run_id,
            metrics=[Metric(name, value, 0, 0) for name, value in metrics.items()],
            params=[Param(name, value) for name, value in params.items()],
        )

    def _log_model(self, experiment: str, run_id: str, model_file: str, sha256: str, tags: Mapping[str, str]) -> str:
        """A model as any MLflow user loads it, its bytes those of the file."""
        from mlflow.entities import LoggedModelOutput

        with tempfile.TemporaryDirectory() as folder:
            package = Path(folder) / "model"
            _package(model_file, package)
            _check_digest(package / MODEL_FILE, sha256)
            logged = self._client.create_logged_model(experiment, name="model", source_run_id=run_id, tags=dict(tags))
            self._client.log_model_artifacts(logged.model_id, str(package))
        self._client.finalize_logged_model(logged.model_id, "READY")
        self._client.log_outputs(run_id, [LoggedModelOutput(logged.model_id, 0)])
        return str(logged.model_id)

    def _register(self, model: str, run_id: str, model_id: str, tags: Mapping[str, str]) -> ModelVersion:
        """A new version; when its making failed it may still have been made, so look before giving up."""
        from mlflow.exceptions import MlflowException

        if not self._client.search_registered_models(f"name = '{model}'"):
            try:
                self._client.create_registered_model(model)
            except MlflowException as error:
                if error.error_code != "RESOURCE_ALREADY_EXISTS":
                    raise
        try:
            self._client.create_model_version(
                model, f"models:/{model_id}", run_id, tags=dict(tags), model_id=model_id, await_creation_for=_TIMEOUT
            )
        except MlflowException:
            if made := self._made_before(model, tags["run_key"]):
                return made
            raise
        made = self._made_before(model, tags["run_key"])
        if made is None:
            message = f"{model} ({tags['run_key'][:12]}) was registered and cannot be found; the champion is unchanged"
            raise RegistryFailed(message)
        return made


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


def _version(found: Any) -> ModelVersion:
    tags = {str(key): str(value) for key, value in found.tags.items()}
    if "sha256" not in tags:
        message = f"{found.name} version {found.version} carries no sha256: it was not registered by a training run; not used"
        raise RegistryFailed(message)
    return ModelVersion(str(found.name), int(found.version), tags["sha256"], str(found.run_id or ""), tags)


def _check_digest(file: Path, sha256: str) -> None:
    found = hashlib.sha256(file.read_bytes()).hexdigest()
    if found != sha256:
        message = f"{file.name} has sha256 {found[:12]} where {sha256[:12]} was registered; not used, the champion is unchanged"
        raise RegistryFailed(message)
