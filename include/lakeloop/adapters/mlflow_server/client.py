"""One way to MLflow: calls bounded in time, every failure in one sentence, bytes checked by their digest."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

from lakeloop.core.addresses import without_login
from lakeloop.core.errors import OtherBytes, RegistryFailed
from lakeloop.ports import ModelVersion

MODEL_FILE = "model.ubj"
TIMEOUT, _RETRIES = 8, 2  # seconds and further tries of one call: two calls to a server that hangs end within a minute
_BROKE = "500 error"  # as MLflow's client words the answers of a server that broke


@lru_cache(8)
def client_of(uri: str) -> Any:
    """MLflow's client of one server; MLflow is imported by the first call."""
    from mlflow import environment_variables
    from mlflow.tracking import MlflowClient

    limits: Any = environment_variables  # MLflow's own way to say it; read at every call
    limits.MLFLOW_HTTP_REQUEST_TIMEOUT.set(TIMEOUT)
    limits.MLFLOW_HTTP_REQUEST_MAX_RETRIES.set(_RETRIES)
    limits.MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR.set(1)
    limits.MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR.set(False)
    limits.MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT.set(True)  # it asks Spark for a link first, minutes long where Spark was killed
    return MlflowClient(tracking_uri=uri, registry_uri=uri)


@contextmanager
def asked_once() -> Iterator[None]:
    """No try again inside the client: what makes something new may have made it though its answer was lost; look instead."""
    from mlflow import environment_variables

    limits: Any = environment_variables
    limits.MLFLOW_HTTP_REQUEST_MAX_RETRIES.set(0)
    try:
        yield
    finally:
        limits.MLFLOW_HTTP_REQUEST_MAX_RETRIES.set(_RETRIES)


@contextmanager
def failing(uri: str, what: str) -> Iterator[None]:
    """One translation of everything that MLflow and its transport raise; a login in the address is in none of its words."""
    try:
        yield
    except RegistryFailed:
        raise
    except Exception as error:
        words = without_login(str(error))
        lines = words.strip().splitlines() or [type(error).__name__]
        message = f"{what} at {without_login(uri)} failed: {lines[0][:300]}; the champion is unchanged. Next: {_next(words)}"
        raise RegistryFailed(message) from (error if words == str(error) else None)  # a log shows the words of a cause too


def _next(words: str) -> str:
    """A server that broke at a call keeps the reason to itself."""
    if _BROKE in words:
        return "`lakeloop logs mlflow` says what broke there; a full disk, say"
    return "see `lakeloop status`"


def version_of(found: Any) -> ModelVersion:
    """MLflow's version as ours; one without a digest was not made by the platform and is refused."""
    tags = {str(key): str(value) for key, value in found.tags.items()}
    if "sha256" not in tags:
        message = f"{found.name} version {found.version} carries no sha256: it was not registered by a training run; not used"
        raise RegistryFailed(message)
    return ModelVersion(str(found.name), int(found.version), tags["sha256"], str(found.run_id or ""), tags)


def check_digest(file: Path, sha256: str) -> None:
    """Refuse bytes that are not the registered ones."""
    found = hashlib.sha256(file.read_bytes()).hexdigest()
    if found != sha256:
        message = f"{file.name} has sha256 {found[:12]} where {sha256[:12]} was registered; not used, the champion is unchanged"
        raise OtherBytes(message)
