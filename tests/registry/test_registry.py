"""The registry against a real MLflow server: versions, their bytes checked, aliases; failures bounded in time."""

from __future__ import annotations

import socket
import time
from pathlib import Path
from typing import Any

import pytest

from lakeloop.adapters.mlflow_server import MlflowRegistry
from lakeloop.core.errors import RegistryFailed
from lakeloop.stack.ports import LOOPBACK, free_port
from tests.registry.fits import Record

pytestmark = pytest.mark.filterwarnings("ignore:.*Any type hint:UserWarning")  # of MLflow's own import


def test_download_gives_the_bytes_that_were_fitted(
    record: Record, registry: MlflowRegistry, model_file: Path, tmp_path: Path
) -> None:
    made = record("k1")
    path = registry.download(made.name, made.version, made.sha256, str(tmp_path))
    assert Path(path).read_bytes() == model_file.read_bytes()


def test_bytes_that_are_not_the_registered_ones_are_refused(
    record: Record, registry: MlflowRegistry, name: str, tmp_path: Path
) -> None:
    with pytest.raises(RegistryFailed, match="sha256"):
        record("k0", sha256="0" * 64)
    made = record("k1")
    registry.flag(name, made.version, "sha256", "f" * 64)  # whoever may change the bytes may change the tag
    with pytest.raises(RegistryFailed, match="not used"):
        registry.download(name, made.version, "f" * 64, str(tmp_path))


def test_an_alias_is_given_moved_and_taken_away_and_nothing_is_written_twice(
    record: Record, registry: MlflowRegistry, client: Any, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert registry.aliases(name) == {}
    record("k1"), record("k2")
    registry.point(name, "champion", 1)
    registry.point(name, "previous", 1)
    registry.point(name, "champion", 2)
    assert registry.aliases(name) == {"champion": 2, "previous": 1}
    registry.point(name, "previous", None)
    for call in ("set_registered_model_alias", "delete_registered_model_alias"):
        monkeypatch.setattr(client, call, lambda *_: pytest.fail("written again"))
    registry.point(name, "champion", 2)
    registry.point(name, "previous", None)
    assert registry.aliases(name) == {"champion": 2}


def test_versions_are_listed_with_what_their_runs_measured_and_a_stranger_s_is_left_out(
    record: Record, registry: MlflowRegistry, client: Any, name: str
) -> None:
    assert registry.versions(name) == []
    first, second = record("k1"), record("k2")
    stranger = client.create_run(client.get_experiment_by_name(name).experiment_id)  # by hand, without our tags
    client.create_model_version(name, f"{stranger.info.artifact_uri}/model", stranger.info.run_id)
    assert registry.versions(name) == [first, second]
    assert registry.metrics(name, 2)["auc"] == 0.7


def test_a_flag_stands_on_the_version(record: Record, registry: MlflowRegistry, name: str) -> None:
    record("k1")
    registry.flag(name, 1, "read_withdrawn", "weather 2013-07-02")
    assert registry.version(name, 1).tags["read_withdrawn"] == "weather 2013-07-02"


def test_a_dead_server_is_said_within_a_minute() -> None:
    begun = time.monotonic()
    with pytest.raises(RegistryFailed, match="reading flights version 1 at http"):
        MlflowRegistry(f"http://{LOOPBACK}:{free_port()}").version("flights", 1)
    assert time.monotonic() - begun < 60


@pytest.mark.more  # three time-outs
def test_a_server_that_never_answers_is_said_within_a_minute() -> None:
    with socket.create_server((LOOPBACK, 0)) as mute:
        begun = time.monotonic()
        with pytest.raises(RegistryFailed, match="ReadTimeout"):
            MlflowRegistry(f"http://{LOOPBACK}:{mute.getsockname()[1]}").version("flights", 1)
        assert time.monotonic() - begun < 60
