"""The lake's client against the real server: every failure is one of the tree, with what a person needs."""

import pytest

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


def test_a_delta_log_with_a_gap_is_refused(address: Address) -> None:
    from lakeloop.core.attestation import log_gaps

    assert log_gaps("t/_delta_log/", ["00000000000000000000.json", "00000000000000000002.json"])
    assert log_gaps("t/_delta_log/", ["00000000000000000003.json"])
    assert not log_gaps("t/_delta_log/", ["00000000000000000010.checkpoint.parquet", "00000000000000000011.json"])
    assert not log_gaps("t/_delta_log/", [])
