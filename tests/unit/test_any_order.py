"""Any order in which the same deliveries pass, in whatever runs, ends with the same owners and times: over the pure ledger."""

from datetime import date, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from lakeloop.core.backdating import to_backdate
from lakeloop.core.deliveries import is_new, next_number, rank, refusal_before_write, to_publish
from lakeloop.core.lake import UnitId
from lakeloop.core.ledger import Entry, Ledger, fold
from lakeloop.core.receipts import (
    AnyReceipt,
    BackdatedRecord,
    BackdatingReceipt,
    DataReceipt,
    LandedRecord,
    PublishedRecord,
    RefusalReceipt,
    RefusedRecord,
    WithdrawalReceipt,
    WithdrawnRecord,
)
from lakeloop.core.reports import Fingerprint, Refusal, RowAccount
from tests.unit.small_ledger import CASE, DAY, SWEEP, VERSION, intake, landed, said

BAD, FAULTY = "b", "f"  # bytes that every audit refuses, and bytes that the watch withdraws as soon as it sees them
DAYS = (DAY, DAY + timedelta(days=1))


def sent(day: date, sha: str, hour: int, damage: str = "") -> LandedRecord:
    return landed(0, sha, hour, damage=damage).model_copy(update={"data_date": day})


BYTES = st.sampled_from(["a", "a", "c", BAD, FAULTY])  # most often the same, sent more than once
DELIVERIES = st.lists(
    st.builds(sent, st.sampled_from(DAYS), BYTES, st.integers(0, 3), st.sampled_from(["", "", "torn"])), max_size=7
)  # fmt: skip


class Main:
    """Main as it would stand: receipts in the order of their merges."""

    def __init__(self) -> None:
        self.receipts: list[AnyReceipt] = []

    @property
    def ledger(self) -> Ledger:
        return fold("head", "toy", [Entry(f"m{n + 1}", f"m{n}", one) for n, one in enumerate(self.receipts)])

    def run(self, arrived: list[LandedRecord]) -> None:
        """One sweep over everything that has arrived so far: intake, write, audit, publish, and the watch after it."""
        self._take_in(arrived)
        self._backdate()
        while chosen := to_publish(self.ledger, CASE, SWEEP):
            for record in chosen:
                self._work(record)
            self._withdraw()

    def owners(self) -> dict[UnitId, tuple[str, datetime]]:
        """Which bytes main holds of each unit, and since when they say to have been available."""
        ledger = self.ledger
        held = {unit: ledger.owner(unit) for unit in ledger.owners}
        return {unit: (one.record.sha256, one.record.available_at) for unit, one in held.items() if one}

    def _take_in(self, arrived: list[LandedRecord]) -> None:
        ledger, taken = self.ledger, dict[UnitId, list[LandedRecord]]()
        for record in sorted(arrived, key=rank):
            before = taken.setdefault(record.unit, [])
            if is_new(ledger, record, before):
                before.append(record.model_copy(update={"delivery": next_number(ledger, record, before)}))
        if any(taken.values()):
            self.receipts.append(intake(self._key(), *(one for records in taken.values() for one in records)))

    def _backdate(self) -> None:
        for one in to_backdate(self.ledger, CASE, SWEEP):
            names = one.owner.record.model_dump(include={"table", "data_date", "delivery", "sha256", "fingerprint"})
            said_of = BackdatedRecord(**names, owner=one.owner.run_key, available_at=one.available_at)
            self.receipts.append(BackdatingReceipt(**said(self._key()), backdated=(said_of,)))

    def _work(self, record: LandedRecord) -> None:
        ledger, names = self.ledger, record.model_dump(include={"table", "data_date", "delivery", "sha256"})
        refusal = refusal_before_write(ledger, record, SWEEP)
        if refusal is None and record.sha256[0] == BAD:
            refusal = Refusal(code="audit", message="")
        if refusal:
            one = RefusedRecord(**names, refusal=refusal)
            self.receipts.append(RefusalReceipt(**said(self._key()), contract_version=VERSION, refused=(one,)))
            return
        published = PublishedRecord(
            **names, account=RowAccount(rows_in=2, published=2), fingerprint=Fingerprint(rows=2, hash="0"),
            delivered_at=record.delivered_at, available_at=ledger.available_at(record.unit) or record.delivered_at,
        )  # fmt: skip
        self.receipts.append(DataReceipt(**said(self._key()), contract_version=VERSION, published=(published,)))

    def _withdraw(self) -> None:
        ledger = self.ledger
        for unit in ledger.owners:
            owner = ledger.owner(unit)
            if owner and owner.record.sha256[0] == FAULTY:
                names = owner.record.model_dump(include={"table", "data_date", "delivery", "sha256"})
                gone = WithdrawnRecord(**names, condemned=owner.run_key, condemned_commit=owner.commit)
                self.receipts.append(WithdrawalReceipt(**said(self._key()), withdrawn=(gone,)))

    def _key(self) -> str:
        return f"r{len(self.receipts)}"


def newest_good(deliveries: list[LandedRecord]) -> dict[UnitId, tuple[str, datetime]]:
    """What main should hold in the end: of each unit the bytes of the newest delivery that nothing is wrong with.

    They were available when the first delivery of the unit was sent, whatever was wrong with that.
    """
    good = [one for one in deliveries if not one.damage and one.sha256[0] not in {BAD, FAULTY}]
    first = {one.unit: one.delivered_at for one in sorted(deliveries, key=rank, reverse=True)}
    return {one.unit: (one.sha256, first[one.unit]) for one in sorted(good, key=rank)}


@settings(max_examples=200, deadline=None)
@given(st.data(), DELIVERIES)
def test_any_order_and_any_split_into_runs_ends_with_the_newest_good_delivery(
    data: st.DataObject, sent_in_order: list[LandedRecord]
) -> None:
    deliveries = [one.model_copy(update={"folder": str(n)}) for n, one in enumerate(sent_in_order)]
    order = data.draw(st.permutations(deliveries))
    main, arrived = Main(), list[LandedRecord]()
    for record in order:
        arrived.append(record)
        if data.draw(st.booleans()):
            main.run(arrived)
    main.run(arrived)
    assert main.owners() == newest_good(deliveries)
    main.run(arrived)  # bytes that main held then and holds no more are told as superseded one sweep later
    before = len(main.receipts)
    main.run(arrived)
    assert len(main.receipts) == before, "a sweep over what is known does nothing"
    assert main.owners() == newest_good(deliveries)
