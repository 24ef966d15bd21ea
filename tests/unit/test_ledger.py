"""The ledger's fold, states of a delivery, what is to do, and what a withdrawal takes: without any server."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from lakeloop.core.contract import Column, TableContract
from lakeloop.core.deliveries import is_new, next_number, refusal_before_write, state_of, to_publish
from lakeloop.core.errors import PreconditionFailed
from lakeloop.core.holdout import Split
from lakeloop.core.lake import UnitId
from lakeloop.core.ledger import Entry, Ledger, fold, night_of
from lakeloop.core.receipts import (
    ActReceipt,
    AnyReceipt,
    DataReceipt,
    IntakeReceipt,
    JudgedRecord,
    LandedRecord,
    PromotionReceipt,
    PublishedRecord,
    RecalledRecord,
    RefusalReceipt,
    RefusedRecord,
    ScoredRecord,
    ScoresReceipt,
    WithdrawalReceipt,
    WithdrawnRecord,
)
from lakeloop.core.reports import Fingerprint, Refusal, RowAccount
from lakeloop.core.runs import Run
from lakeloop.core.scoring import Candidate, is_spent, open_dates, to_judge, to_score, too_late
from lakeloop.core.use_case import Label, Lookback, UseCase
from lakeloop.core.withdrawal import Condemned, cascade_of, check_same
from lakeloop.steps.training.prepare import matured_days, narrowed

D = [date(2024, 1, day) for day in range(1, 10)]
PRINT = Fingerprint(rows=2, hash="0" * 32)
COLUMNS = (Column(name="id", type="int", required=True),)
CASE = UseCase(
    name="toy",
    tables=(
        TableContract(name="inputs", columns=COLUMNS, key=("id",)),
        TableContract(name="labels", columns=COLUMNS, key=("id",), lag_days=2),
    ),
    features="toy:features",
    feature_names=("id",),
    entity=("id",),
    reads=(Lookback(table="inputs", first=0, last=0), Lookback(table="labels", first=4, last=2)),
    label=Label(table="labels", expression="1"),
    clock="feed",
)
VERSION = CASE.contract_version()
SWEEP = Run(case="toy:CASE", stage="ingest", run_id="r")


def said(run_key: str, **more: Any) -> dict[str, Any]:
    return {
        "run_key": run_key, "case": "toy", "stage": "x", "base_commit": "b", "audited_commit": "a", "gate_version": "g",
        "code_version": "c", "actor": "t", "run_id": "r", "created_at": datetime(2024, 1, 1, tzinfo=UTC), **more,
    }  # fmt: skip


def landed(day: date, number: int = 1, sha: str = "a", hour: int = 0, table: str = "inputs", **more: Any) -> LandedRecord:
    when = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(hours=4) + timedelta(hours=hour)
    return LandedRecord(
        table=table, data_date=day, delivery=number, sha256=sha * 64, files=("f",), rows=2, source="s", delivered_at=when, **more
    )


def published(record: LandedRecord) -> PublishedRecord:
    return PublishedRecord(
        **record.model_dump(include={"table", "data_date", "delivery", "sha256", "delivered_at"}),
        account=RowAccount(rows_in=2, published=2), fingerprint=PRINT, available_at=record.delivered_at,
    )  # fmt: skip


def data(run_key: str, *records: LandedRecord) -> DataReceipt:
    return DataReceipt(**said(run_key), contract_version=VERSION, published=tuple(published(one) for one in records))


def intake(run_key: str, *records: LandedRecord) -> IntakeReceipt:
    return IntakeReceipt(**said(run_key), landed=records)


def refusal(run_key: str, record: LandedRecord) -> RefusalReceipt:
    refused = RefusedRecord(
        **record.model_dump(include={"table", "data_date", "delivery", "sha256"}), refusal=Refusal(code="x", message="m")
    )
    return RefusalReceipt(**said(run_key), contract_version=VERSION, refused=(refused,))


def withdrawal(run_key: str, record: LandedRecord, condemned: str, **more: Any) -> WithdrawalReceipt:
    gone = WithdrawnRecord(
        **record.model_dump(include={"table", "data_date", "delivery", "sha256"}), condemned=condemned, condemned_commit="m"
    )
    return WithdrawalReceipt(**said(run_key), withdrawn=(gone,), **more)


def promotion(seq: int = 1, reads: Any = None) -> PromotionReceipt:
    return PromotionReceipt(
        **said(f"p{seq}"), seq=seq, model_name="toy", model_version=seq, model_sha256="0", data_commit="d", metrics={},
        gates=(), reads=reads or {},
    )  # fmt: skip


def after(*receipts: AnyReceipt) -> Ledger:
    entries = [Entry(f"m{n + 1}", f"m{n}", receipt) for n, receipt in enumerate(receipts)]
    return fold("head", "toy", entries)


def candidate(run_key: str, *days: date, reads: Any, hours: int = 0) -> Candidate:
    receipt = ScoresReceipt(
        **said(run_key, created_at=datetime(2024, 1, 1, tzinfo=UTC) + timedelta(hours=hours)), data_commit="d", model_name="toy",
        model_version=1, model_sha256="0", contract_version=VERSION,
        dates=tuple(ScoredRecord(data_date=day, fingerprint=PRINT, reads=reads[day]) for day in days),
    )  # fmt: skip
    return Candidate(f"run-toy-score-{run_key}", "c", receipt)


def act(key: str, *days: date, reads: Any) -> ActReceipt:
    return ActReceipt(
        **said(f"act-{key}"), candidate=key, candidate_branch="b", candidate_commit="c", model_version=1,
        judged=tuple(JudgedRecord(data_date=day, verdict="ok", trust="trusted", reads=reads[day]) for day in days),
    )  # fmt: skip


def test_a_delivery_goes_from_taken_in_to_published_and_an_older_one_is_superseded() -> None:
    old, new = landed(D[0], 1, "a"), landed(D[0], 2, "b", hour=1)
    ledger = after(intake("i", old, new))
    assert [state_of(ledger, one, VERSION) for one in (old, new)] == ["taken in", "taken in"]
    assert to_publish(ledger, CASE, SWEEP) == [new]
    ledger = after(intake("i", old, new), data("d", new))
    assert [state_of(ledger, one, VERSION) for one in (old, new)] == ["superseded", "published"]


def test_a_refused_delivery_is_tried_again_only_under_a_new_contract() -> None:
    record = landed(D[0])
    ledger = after(intake("i", record), refusal("r", record))
    assert state_of(ledger, record, VERSION) == "refused"
    assert state_of(ledger, record, "inputs2-labels1") == "taken in"
    newer = landed(D[0], 2, "b", hour=1)
    ledger = after(intake("i", record, newer), refusal("r", record))
    assert to_publish(ledger, CASE, SWEEP) == [newer]


def test_the_same_bytes_are_new_only_when_main_does_not_hold_them() -> None:
    first, second = landed(D[0], 1, "a"), landed(D[0], 2, "b", hour=1)
    again = landed(D[0], 0, "a", hour=2)
    assert not is_new(after(intake("i", first), data("d", first)), again)
    assert is_new(after(intake("i", first, second), data("d", first), data("e", second)), again)
    assert not is_new(after(intake("i", first)), landed(D[0], 0, "a"))
    assert next_number(after(intake("i", first, second)), again) == 3


def test_withdrawn_bytes_are_refused_by_the_verdicts_name_unless_reinstated() -> None:
    record = landed(D[0])
    ledger = after(intake("i", record), data("d", record), withdrawal("w", record, "d"))
    assert ledger.owner(record.unit) is None
    assert state_of(ledger, record, VERSION) == "withdrawn"
    again = landed(D[0], 2, "a", hour=3)
    refused = refusal_before_write(ledger, again, SWEEP)
    assert refused is not None
    assert "data_fault" in refused.message
    reinstating = SWEEP.model_copy(update={"reinstate": "checked"})
    assert refusal_before_write(ledger, again, reinstating) is None
    assert to_publish(ledger, CASE, SWEEP) == []
    assert to_publish(ledger, CASE, reinstating) == [record]


def test_a_withdrawn_restatement_gives_the_rows_back_to_the_earlier_owner() -> None:
    first, second = landed(D[0], 1, "a"), landed(D[0], 2, "b", hour=1)
    ledger = after(intake("i", first, second), data("d1", first), data("d2", second), withdrawal("w", second, "d2"))
    owner = ledger.owner(first.unit)
    assert owner is not None
    assert (owner.run_key, state_of(ledger, first, VERSION)) == ("d1", "published")


def test_a_range_names_nights_so_a_late_table_is_shifted_by_its_lag() -> None:
    inputs, labels = landed(D[4]), landed(D[2], table="labels")
    other = landed(D[4], table="labels")
    ledger = after(intake("i", inputs, labels, other))
    night = SWEEP.model_copy(update={"date_from": D[4], "date_to": D[4]})
    assert to_publish(ledger, CASE, night) == [inputs, labels]


def test_available_at_is_the_first_deliverys_time_and_business_time_never_runs_backwards() -> None:
    first, repair = landed(D[0], 1, "a"), landed(D[0], 2, "b", hour=30)
    ledger = after(intake("i", first), intake("j", repair), intake("k", landed(D[1], table="labels")))
    assert ledger.available_at(first.unit) == first.delivered_at
    assert ledger.business_time() == repair.delivered_at
    assert night_of(first.delivered_at, CASE) == D[0]


def test_scoring_begins_on_the_night_after_the_first_promotion() -> None:
    records = [landed(day) for day in D[:4]]
    before = [intake("i", *records[:2]), data("d", *records[:2])]
    later = [intake("j", *records[2:]), data("e", *records[2:])]
    assert to_score(after(*before), CASE, SWEEP, []) == []
    ledger = after(*before, promotion(), *later)
    assert to_score(ledger, CASE, SWEEP, []) == [D[2], D[3]]
    reads = {D[2]: ledger.reads_of(CASE.reads_of(D[2]))}
    assert to_score(ledger, CASE, SWEEP, [candidate("c", D[2], reads=reads)]) == [D[3]]


def test_a_case_on_wall_time_is_scored_from_the_day_after_its_promotion_by_the_clock() -> None:
    records = [landed(day) for day in D[:5]]
    ledger = after(intake("i", *records), data("d", *records), promotion())  # created at D1, when all five had landed
    live = CASE.model_copy(update={"clock": "wall"})
    assert to_score(ledger, live, SWEEP, []) == [D[2], D[3], D[4]]
    assert to_score(ledger, CASE, SWEEP, []) == []


def test_a_date_whose_own_data_came_after_its_prediction_is_neither_scored_nor_learnt_from() -> None:
    late, labels = landed(D[2], hour=5), landed(D[2], table="labels", hour=60)
    ledger = after(intake("h", landed(D[0])), promotion(), intake("i", late, labels), data("d", late, labels))
    assert to_score(ledger, CASE, SWEEP, []) == []
    assert too_late(ledger, CASE, SWEEP) == {D[2]: ["inputs"]}
    assert matured_days(ledger, CASE, SWEEP) == []


@pytest.mark.parametrize(
    ("last", "words"),
    [(None, ""), (D[4], ""), (D[8], ""), (D[3], "2024-01-01 to 2024-01-04"), (D[2], "2024-01-01 to 2024-01-03")],
)
def test_a_range_that_leaves_out_newer_matured_days_is_told(last: date | None, words: str) -> None:
    records = [landed(day, table=table) for day in D[:5] for table in ("inputs", "labels")]
    ledger = after(intake("i", *records), data("d", *records))
    asked = SWEEP.model_copy(update={"date_from": last and D[0], "date_to": last})
    days = matured_days(ledger, CASE, asked)
    assert narrowed(ledger, CASE, asked, Split(tuple(days[:-1]), (days[-1],))) == words


def test_scores_of_a_date_stand_while_main_holds_the_data_of_that_date_they_were_made_from() -> None:
    record = landed(D[2])
    base = [intake("h", landed(D[0])), promotion(), intake("i", record), data("d", record)]
    reads = {D[2]: after(*base).reads_of(CASE.reads_of(D[2]))}
    scored = [*base, act("c", D[2], reads=reads)]
    assert to_score(after(*scored), CASE, SWEEP, []) == []
    restated = landed(D[2], 2, "b", hour=1)
    assert to_score(after(*scored, intake("j", restated), data("e", restated)), CASE, SWEEP, []) == [D[2]]


def test_a_candidate_is_open_until_it_is_judged_or_what_it_read_belongs_to_another() -> None:
    record = landed(D[2])
    base = [promotion(), intake("i", record), data("d", record)]
    reads = {D[2]: after(*base).reads_of(CASE.reads_of(D[2]))}
    one = candidate("c", D[2], reads=reads)
    assert open_dates(after(*base), one) == [D[2]]
    assert is_spent(after(*base, act("c", D[2], reads=reads)), one)
    assert is_spent(after(*base, data("d2", landed(D[2], 2, "b", hour=1))), one)


def test_of_two_candidates_for_a_date_the_newer_is_judged() -> None:
    record = landed(D[2])
    ledger = after(promotion(), intake("i", record), data("d", record))
    reads = {D[2]: ledger.reads_of(CASE.reads_of(D[2]))}
    older, newer = candidate("old", D[2], reads=reads), candidate("new", D[2], reads=reads, hours=1)
    assert to_judge(ledger, SWEEP, [older, newer]) == {"new": [D[2]]}


def test_reads_keep_to_what_was_available_at_the_prediction() -> None:
    late = landed(D[2], table="labels", hour=60)
    ledger = after(intake("i", late), data("d", late))
    wanted = {"labels": [D[2]]}
    assert ledger.reads_of(wanted) == {"labels": {"d": [D[2]]}}
    assert ledger.reads_of(wanted, until=CASE.prediction_time(D[4])) == {}


def test_a_withdrawal_takes_with_it_whoever_had_read_the_unit() -> None:
    record, other = landed(D[2]), landed(D[3])
    base = [intake("i", record, other), data("d", record), data("e", other)]
    reads = {day: after(*base).reads_of({"inputs": [day]}) for day in (D[2], D[3])}
    ledger = after(*base, promotion(reads=reads[D[2]]), act("c", D[2], D[3], reads=reads))
    condemned = [Condemned(record.unit, "d", "bad")]
    waiting = [candidate("w", D[2], reads=reads), candidate("x", D[3], reads=reads)]
    cascade = cascade_of(ledger, condemned, waiting)
    assert cascade.recalled == {D[2]: "c"}
    assert cascade.dropped == ("w",)
    assert cascade.flagged == (1,)
    grown = after(*base, promotion(reads=reads[D[2]]))
    with pytest.raises(PreconditionFailed, match="published meanwhile"):
        check_same(cascade, condemned, grown, waiting)
    with pytest.raises(PreconditionFailed, match="belongs to"):
        cascade_of(ledger, [Condemned(record.unit, "other", "bad")], [])
    with pytest.raises(PreconditionFailed, match="not on main"):
        cascade_of(ledger, [Condemned(UnitId("inputs", D[8]), "d", "bad")], [])


def test_recalled_scores_are_to_be_scored_again_and_others_are_not() -> None:
    record = landed(D[2])
    base = [intake("h", landed(D[0])), promotion(), intake("i", record), data("d", record)]
    reads = {D[2]: after(*base).reads_of({"inputs": [D[2]]})}
    recall = withdrawal("w", record, "d", recalled=(RecalledRecord(data_date=D[2], scores="c", rows=2),))
    again = landed(D[2], 2, "b", hour=1)
    ledger = after(*base, act("c", D[2], reads=reads), recall, intake("j", again), data("e", again))
    assert ledger.scores[D[2]].recalled
    assert to_score(ledger, CASE, SWEEP, []) == [D[2]]


def test_rows_are_conserved_or_the_account_cannot_be_written() -> None:
    with pytest.raises(ValueError, match="3 rows came in but 2 are accounted for"):
        RowAccount(rows_in=3, published=2)
    with pytest.raises(ValueError, match="do not add up"):
        RowAccount(rows_in=3, published=2, quarantined=1, by_first_reason={"x": 2})
