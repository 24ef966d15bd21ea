"""A copy of a stack root brings everything back, and is as private as the root."""

from __future__ import annotations

import shutil
from pathlib import Path

import httpx
import pytest

from lakeloop.core.errors import InvalidInput, StackFailed
from lakeloop.stack.backup import backup, restore
from lakeloop.stack.lakefs import LakefsServer, start_lakefs
from lakeloop.stack.layout import StackRoot
from lakeloop.stack.program import Program
from lakeloop.stack.supervisor import Supervisor


def api(server: LakefsServer) -> httpx.Client:
    key = (server.access_key_id, server.secret_access_key)
    return httpx.Client(base_url=f"{server.endpoint}/api/v1", auth=key, timeout=10)


@pytest.fixture
def root(tmp_path: Path) -> StackRoot:
    """A root whose lake holds one committed object."""
    root = StackRoot(tmp_path / "home")
    with start_lakefs(root.home) as server, api(server) as client:
        client.post("/repositories", json={"name": "lake", "storage_namespace": "local://lake", "default_branch": "main"})
        client.post("/repositories/lake/branches/main/objects", params={"path": "a"}, content=b"held").raise_for_status()
        client.post("/repositories/lake/branches/main/commits", json={"message": "one"}).raise_for_status()
    (root.folder("airflow") / "airflow.db").write_bytes(b"rows")
    (root.folder("airflow/logs") / "old.log").write_text("words")
    return root


def test_a_lost_root_comes_back_with_its_lake_and_its_keys(root: StackRoot, tmp_path: Path) -> None:
    assert backup(root, tmp_path / "copy.tgz") > 0
    shutil.rmtree(root.home)
    restore(root, tmp_path / "copy.tgz")
    with start_lakefs(root.home) as server, api(server) as client:
        assert client.get("/repositories/lake/refs/main/objects", params={"path": "a"}).content == b"held"
    assert (root.home / "airflow" / "airflow.db").read_bytes() == b"rows"
    assert not (root.home / "airflow/logs/old.log").exists()


def test_a_root_can_move(root: StackRoot, tmp_path: Path) -> None:
    backup(root, tmp_path / "copy.tgz")
    moved = StackRoot(tmp_path / "elsewhere")
    restore(moved, tmp_path / "copy.tgz")
    with start_lakefs(moved.home) as server, api(server) as client:
        assert client.get("/repositories/lake/refs/main/objects", params={"path": "a"}).content == b"held"


def test_the_copy_and_what_comes_of_it_are_private(root: StackRoot, tmp_path: Path) -> None:
    backup(root, tmp_path / "copy.tgz")
    restore(StackRoot(tmp_path / "elsewhere"), tmp_path / "copy.tgz")
    kept = [tmp_path / "copy.tgz", tmp_path / "elsewhere", tmp_path / "elsewhere/keys.json"]
    assert [path for path in kept if path.stat().st_mode & 0o077] == []


def test_a_root_in_use_is_left_alone_unless_forced(root: StackRoot, tmp_path: Path) -> None:
    backup(root, tmp_path / "copy.tgz")
    (root.home / "airflow" / "airflow.db").write_bytes(b"newer")
    with pytest.raises(InvalidInput, match="is not empty; it was left as it is"):
        restore(root, tmp_path / "copy.tgz")
    assert (root.home / "airflow" / "airflow.db").read_bytes() == b"newer"
    restore(root, tmp_path / "copy.tgz", force=True)
    assert (root.home / "airflow" / "airflow.db").read_bytes() == b"rows"


def test_a_file_that_is_no_backup_replaces_nothing(root: StackRoot, tmp_path: Path) -> None:
    (tmp_path / "copy.tgz").write_text("not one")
    with pytest.raises(InvalidInput, match="is no backup"):
        restore(root, tmp_path / "copy.tgz", force=True)
    assert root.keys_file.is_file()


def test_an_existing_copy_is_not_overwritten(root: StackRoot, tmp_path: Path) -> None:
    backup(root, tmp_path / "copy.tgz")
    with pytest.raises(InvalidInput, match="exists; nothing was copied"):
        backup(root, tmp_path / "copy.tgz")


def test_a_running_stack_is_not_copied(root: StackRoot, tmp_path: Path) -> None:
    supervisor = Supervisor(root)
    supervisor.start([Program("sleeper", ("sleep", "1000"))])
    try:
        with pytest.raises(StackFailed, match="is running; nothing was copied"):
            backup(root, tmp_path / "copy.tgz")
    finally:
        supervisor.shutdown()
    assert not (tmp_path / "copy.tgz").exists()
