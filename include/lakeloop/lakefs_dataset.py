"""`lakefs://` in MLflow: the source of a dataset that a run learnt from, found by MLflow through its entry point."""

import re
import tempfile
from pathlib import Path
from typing import Any, Self

from mlflow.data.dataset_source import DatasetSource

_URI = re.compile(r"lakefs://(?P<repository>[a-z0-9][a-z0-9-]{2,62})@(?P<commit>[0-9a-f]{64})/(?P<path>.+)")


class LakefsDatasetSource(DatasetSource):
    """A path of the lake at a commit, which never changes: `lakefs://repository@commit/path`."""

    def __init__(self, uri: str) -> None:
        found = _URI.fullmatch(uri)
        if found is None:
            message = f"{uri!r} is not lakefs://repository@commit/path with a whole commit id"
            raise ValueError(message)
        self.uri = uri
        self.repository, self.commit, self.path = found["repository"], found["commit"], found["path"]

    @staticmethod
    def _get_source_type() -> str:
        return "lakefs"

    def load(self, dst_path: str | None = None) -> str:
        """Every object below the path, as files of a folder (a new one unless it is named); the folder's path.

        Raises:
            ConfigurationError: the settings name the lake of another repository.
        """
        from lakeloop.core.errors import ConfigurationError
        from lakeloop.settings import Settings
        from lakeloop.wiring import lake_of

        settings = Settings.load()
        if settings.repository != self.repository:  # a commit of that name may stand in both, and be something else
            message = (
                f"{self.uri} lies in the repository {self.repository}, and the settings name {settings.repository}; nothing was "
                f"fetched. Next: LAKELOOP_REPOSITORY={self.repository}, with the endpoint and keys of the lake that holds it."
            )
            raise ConfigurationError(message)
        lake = lake_of(settings)
        folder = Path(dst_path or tempfile.mkdtemp(prefix="lakefs-"))
        prefix = f"{self.path.rstrip('/')}/"
        for found in lake.list(self.commit, prefix):
            target = folder / found.removeprefix(prefix)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(lake.get(self.commit, found))
        return str(folder)

    @staticmethod
    def _can_resolve(raw_source: Any) -> bool:
        return isinstance(raw_source, str) and _URI.fullmatch(raw_source) is not None

    @classmethod
    def _resolve(cls, raw_source: Any) -> Self:
        return cls(raw_source)

    def to_dict(self) -> dict[str, str]:
        """What MLflow keeps."""
        return {"uri": self.uri}

    @classmethod
    def from_dict(cls, source_dict: dict[Any, Any]) -> Self:
        """From what MLflow kept."""
        return cls(str(source_dict["uri"]))
