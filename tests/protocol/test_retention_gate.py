"""The gate and retention: what it takes beyond its list and its rights is refused by server and client, and found in history."""

import hashlib
import json
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta

import pytest

from lakeloop.core.attestation import metadata
from lakeloop.core.errors import GateViolation, RefusedByHook
from lakeloop.core.lake import Stored, landing
from lakeloop.core.receipts import RemovedRecord, RetentionReceipt
from lakeloop.core.retention import record_of
from lakeloop.gate import gate_version
from lakeloop.steps.history import read_ledger
from lakeloop.steps.platform import Platform
from lakeloop.steps.publish import Work, publish, seal
from tests.protocol.delta_runner import CLEAN, QUARANTINE
from tests.protocol.test_gate import Deed, drop, findings, put, without_gate
from tests.protocol.test_retention import applied, files_of, keeping, lake_of
from tests.protocol.world import DAY_ONE, Address, deliver, found, ingest_all, run

Case = Callable[[Platform], tuple[Deed, Iterable[RemovedRecord]]]


@pytest.fixture
def p(address: Address) -> Platform:
    """Two published days, of which the first is past its time."""
    p = found(address)
    deliver(address, DAY_ONE, {1: 1.0, 2: 2.0})
    deliver(address, DAY_ONE + timedelta(days=2), {1: 1.0, 2: 2.0}, later=5)
    ingest_all(p)
    return p


def sealed(p: Platform, deed: Deed, removed: Iterable[RemovedRecord]) -> tuple[str, RetentionReceipt]:
    """A branch from main's head with a deed on it, sealed as a retention."""
    lake, head = lake_of(p), p.lake.head("main")
    branch = run("retention").branch("toy")
    lake.create_branch(branch, head)
    deed(lake, branch)
    audited = lake.commit(branch, "a deed", {})
    receipt = RetentionReceipt(
        run_key=hashlib.sha256(branch.encode()).hexdigest(), case="toy", stage="retention", base_commit=head,
        audited_commit=audited, gate_version=gate_version(), code_version="c0de", actor="test", run_id="t",
        created_at=datetime.now(UTC), reason="", removed=tuple(removed),
    )  # fmt: skip
    seal(lake, branch, receipt)
    return branch, receipt


def record(what: str, folder: str, *paths: str) -> RemovedRecord:
    return record_of(what, folder, [Stored(path, 1, "") for path in paths], "a test")


def there(p: Platform, prefix: str, ending: str = "") -> str:
    return next(path for path in p.lake.list("main", prefix) if path.endswith(ending))


def bytes_of(p: Platform) -> str:
    """The folder of some delivery."""
    return landing("toy", next(iter(read_ledger(p.lake, "toy").landed.values()))[0].id)


def a_file_it_does_not_list(p: Platform) -> tuple[Deed, Iterable[RemovedRecord]]:
    return drop(there(p, "landing/toy/")), [record("landing", "landing/toy/elsewhere/")]


def less_than_it_lists(p: Platform) -> tuple[Deed, Iterable[RemovedRecord]]:
    folder = bytes_of(p)
    return drop(f"{folder}manifest.json"), [record("landing", folder, f"{folder}manifest.json", f"{folder}readings.csv")]


def other_than_it_lists(p: Platform) -> tuple[Deed, Iterable[RemovedRecord]]:
    folder = bytes_of(p)
    return drop(f"{folder}manifest.json"), [record("landing", folder, f"{folder}readings.csv")]


def more_bytes(p: Platform) -> tuple[Deed, Iterable[RemovedRecord]]:
    folder = bytes_of(p)
    return put(f"{folder}more.csv"), [record("landing", folder, f"{folder}more.csv")]


def bytes_rewritten(p: Platform) -> tuple[Deed, Iterable[RemovedRecord]]:
    folder = bytes_of(p)
    return put(f"{folder}readings.csv"), [record("landing", folder, f"{folder}readings.csv")]


def a_file_that_readers_need(p: Platform) -> tuple[Deed, Iterable[RemovedRecord]]:
    held = f"{CLEAN}/{min(files_of(p).files('main', CLEAN))}"
    return drop(held), [record("versions", f"{CLEAN}/", held)]


def a_file_that_readers_need_listed_as_evidence(p: Platform) -> tuple[Deed, Iterable[RemovedRecord]]:
    held = f"{CLEAN}/{min(files_of(p).files('main', CLEAN))}"
    return drop(held), [record("evidence", "clean/", held)]


def a_logs_entry(p: Platform) -> tuple[Deed, Iterable[RemovedRecord]]:
    entry = f"{CLEAN}/_delta_log/{0:020d}.json"
    return drop(entry), [record("versions", f"{CLEAN}/", entry)]


def rows_dropped_from_clean(p: Platform) -> tuple[Deed, Iterable[RemovedRecord]]:
    file = min(files_of(p).files("main", CLEAN))
    entry = json.dumps({"remove": {"path": file, "deletionTimestamp": 1, "dataChange": True}}).encode()
    version = len([path for path in p.lake.list("main", f"{CLEAN}/_delta_log/") if path.endswith(".json")])
    return put(f"{CLEAN}/_delta_log/{version:020d}.json", entry), [record("quarantine", f"{CLEAN}/", f"{CLEAN}/{file}")]


def rows_added_to_quarantine(p: Platform) -> tuple[Deed, Iterable[RemovedRecord]]:
    entry = json.dumps(
        {"add": {"path": "x", "partitionValues": {}, "size": 1, "modificationTime": 1, "dataChange": True}}
    ).encode()
    version = len(list(p.lake.list("main", f"{QUARANTINE}/_delta_log/")))
    return put(f"{QUARANTINE}/_delta_log/{version:020d}.json", entry), []


def its_own_traces(p: Platform) -> tuple[Deed, Iterable[RemovedRecord]]:
    folder = f"_lakeloop/evidence/{applied(p, keeping())['run_key']}/"
    return drop(f"{folder}removed.txt"), [record("evidence", folder, f"{folder}removed.txt")]


def evidence_rewritten(p: Platform) -> tuple[Deed, Iterable[RemovedRecord]]:
    path = there(p, "_lakeloop/evidence/", "audit.json")
    return put(path, b"all was well"), [record("evidence", path.removesuffix("audit.json"), path)]


def a_receipt(p: Platform) -> tuple[Deed, Iterable[RemovedRecord]]:
    path = there(p, "_lakeloop/receipts/")
    return drop(path), [record("evidence", "_lakeloop/receipts/", path)]


def another_cases_bytes(_: Platform) -> tuple[Deed, Iterable[RemovedRecord]]:
    return put("landing/other/x"), []


DEEDS: dict[Case, tuple[str, str]] = {
    a_file_it_does_not_list: ("its receipt does not list", "its receipt does not list"),
    less_than_it_lists: ("took 1 of landing/", "took 1 of landing/"),
    other_than_it_lists: ("lists other 1", "lists other 1"),
    more_bytes: ("more.csv is added", "more.csv is added"),
    bytes_rewritten: ("readings.csv is changed", "readings.csv is changed"),
    a_file_that_readers_need: ("its table still needs clean/", "its table still needs clean/"),
    a_file_that_readers_need_listed_as_evidence: ("its table still needs clean/", "its table still needs clean/"),
    a_logs_entry: ("lost its past", f"lost {0:020d}.json"),
    rows_dropped_from_clean: ("may not touch a Delta log", "may not touch a Delta log"),
    rows_added_to_quarantine: ("may not touch a Delta log", "may not touch a Delta log"),
    its_own_traces: ("evidence of retention", "evidence of retention"),
    evidence_rewritten: ("main has said this already", "audit.json is changed"),
    a_receipt: ("may not change _lakeloop/receipts/", "may not change _lakeloop/receipts/"),
    another_cases_bytes: ("may not change landing/other/x", "may not change landing/other/x"),
}


@pytest.mark.parametrize(("case", "servers_words", "clients_words"), [(case, *words) for case, words in DEEDS.items()])
def test_a_retention_that_takes_what_it_may_not_is_refused_twice_and_found(
    p: Platform, case: Case, servers_words: str, clients_words: str
) -> None:
    deed, removed = case(p)
    before, branch_and_receipt = p.lake.head("main"), sealed(p, deed, removed)
    branch, receipt = branch_and_receipt
    with pytest.raises(RefusedByHook) as refused:
        p.lake.merge(branch, "main", "a deed", metadata(receipt, before, 1))
    assert servers_words in refused.value.reason
    with pytest.raises(GateViolation) as stopped:
        publish(p.lake, p.tables, p.lease, Work(branch, receipt, lambda _: None))
    assert clients_words in str(stopped.value)
    assert p.lake.head("main") == before
    branch, receipt = sealed(p, without_gate(deed), removed)
    p.lake.merge(branch, "main", "a deed", metadata(receipt, before, 1))
    assert clients_words in findings(p)
