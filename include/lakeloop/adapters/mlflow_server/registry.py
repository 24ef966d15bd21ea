"""MLflow as the model registry: versions by number, their bytes checked, and the alias that copies the ledger's word."""

from pathlib import Path

from lakeloop.adapters.mlflow_server.client import MODEL_FILE, check_digest, client_of, failing, version_of
from lakeloop.core.errors import RegistryFailed
from lakeloop.ports import ModelVersion


class MlflowRegistry:
    """Versions on one MLflow server; every failure is RegistryFailed."""

    def __init__(self, tracking_uri: str) -> None:
        self._uri = tracking_uri

    def version(self, model: str, version: int) -> ModelVersion:
        """One registered version; one without a digest was not made by the platform and is refused."""
        from mlflow.exceptions import MlflowException

        with failing(self._uri, f"reading {model} version {version}"):
            try:
                return version_of(client_of(self._uri).get_model_version(model, str(version)))
            except MlflowException as error:
                if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                    raise
                message = f"{model} has no version {version}; the champion is unchanged. Next: `lakeloop models list {model}`"
                raise RegistryFailed(message) from error

    def versions(self, model: str) -> list[ModelVersion]:
        """Every version with a digest, oldest first; others were not made by the platform and are left out."""
        with failing(self._uri, f"listing the versions of {model}"):
            found = client_of(self._uri).search_model_versions(f"name = '{model}'")
            return sorted((version_of(each) for each in found if "sha256" in each.tags), key=lambda each: each.version)

    def metrics(self, model: str, version: int) -> dict[str, float]:
        """What the run of a version measured; nothing where it has no run."""
        run_id = self.version(model, version).run_id
        with failing(self._uri, f"reading the metrics of {model} version {version}"):
            return dict(client_of(self._uri).get_run(run_id).data.metrics) if run_id else {}

    def download(self, model: str, version: int, sha256: str, folder: str) -> str:
        """The path of the version's UBJ file in a folder; RegistryFailed when its bytes are not those of the digest."""
        with failing(self._uri, f"fetching {model} version {version}"):
            from mlflow.artifacts import download_artifacts

            # A `models:/` address would be looked up in MLflow's default registry, whatever registry is named beside it.
            place = client_of(self._uri).get_model_version_download_uri(model, str(version))
            found = Path(download_artifacts(artifact_uri=f"{place}/{MODEL_FILE}", dst_path=folder, tracking_uri=self._uri))
            check_digest(found, sha256)
            return str(found)

    def aliases(self, model: str) -> dict[str, int]:
        """Each alias of a model with its version; none of a model nobody registered."""
        with failing(self._uri, f"reading the aliases of {model}"):
            if not client_of(self._uri).search_registered_models(f"name = '{model}'"):
                return {}
            aliases = client_of(self._uri).get_registered_model(model).aliases
            return {str(alias): int(version) for alias, version in aliases.items()}

    def point(self, model: str, alias: str, version: int | None) -> None:
        """Give an alias to a version or take it away; no call that writes when it is so already."""
        with failing(self._uri, f"moving the alias {alias} of {model} to version {version}"):
            if self.aliases(model).get(alias) == version:
                return
            if version is None:
                client_of(self._uri).delete_registered_model_alias(model, alias)
            else:
                client_of(self._uri).set_registered_model_alias(model, alias, str(version))

    def flag(self, model: str, version: int, key: str, value: str) -> None:
        """Put a tag on a version; the last word stands."""
        with failing(self._uri, f"flagging {model} version {version}"):
            client_of(self._uri).set_model_version_tag(model, str(version), key, value)
