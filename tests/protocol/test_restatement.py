"""The past is corrected in the open: what a restatement or a replay changed, who had read it, and what stands at its commit."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from lakeloop.core.lake import UnitId
from lakeloop.core.receipts import DataReceipt, PublishedRecord
from lakeloop.core.reports import RowChange
from lakeloop.steps.history import read_ledger, receipt_on
from lakeloop.steps.platform import Platform
from tests.naughty import REASON
from tests.protocol.delta_runner import CLEAN
from tests.protocol.world import (
    DAY_ONE,
    Address,
    assert_accounted,
    assert_whole,
    clean_rows,
    crowned,
    deliver,
    found,
    ingest_all,
    score_all,
    scored_ids,
    slices,
    trusts,
    watch_all,
)

D1, D2 = (DAY_ONE + timedelta(days=n) for n in range(2))
A, B = {1: 1.0, 2: 2.0, 3: 3.0}, {2: 2.0, 3: 30.0, 4: 4.0, 5: 5.0}
ASKED = {"replay": REASON, "date_from": D2, "date_to": D2, "actor": "ann"}


def with_contract(p: Platform, version: int) -> Platform:
    """The same world after its table's contract counted up."""
    tables = tuple(one.model_copy(update={"version": version}) for one in p.case.tables)
    return replace(p, case=p.case.model_copy(update={"tables": tables}))


def published(p: Platform, done: dict[str, Any]) -> PublishedRecord:
    receipt = receipt_on(p.lake, "main", done["run_key"])
    assert isinstance(receipt, DataReceipt)
    return receipt.published[0]


def scored(address: Address) -> Platform:
    """A world whose second day is published, scored and judged."""
    p = crowned(address, D1, A)
    deliver(address, D2, A)
    ingest_all(p)
    score_all(p)
    watch_all(p)
    assert trusts(p) == {D2: {"trusted"}}
    return p


def test_a_restatement_says_what_changed_and_whose_scores_had_read_the_old_rows(address: Address) -> None:
    p = scored(address)
    before = p.lake.head("main")
    deliver(address, D2, B, later=1)
    done = ingest_all(p)
    record = published(p, done)
    assert record.change == RowChange(added=2, removed=1, changed=1, same=1)
    assert record.read_by == (D2,)
    assert "2 rows added, 1 row removed, 1 row changed, 1 row the same; scores of 1 date had read what it was" in done["summary"]
    assert p.tables.fingerprints(before, slices(D2))[(CLEAN, D2.isoformat())].rows == len(A)  # the old one, at its commit
    score_all(p)
    watch_all(p)
    assert scored_ids(p)[D2] == sorted(B)


def test_a_first_delivery_restates_nothing_and_asks_nothing(address: Address) -> None:
    p = found(address)
    deliver(address, D1, A)
    record = published(p, ingest_all(p))
    assert (record.restates, record.change, record.read_by) == ("", None, ())


def test_a_replay_writes_the_same_delivery_again_under_the_new_contract_once(address: Address) -> None:
    p = scored(address)
    first = read_ledger(p.lake, "toy").owner(UnitId("readings", D2))
    assert first is not None
    newer = with_contract(p, 2)
    assert ingest_all(newer)["nothing_to_do"]  # a new contract alone restates nothing
    done = ingest_all(newer, **ASKED)
    record = published(newer, done)
    assert (record.delivery, record.restates, record.replayed) == (1, first.run_key, f"ann: {REASON}")
    assert (record.change, record.read_by) == (RowChange(same=len(A)), (D2,))
    assert ingest_all(newer, 2, **ASKED)["nothing_to_do"]
    score_all(newer)
    watch_all(newer)
    owner = read_ledger(p.lake, "toy").owner(UnitId("readings", D2))
    assert owner is not None
    assert owner.run_key in read_ledger(p.lake, "toy").scores[D2].record.reads["readings"]
    assert_accounted(p)
    assert_whole(p)


def test_a_replay_that_its_audit_refuses_leaves_main_as_it_was(address: Address, monkeypatch: Any) -> None:
    p = scored(address)
    newer, before = with_contract(p, 2), clean_rows(p)
    monkeypatch.setattr("tests.protocol.delta_runner.FEWEST", len(A) + 1)
    done = ingest_all(newer, **ASKED)
    assert (done["published"], done["refused"]) == (0, 1)
    assert clean_rows(p) == before
    assert ingest_all(newer, 2, **ASKED)["nothing_to_do"]
    assert_accounted(p)
    assert_whole(p)
