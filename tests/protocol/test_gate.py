"""The gate on a real server: each way of hurting main is refused by its Lua, by the client's half, and found in history."""

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from deltalake import DeltaTable

from lakeloop.adapters.delta_tables import DeltaRsTables
from lakeloop.adapters.lakefs_lake import LakeFSLake
from lakeloop.core.attestation import metadata
from lakeloop.core.errors import GateViolation, RefusedByHook
from lakeloop.core.lake import ACTIONS, HOOKS
from lakeloop.core.receipts import DataReceipt
from lakeloop.gate import gate_files, gate_version
from lakeloop.steps.platform import Platform
from lakeloop.steps.publish import Work, publish, seal
from lakeloop.steps.verify import verify
from tests.protocol.delta_runner import CLEAN
from tests.protocol.world import DAY_ONE, Address, assert_whole, clean_rows, deliver, found, ingest_all, run

LOG = f"{CLEAN}/_delta_log/"
A = {1: 1.0, 2: 2.0}
DAYS = [DAY_ONE + timedelta(days=n) for n in range(3)]
Deed = Callable[[LakeFSLake, str], None]


@pytest.fixture
def p(address: Address) -> Platform:
    """A lake whose clean table has versions 0 to 2, a date each."""
    p = found(address)
    for day in DAYS:
        deliver(address, day, A)
    ingest_all(p)
    return p


def lake_of(p: Platform) -> LakeFSLake:
    assert isinstance(p.lake, LakeFSLake)
    return p.lake


def entry(version: int) -> str:
    return f"{LOG}{version:020d}.json"


def sealed(p: Platform, deed: Deed, gate: str = "") -> tuple[str, DataReceipt]:
    """A branch from main with a deed on it, audited and sealed as honest work would be."""
    lake, head = lake_of(p), p.lake.head("main")
    branch = run("ingest").branch("toy")
    lake.create_branch(branch, head)
    deed(lake, branch)
    audited = lake.commit(branch, "a deed", {})
    receipt = DataReceipt(
        run_key=hashlib.sha256(branch.encode()).hexdigest(), case="toy", stage="ingest", base_commit=head, audited_commit=audited,
        gate_version=gate or gate_version(), code_version="c0de", actor="test", run_id="t", created_at=datetime.now(UTC),
        contract_version="v", published=(),
    )  # fmt: skip
    seal(lake, branch, receipt)
    return branch, receipt


def merge(p: Platform, branch: str, receipt: DataReceipt) -> str:
    """Straight to the server, past the client's half."""
    return p.lake.merge(branch, "main", "a deed", metadata(receipt, p.lake.head("main"), 1))


def without_gate(deed: Deed) -> Deed:
    """The same on a branch that dropped the hook files, so that the server asks nobody."""

    def done(lake: LakeFSLake, branch: str) -> None:
        deed(lake, branch)
        for path in gate_files():
            lake.delete(branch, path)

    return done


def findings(p: Platform) -> str:
    wrong = [finding.wrong for _, found in verify(p.lake) for finding in found]
    return " | ".join(words for words in wrong if ACTIONS not in words and HOOKS not in words)


def drop(*paths: str) -> Deed:
    return lambda lake, branch: [lake.delete(branch, path) for path in paths] and None


def put(path: str, content: bytes = b"{}") -> Deed:
    return lambda lake, branch: lake.put(branch, path, content)


def forge_checkpoint(lake: LakeFSLake, branch: str) -> None:
    lake.delete(branch, entry(2))
    lake.put(branch, f"{LOG}{3:020d}.checkpoint.parquet", b"x")


DEEDS = {
    "a gap": (put(entry(4)), "has 4 of versions 0 to 4", "has 4 of versions 0 to 4"),
    "a hole": (drop(entry(1)), "lost its past", "lost 00000000000000000001.json"),
    "a lost beginning": (drop(entry(0)), "lost its past", "lost 00000000000000000000.json"),
    "a lost end": (drop(entry(2)), "lost its past", "lost 00000000000000000002.json"),
    "all lost": (drop(*map(entry, range(3))), "lost its past", "lost 00000000000000000000.json"),
    "an entry rewritten": (put(entry(1)), "past was rewritten", "had 00000000000000000001.json rewritten"),
    "a lost end under a forged checkpoint": (forge_checkpoint, "lost its end", "checkpoint of version 3 and no entry"),
    "a table that begins late": (put("clean/toy/new/_delta_log/" + entry(3)[-25:]), "begins at version 3", "begins at version 3"),
    "a foreign folder": (put("scores/toy/x"), "may not change scores/toy/x", "may not change scores/toy/x"),
    "another case's folder": (put("clean/other/x"), "may not change clean/other/x", "may not change clean/other/x"),
}


@pytest.mark.parametrize(("deed", "servers_words", "clients_words"), DEEDS.values(), ids=DEEDS)
def test_a_deed_is_refused_by_server_and_client_and_found_in_history(
    p: Platform, deed: Deed, servers_words: str, clients_words: str
) -> None:
    before, branch_and_receipt = p.lake.head("main"), sealed(p, deed)
    with pytest.raises(RefusedByHook) as refused:
        merge(p, *branch_and_receipt)
    assert servers_words in refused.value.reason
    with pytest.raises(GateViolation) as stopped:
        publish(p.lake, p.tables, p.lease, Work(*branch_and_receipt, lambda _: None))
    assert clients_words in str(stopped.value)
    assert p.lake.head("main") == before
    merge(p, *sealed(p, without_gate(deed)))
    assert clients_words in findings(p)


def clean_up(p: Platform) -> Deed:
    """Delta's own: a checkpoint, then everything below it goes, as after thirty days."""

    def done(_: LakeFSLake, branch: str) -> None:
        tables = p.tables
        assert isinstance(tables, DeltaRsTables)
        table = DeltaTable(tables._uri(branch, CLEAN), storage_options=tables._options)
        table.alter.set_table_properties({"delta.logRetentionDuration": "interval 0 seconds"})
        table.create_checkpoint()
        table.cleanup_metadata()

    return done


def test_deltas_own_clean_up_below_a_checkpoint_is_let_through(p: Platform, address: Address) -> None:
    branch, receipt = sealed(p, clean_up(p))
    removed = [change.path for change in p.lake.diff(receipt.base_commit, branch, LOG) if change.type == "removed"]
    assert removed == [entry(0), entry(1), entry(2)]
    publish(p.lake, p.tables, p.lease, Work(branch, receipt, lambda _: None))
    deliver(address, DAYS[2] + timedelta(days=1), A)
    ingest_all(p)
    assert list(clean_rows(p).values()) == [A, A, A, A]
    assert_whole(p)


@pytest.mark.parametrize(("deed", "words"), [(drop, "lost its past"), (put, "past was rewritten")])
def test_a_checkpoint_that_readers_begin_at_is_guarded_like_the_entries(
    p: Platform, deed: Callable[[str], Deed], words: str
) -> None:
    merge(p, *sealed(p, clean_up(p)))
    with pytest.raises(RefusedByHook) as refused:
        merge(p, *sealed(p, deed(f"{LOG}{3:020d}.checkpoint.parquet")))
    assert words in refused.value.reason


def test_an_answer_that_is_neither_yes_nor_no_is_not_taken_for_absence(p: Platform) -> None:
    path, line = f"{HOOKS}lakeloop_publish.lua", b'local lakefs = require("lakefs")'
    deaf = b'local lakefs = setmetatable({ stat_object = function() return 500, "" end }, { __index = require("lakefs") })'
    script = gate_files()[path].replace(line, deaf)
    assert deaf in script
    with pytest.raises(RefusedByHook, match="cannot tell whether _lakeloop/receipts/"):
        merge(p, *sealed(p, put(path, script)))


def test_each_merge_is_judged_by_the_gate_its_receipt_names(p: Platform) -> None:
    old = "d1be7d57da5e"  # it looked for gaps only
    merge(p, *sealed(p, without_gate(drop(entry(2))), gate=old))
    assert findings(p) == ""
    merge(p, *sealed(p, put("clean/toy/x"), gate="f00"))
    assert findings(p) == "its receipt names gate f00, which this code does not know"
