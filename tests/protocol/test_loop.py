"""The loop's seams without faults: what lands, publishes, restates, refuses, is withdrawn and recalled."""

from datetime import timedelta

import pytest

from lakeloop.adapters import delta_tables
from lakeloop.core.errors import PreconditionFailed
from lakeloop.core.jobs import Slice
from lakeloop.steps.history import read_ledger
from tests.protocol.delta_runner import FAULT
from tests.protocol.world import (
    DAY_ONE,
    Address,
    alerts,
    asking,
    assert_whole,
    clean_rows,
    crowned,
    deliver,
    found,
    ingest_all,
    run,
    score_all,
    scored_ids,
    taken_back,
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


def test_published_bytes_under_another_name_are_no_work(address: Address) -> None:
    p = found(address)
    deliver(address, D1, A)
    ingest_all(p)
    head = p.lake.head("main")
    deliver(address, D1, A, later=1, name="readings-20240101T0100.csv")
    assert (ingest_all(p)["nothing_to_do"], p.lake.head("main")) == (True, head)


def test_bytes_refused_for_the_name_of_their_file_are_taken_under_a_better_one(address: Address) -> None:
    p = found(address)
    deliver(address, D1, A, name="readings.txt")
    assert ingest_all(p)["refused"] == 1
    deliver(address, D1, A)
    assert (ingest_all(p)["published"], clean_rows(p)) == (1, {D1: A})
    assert_whole(p)


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


def test_a_restatement_of_a_scored_date_is_judged_as_well_and_withdrawn_under_newer_dates(address: Address) -> None:
    p = crowned(address, D1, A)
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
    assert told["verdicts"] == {str(D2): "data_fault"}  # D3's scores had read it and were dropped
    assert clean_rows(p) == {D1: A, D2: A, D3: B}
    score_all(p)
    assert watch_all(p)["verdicts"] == {str(D3): "ok"}
    assert trusts(p) == {D2: {"trusted"}, D3: {"trusted"}}
    assert_whole(p)


def test_a_restatement_of_a_scored_date_brings_new_scores_of_it(address: Address) -> None:
    p = crowned(address, D1, A)
    for hour, rows in enumerate((A, B)):
        deliver(address, D2, rows, later=hour)
        ingest_all(p)
        score_all(p)
        assert watch_all(p)["published"] == 1
        assert set(scored_ids(p)[D2]) == set(rows)
    assert score_all(p)["nothing_to_do"]
    assert_whole(p)


def test_data_that_came_after_the_prediction_was_due_is_published_but_not_scored_and_somebody_hears(address: Address) -> None:
    p = crowned(address, D1, A)
    deliver(address, D2, A, later=12)
    deliver(address, D3, B)
    ingest_all(p)
    for attempt in (1, 2):
        score_all(p, attempt)
    watch_all(p)
    assert clean_rows(p) == {D1: A, D2: A, D3: B}
    assert trusts(p) == {D3: {"trusted"}}
    late = [alert for alert in alerts(p) if "too late" in alert.title]
    assert [alert.title for alert in late] == [f"toy {D2}: too late to be predicted"]
    assert_whole(p)


def test_what_the_watch_holds_is_answered_by_a_person(address: Address) -> None:
    p, faulty = asking(crowned(address, D1, A)), {1: FAULT, 2: 1.0}
    deliver(address, D2, faulty)
    deliver(address, D3, faulty)
    ingest_all(p)
    score_all(p)
    told = watch_all(p)
    assert (told["held"], trusts(p), set(clean_rows(p))) == (2, {}, {D1, D2, D3})
    told = watch_all(p, 2, date_from=D3, date_to=D3, decide="withdraw", reason="not ours", actor="ada")
    assert (told["withdrawn"], set(clean_rows(p))) == (1, {D1, D2})
    told = watch_all(p, 3, date_from=D2, date_to=D2, decide="accept", reason="a storm", actor="ada")
    assert (told["published"], trusts(p)) == (1, {D2: {"degraded"}})
    assert "accepted by ada: a storm" in read_ledger(p.lake, "toy").scores[D2].record.words
    assert_whole(p)


def test_what_a_person_had_back_is_not_withdrawn_again_by_itself(address: Address) -> None:
    faulty = {1: FAULT, 2: 1.0}
    p = taken_back(address, D2, A, faulty)
    ingest_all(p, date_from=D2, date_to=D2, reinstate="the supplier confirmed -999")
    score_all(p)
    told = watch_all(p)
    assert (told["held"], told["withdrawn"], clean_rows(p)) == (1, 0, {D1: A, D2: faulty})
    assert any("the supplier confirmed -999" in str(alert.body) for alert in alerts(p))
    assert_whole(p)


def test_a_fault_seen_by_the_watch_is_withdrawn_and_its_repair_is_published(address: Address) -> None:
    p = crowned(address, D1, A)
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


def test_withdrawn_bytes_under_another_name_are_refused_with_their_verdict(address: Address) -> None:
    faulty = {1: FAULT, 2: 1.0}
    p = taken_back(address, D2, A, faulty)
    deliver(address, D2, faulty, later=1, name="readings-again.csv")
    refused = ingest_all(p)
    assert (refused["refused"], clean_rows(p)) == (1, {D1: A})
    assert "withdrawn by verdict data_fault" in refused["refusals"][0]
    assert_whole(p)


def test_withdrawn_bytes_come_back_only_by_reinstate_with_a_reason(address: Address) -> None:
    p, faulty = crowned(address, D1, A), {1: FAULT, 2: 1.0}
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


def test_a_candidate_that_waited_while_rows_came_to_be_hashed_otherwise_is_published(
    address: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    p = crowned(address, D1, A)
    deliver(address, D2, A)
    ingest_all(p)
    with monkeypatch.context() as older:
        before = delta_tables._FINGERPRINT.replace("md5_number_upper(line)", "md5_number_upper(line || 'x')")
        older.setattr(delta_tables, "_FINGERPRINT", before)
        score_all(p)
    assert (watch_all(p)["published"], trusts(p)) == (1, {D2: {"trusted"}})
    assert_whole(p)


def test_scores_that_are_not_the_judged_candidate_s_are_not_published(address: Address, monkeypatch: pytest.MonkeyPatch) -> None:
    p = crowned(address, D1, A)
    deliver(address, D2, A)
    ingest_all(p)
    score_all(p)
    copy = delta_tables.DeltaRsTables.copy

    def miscopied(self, source, branch, slices, assign=None):  # type: ignore[no-untyped-def]
        copy(self, source, branch, slices, assign)
        self.update(branch, [Slice(table=one.table, values=one.values) for one in slices], "score", "0.5")

    monkeypatch.setattr(delta_tables.DeltaRsTables, "copy", miscopied)
    with pytest.raises(PreconditionFailed, match="differ from the judged candidate"):
        watch_all(p)
    assert trusts(p) == {}
