"""The lake's client against the real server: every failure is one of the tree, with what a person needs."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

from lakeloop.adapters.lakefs_lake import LakeFSLake
from lakeloop.core.errors import (
    AlreadyExists,
    DirtyBranch,
    MergeConflict,
    NotFound,
    NothingToDo,
    Protected,
    RefusedByHook,
    Unavailable,
)
from lakeloop.stack.lakefs import LakefsServer, start_lakefs
from lakeloop.stack.ports import free_port
from lakeloop.steps.bootstrap import bootstrap, gate_differences, upgrade
from tests.protocol.world import Address, found, platform


@pytest.fixture
def lake(address: Address) -> LakeFSLake:
    found(address)
    lake = platform(address).lake
    assert isinstance(lake, LakeFSLake)
    return lake


def branch_with(lake: LakeFSLake, name: str, source: str, path: str, content: bytes) -> None:
    lake.create_branch(name, source)
    lake.put(name, path, content)
    lake.commit(name, path, {})


def test_direct_writes_and_commits_on_main_are_refused_from_the_first_moment(lake: LakeFSLake) -> None:
    with pytest.raises(Protected, match="nothing was changed"):
        lake.put("main", "clean/x", b"1")
    with pytest.raises(Protected):
        lake.commit("main", "m", {})


def test_a_merge_without_a_receipt_is_refused_with_the_gates_words_and_run_id(lake: LakeFSLake) -> None:
    branch_with(lake, "bare", "main", "clean/x", b"1")
    with pytest.raises(RefusedByHook) as refused:
        lake.merge("bare", "main", "m", {})
    assert refused.value.reason == "the merge names no run key"
    assert refused.value.run_id


@pytest.mark.parametrize("way", ["revert", "cherry_pick"])
def test_other_ways_onto_main_are_refused(lake: LakeFSLake, way: str) -> None:
    branch_with(lake, "other", "main", "clean/x", b"1")
    head = lake.head("main")
    with pytest.raises(RefusedByHook, match="main moves only by a gated merge"):
        getattr(lake, way)("main", head if way == "revert" else "other")
    assert lake.head("main") == head


@pytest.fixture
def importing(tmp_path: Path) -> Iterator[LakefsServer]:
    """A server that may import what lies in a folder; the embedded one may import nothing."""
    server = start_lakefs(tmp_path / "server")
    server.stop()
    config = server.home / "lakefs" / "config.yaml"
    content = json.loads(config.read_text())
    content["blockstore"]["local"] |= {"import_enabled": True, "allowed_external_prefixes": [str(tmp_path / "outside")]}
    config.write_text(json.dumps(content))
    server.start()
    yield server
    server.stop()


def import_into(server: LakefsServer, repository: str, branch: str, folder: Path) -> dict[str, Any]:
    """What the server says of an import when it is over."""
    url = f"{server.endpoint}/api/v1/repositories/{repository}/branches/{branch}/import"
    location = {"type": "common_prefix", "path": f"local://{folder}/", "destination": "clean/toy/"}
    with httpx.Client(auth=(server.access_key_id, server.secret_access_key), trust_env=False, timeout=10) as client:
        started = client.post(url, json={"paths": [location], "commit": {"message": "imported"}}).raise_for_status()
        asked = Retrying(stop=stop_after_delay(20), wait=wait_fixed(0.05), retry=retry_if_result(lambda told: not told["over"]))
        return dict(asked(_import_state, client, url, started.json()["id"]))


def _import_state(client: httpx.Client, url: str, import_id: str) -> dict[str, Any]:
    told = client.get(url, params={"id": import_id}).raise_for_status().json()
    return {**told, "over": told["completed"] or "error" in told}


def test_an_import_reaches_a_branch_and_is_refused_on_main(importing: LakefsServer, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "rows.csv").write_text("id\n1\n")
    address = Address(importing.endpoint, importing.access_key_id, importing.secret_access_key, "imports", tmp_path)
    lake = found(address).lake
    head = lake.head("main")
    lake.create_branch("free", "main")
    assert import_into(importing, "imports", "free", tmp_path / "outside")["completed"]
    assert lake.exists("free", "clean/toy/rows.csv")
    told = import_into(importing, "imports", "main", tmp_path / "outside")
    assert "main moves only by a gated merge" in told["error"]["message"]
    assert lake.head("main") == head


def test_a_conflict_names_the_paths_that_both_sides_changed(lake: LakeFSLake) -> None:
    branch_with(lake, "base", "main", "x/same", b"0")
    branch_with(lake, "left", "base", "x/1", b"left")
    branch_with(lake, "right", "base", "x/1", b"right")
    with pytest.raises(MergeConflict, match="x/1") as clash:
        lake.merge("left", "right", "m", {})
    assert clash.value.paths == ("x/1",)


def test_dirty_nothing_missing_and_existing_have_errors_of_their_own(lake: LakeFSLake) -> None:
    branch_with(lake, "one", "main", "x/1", b"1")
    branch_with(lake, "two", "main", "x/2", b"2")
    lake.put("two", "x/3", b"3")
    with pytest.raises(DirtyBranch):
        lake.merge("one", "two", "m", {})
    with pytest.raises(NothingToDo):
        lake.commit("one", "m", {})
    with pytest.raises(NothingToDo):
        lake.merge("one", "one", "m", {})
    with pytest.raises(NotFound, match="nowhere"):
        lake.head("nowhere")
    with pytest.raises(AlreadyExists):
        lake.create_branch("one", "main")


def test_a_tag_stays_with_its_commit_unless_it_is_given_to_another_one(lake: LakeFSLake) -> None:
    first = lake.head("main")
    lake.create_branch("work", first)
    lake.put("work", "_lakeloop/evidence/k/page.html", b"page")
    second = lake.commit("work", "a page", {})
    for name in ("model-toy-v1-gates", "model-ice_cream2-v12-gates"):
        lake.retag(name, first)
        lake.tag(name, first)
        with pytest.raises(AlreadyExists):
            lake.tag(name, second)
        lake.retag(name, second)
        lake.retag(name, second)
        lake.delete_branch("work")
        assert lake.get(name, "_lakeloop/evidence/k/page.html") == b"page", "without its branch"


def test_a_server_that_does_not_answer_is_an_unknown_outcome(address: Address) -> None:
    lake = LakeFSLake(f"http://127.0.0.1:{free_port()}", address.key, address.secret, "nothing")
    with pytest.raises(Unavailable, match="not known"):
        lake.head("main")


def test_bootstrap_is_idempotent_and_upgrade_mends_a_gate_that_differs(lake: LakeFSLake, monkeypatch: pytest.MonkeyPatch) -> None:
    head = lake.head("main")
    assert "verified" in bootstrap(lake, "local://unused", "c0de")
    assert lake.head("main") == head
    newer = {**_files(), "lua_hooks/lakeloop_refuse.lua": b'local hook = require("hook")\nhook.fail("newer")\n'}
    monkeypatch.setattr("lakeloop.steps.bootstrap.gate_files", lambda: newer)
    assert gate_differences(lake) == ["lua_hooks/lakeloop_refuse.lua is changed"]
    assert "lakeloop_refuse.lua is changed" in upgrade(lake, "c0de")
    assert gate_differences(lake) == []


def _files() -> dict[str, bytes]:
    from lakeloop.gate import gate_files

    return gate_files()
