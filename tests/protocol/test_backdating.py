"""An older delivery that arrives late says when its unit was available: main's rows say so then, and are else as they were."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lakeloop.core.lake import UnitId
from lakeloop.core.receipts import BackdatingReceipt
from lakeloop.steps import backdate, ingest, withdraw
from lakeloop.steps.history import read_ledger, receipt_on
from lakeloop.steps.plan import is_open, plan
from lakeloop.steps.platform import Platform
from tests.protocol.delta_runner import CLEAN
from tests.protocol.world import (
    DAY_ONE,
    Address,
    Rows,
    assert_accounted,
    assert_whole,
    available,
    clean_rows,
    condemned,
    crowned,
    deliver,
    found,
    ingest_all,
    run,
    score_all,
    slices,
    trusts,
    watch_all,
)

D1, D2 = (DAY_ONE + timedelta(days=n) for n in range(2))
A, B, C = {1: 1.0, 2: 2.0}, {1: 10.0, 2: 20.0, 3: 30.0}, {1: 5.0, 2: 6.0}
IN_TIME, LATE = datetime(2024, 1, 1, 20, tzinfo=UTC), datetime(2024, 1, 2, 2, tzinfo=UTC)  # of D2, predicted at its midnight


def since(p: Platform) -> set[datetime]:
    """When the rows of D2 say that they were available; their owner says the same."""
    owner = read_ledger(p.lake, "toy").owner(UnitId("readings", D2))
    said = set(available(p).get(D2, {}).values())
    assert owner is None or said == {owner.record.available_at}
    return said


def late(address: Address, rows: Rows) -> Platform:
    """A world that holds a second day which came too late to be predicted."""
    p = crowned(address, D1, A)
    deliver(address, D2, rows, later=6)
    ingest_all(p)
    assert score_all(p)["nothing_to_do"]
    assert since(p) == {LATE}
    return p


def test_the_run_that_lands_an_older_delivery_backdates_main_s_rows_and_the_date_is_scored(address: Address) -> None:
    p = late(address, B)
    owner = read_ledger(p.lake, "toy").owner(UnitId("readings", D2))
    before = p.tables.fingerprints("main", slices(D2), ["available_at"])
    deliver(address, D2, A)
    planned = {one.doing: one.words for one in plan(p, run("ingest")).units}
    assert set(planned) == {"refuse", "backdate"}
    assert planned["backdate"] == "was available at 2024-01-01 20:00, its rows say 2024-01-02 02:00"
    assert ingest_all(p)["refused"] == 1
    now = read_ledger(p.lake, "toy").owner(UnitId("readings", D2))
    assert owner
    assert now
    assert (now.run_key, now.record.id, since(p)) == (owner.run_key, owner.record.id, {IN_TIME})
    assert p.tables.fingerprints("main", slices(D2), ["available_at"]) == before
    assert p.tables.fingerprints("main", slices(D2))[CLEAN, D2.isoformat()] == now.record.fingerprint
    assert not is_open(p, run("ingest"))
    assert ingest_all(p, 2)["nothing_to_do"]
    score_all(p)
    watch_all(p)
    assert trusts(p) == {D2: {"trusted"}}
    assert_accounted(p)
    assert_whole(p)


def test_scores_that_had_read_a_unit_stand_when_it_is_backdated(address: Address) -> None:
    p = crowned(address, D1, A)
    deliver(address, D2, B, later=2)
    ingest_all(p)
    score_all(p)
    watch_all(p)
    deliver(address, D2, A)
    ingest_all(p)
    assert (since(p), trusts(p)) == ({IN_TIME}, {D2: {"trusted"}})
    assert score_all(p)["nothing_to_do"]
    assert_whole(p)


@pytest.mark.parametrize(("rows", "damaged"), [(B, False), (A, True)], ids=["the same bytes", "damaged"])
def test_whatever_the_older_delivery_is_worth_it_says_when_the_unit_was_available(
    address: Address, rows: Rows, *, damaged: bool
) -> None:
    p = late(address, B)
    deliver(address, D2, rows, damaged=damaged)
    ingest_all(p)
    assert (since(p), clean_rows(p)[D2]) == ({IN_TIME}, B)
    assert ingest_all(p, 2)["nothing_to_do"]
    assert_whole(p)


def test_a_backdated_unit_is_withdrawn_to_what_was_before_its_rows_which_is_backdated_in_turn(address: Address) -> None:
    p = late(address, C)
    deliver(address, D2, B, later=7)
    ingest_all(p)
    deliver(address, D2, A)
    ingest_all(p)
    assert (since(p), clean_rows(p)[D2]) == ({IN_TIME}, B)
    withdraw.withdraw(p, run("watch"), condemned(p, D2), [], {})
    assert (since(p), clean_rows(p)[D2]) == ({LATE}, C)
    ingest_all(p)
    assert (since(p), clean_rows(p)[D2]) == ({IN_TIME}, C)
    withdraw.withdraw(p, run("watch"), condemned(p, D2), [], {})
    assert D2 not in clean_rows(p)
    assert_whole(p)


def test_a_unit_restated_while_it_is_backdated_keeps_its_new_rows(address: Address, monkeypatch: pytest.MonkeyPatch) -> None:
    p = late(address, B)
    deliver(address, D2, A)
    with monkeypatch.context() as without:
        without.setattr("lakeloop.steps.ingest.backdate", lambda *_: {})
        ingest_all(p)
    seal = backdate.seal

    def restated_meanwhile(*sealed: Any) -> str:
        monkeypatch.setattr(backdate, "seal", seal)
        deliver(address, D2, C, later=8)
        with monkeypatch.context() as without:
            without.setattr("lakeloop.steps.ingest.backdate", lambda *_: {})
            ingest_all(p, 2)
        return seal(*sealed)

    monkeypatch.setattr(backdate, "seal", restated_meanwhile)
    decided = read_ledger(p.lake, "toy")
    assert backdate.backdate(p, run("ingest", 3), decided) == {}  # the restatement had read the older delivery's time itself
    assert (since(p), clean_rows(p)[D2]) == ({IN_TIME}, C)
    assert_whole(p)


def test_what_was_backdated_on_a_table_that_moved_is_replayed(address: Address, monkeypatch: pytest.MonkeyPatch) -> None:
    p = late(address, B)
    deliver(address, D2, A)
    seal = backdate.seal

    def moved_meanwhile(*sealed: Any) -> str:
        monkeypatch.setattr(backdate, "seal", seal)
        deliver(address, D2 + timedelta(days=1), C)
        ingest_all(p, 2, date_from=D2 + timedelta(days=1), date_to=D2 + timedelta(days=1))
        return seal(*sealed)

    monkeypatch.setattr(backdate, "seal", moved_meanwhile)
    ingest_all(p, date_from=D2, date_to=D2)
    assert (since(p), clean_rows(p)) == ({IN_TIME}, {D1: A, D2: B, D2 + timedelta(days=1): C})
    assert_whole(p)


def test_a_try_after_the_merge_tells_of_it_again(address: Address) -> None:
    p = late(address, B)
    deliver(address, D2, A)
    landed = ingest.intake(p, run("ingest"))
    first = ingest.write(p, run("ingest"), landed)
    again = ingest.write(p, run("ingest", 2), landed)
    assert first["merges"]
    assert again["merges"] == first["merges"]
    assert "backdated" in again["summary"]


def test_a_backdating_says_whose_rows_it_was_and_stands_under_its_own_run_key(address: Address) -> None:
    p = found(address)
    deliver(address, D2, B, later=6)
    done = ingest_all(p)
    deliver(address, D2, A)
    assert backdate.backdate(p, run("ingest"), read_ledger(p.lake, "toy")) == {}  # it has not landed yet
    ingest_all(p)
    (receipt,) = (one.receipt for one in read_ledger(p.lake, "toy").entries.values() if one.receipt.kind == "backdating")
    assert isinstance(receipt, BackdatingReceipt)
    assert [(one.owner, one.delivery, one.available_at) for one in receipt.backdated] == [(done["run_key"], 1, IN_TIME)]
    assert receipt_on(p.lake, "main", receipt.run_key) == receipt
