"""The loop's seams without faults: what lands, publishes, restates, refuses, is withdrawn and recalled."""

from datetime import timedelta

from lakeloop.steps.history import read_ledger
from tests.protocol.delta_runner import FAULT
from tests.protocol.world import (
    DAY_ONE,
    Address,
    assert_whole,
    clean_rows,
    crown,
    deliver,
    found,
    ingest_all,
    run,
    score_all,
    trusts,
    verdict_rows,
    watch_all,
)

D1, D2, D3 = (DAY_ONE + timedelta(days=n) for n in range(3))
A, B = {1: 1.0, 2: 2.0}, {1: 10.0, 2: 20.0, 3: 30.0}


def test_a_delivery_becomes_rows_on_main_and_the_same_run_again_changes_nothing(address: Address) -> None:
    p = found(address)
    deliver(address, D1, A)
    done = ingest_all(p)
    head = p.lake.head("main")
    again = ingest_all(p, attempt=2)
    assert (done["published"], clean_rows(p)) == (1, {D1: A})
    assert again["nothing_to_do"]
    assert p.lake.head("main") == head
    assert_whole(p)


def test_a_then_b_then_a_again_ends_in_a(address: Address) -> None:
    p = found(address)
    for hour, rows in enumerate((A, B, A)):
        deliver(address, D1, rows, later=hour)
        ingest_all(p)
        assert clean_rows(p) == {D1: rows}
    assert [one.delivery for one in read_ledger(p.lake, "toy").landed[("readings", D1)]] == [1, 2, 3]  # type: ignore[index]
    assert_whole(p)


def test_the_same_bytes_delivered_again_are_no_work(address: Address) -> None:
    p = found(address)
    deliver(address, D1, A)
    ingest_all(p)
    head = p.lake.head("main")
    deliver(address, D1, A, later=1)
    assert ingest_all(p)["nothing_to_do"]
    assert p.lake.head("main") == head


def test_a_damaged_delivery_is_refused_its_bytes_are_kept_and_others_are_published(address: Address) -> None:
    p = found(address)
    deliver(address, D1, A)
    deliver(address, D2, B, damaged=True)
    done = ingest_all(p)
    assert (done["published"], done["refused"]) == (1, 1)
    assert clean_rows(p) == {D1: A}
    assert "bytes" in done["refusals"][0]
    assert any(path.endswith("readings.csv") for path in p.lake.list("main", f"landing/toy/readings/{D2}/"))
    assert ingest_all(p, attempt=2)["nothing_to_do"]  # not tried again
    deliver(address, D2, B, later=5)
    ingest_all(p)
    assert clean_rows(p) == {D1: A, D2: B}
    assert_whole(p)


def test_a_unit_that_fails_its_audit_leaves_no_rows_and_does_not_hold_up_the_others(address: Address) -> None:
    p = found(address)
    deliver(address, D1, {1: 1.0})
    deliver(address, D2, B)
    done = ingest_all(p)
    assert (done["published"], done["refused"], clean_rows(p)) == (1, 1, {D2: B})
    assert_whole(p)


def test_bad_data_is_withdrawn_under_newer_dates_and_the_scores_that_read_it_are_recalled(address: Address) -> None:
    p = found(address)
    deliver(address, D1, A)
    ingest_all(p)
    crown(p)
    deliver(address, D2, A)
    ingest_all(p)
    score_all(p)
    assert watch_all(p)["published"] == 1
    assert trusts(p) == {D2: {"trusted"}}
    deliver(address, D2, {1: FAULT, 2: 1.0}, later=1)
    deliver(address, D3, B)
    ingest_all(p)
    score_all(p)
    told = watch_all(p)
    assert told["verdicts"] == {str(D3): "ok"}
    assert clean_rows(p)[D2] == {1: FAULT, 2: 1.0}  # D2 was judged on the older delivery
    assert_whole(p)


def test_a_fault_seen_by_the_watch_is_withdrawn_and_its_repair_is_published(address: Address) -> None:
    p = found(address)
    deliver(address, D1, A)
    ingest_all(p)
    crown(p)
    before = clean_rows(p)
    deliver(address, D2, {1: FAULT, 2: 1.0})
    ingest_all(p)
    score_all(p)
    told = watch_all(p)
    assert (told["withdrawn"], told["verdicts"]) == (1, {str(D2): "data_fault"})
    assert clean_rows(p) == before
    assert trusts(p) == {}
    assert list(p.lake.branches("run-toy-score")) == []
    assert verdict_rows(p) == [(str(D2), "data_fault")]
    assert ingest_all(p)["nothing_to_do"]
    deliver(address, D2, {1: FAULT, 2: 1.0}, later=1)
    refused = ingest_all(p)
    assert "withdrawn by verdict data_fault" in refused["refusals"][0]
    deliver(address, D2, B, later=2)
    ingest_all(p)
    score_all(p)
    watch_all(p)
    assert (clean_rows(p), trusts(p)) == ({D1: A, D2: B}, {D2: {"trusted"}})
    assert_whole(p)


def test_withdrawn_bytes_come_back_only_by_reinstate_with_a_reason(address: Address) -> None:
    p = found(address)
    faulty = {1: FAULT, 2: 1.0}
    deliver(address, D1, A)
    ingest_all(p)
    crown(p)
    deliver(address, D2, faulty)
    ingest_all(p)
    score_all(p)
    watch_all(p)
    done = ingest_all(p, reinstate="the supplier confirmed -999", date_from=D2, date_to=D2)
    assert done["published"] == 1
    assert clean_rows(p) == {D1: A, D2: faulty}
    assert_whole(p)


def test_a_range_names_nights_and_leaves_the_rest(address: Address) -> None:
    p = found(address)
    for day in (D1, D2, D3):
        deliver(address, day, A)
    ingest_all(p, date_from=D2, date_to=D2)
    assert set(clean_rows(p)) == {D2}
    assert run("ingest").date_from is None
    ingest_all(p)
    assert set(clean_rows(p)) == {D1, D2, D3}
    assert_whole(p)
