"""Datasets that MLflow names by their place in the lake: taken from the lake that holds them, or from none."""

from __future__ import annotations

from pathlib import Path

import mlflow.data  # noqa: F401  # first, since it imports its sources itself
import pytest

from lakeloop.core.errors import ConfigurationError
from lakeloop.lakefs_dataset import LakefsDatasetSource

pytestmark = pytest.mark.filterwarnings("ignore:.*Any type hint:UserWarning")  # of MLflow's own import
COMMIT, PATH = "c0" * 32, "training/toy/split=fit"


class Lake:
    """Two files at every commit."""

    def list(self, _ref: str, prefix: str) -> list[str]:
        return [f"{prefix}a.parquet", f"{prefix}more/b.parquet"]

    def get(self, _ref: str, path: str) -> bytes:
        return path.encode()


@pytest.fixture(autouse=True)
def lake(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LAKELOOP_HOME", str(tmp_path))
    monkeypatch.setenv("LAKELOOP_REPOSITORY", "ours")
    monkeypatch.setattr("lakeloop.wiring.lake_of", lambda _: Lake())


def test_a_dataset_is_fetched_as_files_of_a_folder(tmp_path: Path) -> None:
    folder = Path(LakefsDatasetSource(f"lakefs://ours@{COMMIT}/{PATH}").load(str(tmp_path / "set")))
    assert (folder / "more" / "b.parquet").read_text() == f"{PATH}/more/b.parquet"


def test_a_dataset_of_another_repository_is_not_looked_for_in_this_one(tmp_path: Path) -> None:
    words = "lies in the repository theirs, and the settings name ours; nothing was fetched. Next: LAKELOOP_REPOSITORY=theirs"
    with pytest.raises(ConfigurationError, match=words):
        LakefsDatasetSource(f"lakefs://theirs@{COMMIT}/{PATH}").load(str(tmp_path / "set"))
    assert not (tmp_path / "set").exists()
