"""What main says: the fold of its receipts, in the order in which they were merged."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from lakeloop.core.lake import Delivery, UnitId
from lakeloop.core.receipts import (
    ActReceipt,
    AnyReceipt,
    DataReceipt,
    IntakeReceipt,
    JudgedRecord,
    LandedRecord,
    PromotionReceipt,
    PublishedRecord,
    Reads,
    RefusalReceipt,
    RefusedRecord,
    WithdrawalReceipt,
    WithdrawnRecord,
)
from lakeloop.core.use_case import UseCase


class Entry(NamedTuple):
    """A receipt on main with the merge that brought it; `parent` is main before that merge."""

    commit: str
    parent: str
    receipt: AnyReceipt


class Owner(NamedTuple):
    """Who main's rows of a unit belong to."""

    record: PublishedRecord
    run_key: str
    commit: str
    parent: str


class PublishedScores(NamedTuple):
    """The scores that main holds of a date."""

    record: JudgedRecord
    candidate: str
    act: str
    model_version: int
    recalled: bool


@dataclass
class Ledger:
    """One case's state at one commit of main."""

    head: str
    entries: dict[str, Entry] = field(default_factory=dict)
    landed: dict[UnitId, list[LandedRecord]] = field(default_factory=lambda: defaultdict(list))
    owners: dict[UnitId, list[Owner]] = field(default_factory=lambda: defaultdict(list))
    refused: dict[Delivery, tuple[RefusedRecord, str]] = field(default_factory=dict)
    withdrawn: dict[tuple[UnitId, str], tuple[WithdrawnRecord, str]] = field(default_factory=dict)
    scores: dict[date, PublishedScores] = field(default_factory=dict)
    judged: set[tuple[str, date]] = field(default_factory=set)
    dropped: set[str] = field(default_factory=set)
    promotions: list[PromotionReceipt] = field(default_factory=list)
    promoted_at: list[datetime | None] = field(default_factory=list)
    flagged: set[int] = field(default_factory=set)

    def owner(self, unit: UnitId) -> Owner | None:
        """Who owns a unit's rows now; None means that main holds none."""
        stack = self.owners.get(unit)
        return stack[-1] if stack else None

    def business_time(self) -> datetime | None:
        """The newest landed delivery's time, which never runs backwards."""
        times = [record.delivered_at for records in self.landed.values() for record in records]
        return max(times, default=None)

    def available_at(self, unit: UnitId) -> datetime | None:
        """The first delivery's time of a unit; repairs and restatements inherit it."""
        return min((record.delivered_at for record in self.landed.get(unit, ())), default=None)

    @property
    def champion(self) -> PromotionReceipt | None:
        """The newest promotion."""
        return self.promotions[-1] if self.promotions else None

    def scores_from(self, case: UseCase) -> date | None:
        """The first night that is scored: the one after the night of the first promotion, by the case's own clock."""
        if not self.promotions:
            return None
        moment = self.promotions[0].created_at if case.clock == "wall" else self.promoted_at[0]
        return night_of(moment, case) + timedelta(days=1) if moment else None

    def reads_hold(self, reads: Reads) -> bool:
        """Whether every unit that was read still belongs to the receipt it was read from."""
        return not self.lost_reads(reads)

    def lost_reads(self, reads: Reads) -> list[UnitId]:
        """Units that were read and belong to somebody else now."""
        lost = []
        for table, receipts in reads.items():
            for run_key, dates in receipts.items():
                for data_date in dates:
                    owner = self.owner(UnitId(table, data_date))
                    if owner is None or owner.run_key != run_key:
                        lost.append(UnitId(table, data_date))
        return lost

    def reads_of(self, wanted: dict[str, list[date]], until: datetime | None = None) -> Reads:
        """The receipts behind the wanted dates that are published (and were available by `until`)."""
        reads: Reads = {}
        for table, dates in wanted.items():
            for data_date in dates:
                owner = self.owner(UnitId(table, data_date))
                if owner and (until is None or owner.record.available_at <= until):
                    reads.setdefault(table, {}).setdefault(owner.run_key, []).append(data_date)
        return reads


def night_of(moment: datetime, case: UseCase) -> date:
    """The night whose delivery time a moment is: deliveries of D come on the evening before D."""
    return moment.astimezone(ZoneInfo(case.timezone)).date() + timedelta(days=1)


def fold(head: str, case: str, entries: Iterable[Entry]) -> Ledger:
    """The state of a case after these entries, oldest first."""
    ledger = Ledger(head)
    for entry in entries:
        ledger.entries[entry.receipt.run_key] = entry
        if entry.receipt.case == case:
            _apply(ledger, entry)
    return ledger


def _apply(ledger: Ledger, entry: Entry) -> None:
    receipt = entry.receipt
    if isinstance(receipt, IntakeReceipt):
        for record in receipt.landed:
            ledger.landed[record.unit].append(record)
    elif isinstance(receipt, DataReceipt | RefusalReceipt):
        _apply_data(ledger, entry, receipt)
    elif isinstance(receipt, ActReceipt):
        _apply_act(ledger, receipt)
    elif isinstance(receipt, WithdrawalReceipt):
        _apply_withdrawal(ledger, receipt)
    elif isinstance(receipt, PromotionReceipt):
        ledger.promotions.append(receipt)
        ledger.promoted_at.append(ledger.business_time())


def _apply_data(ledger: Ledger, entry: Entry, receipt: DataReceipt | RefusalReceipt) -> None:
    for refused in receipt.refused:
        ledger.refused[refused.id] = (refused, receipt.contract_version)
    if isinstance(receipt, DataReceipt):
        for record in receipt.published:
            ledger.owners[record.unit].append(Owner(record, receipt.run_key, entry.commit, entry.parent))
            ledger.withdrawn.pop((record.unit, record.sha256), None)


def _apply_act(ledger: Ledger, receipt: ActReceipt) -> None:
    for record in receipt.judged:
        ledger.judged.add((receipt.candidate, record.data_date))
        ledger.scores[record.data_date] = PublishedScores(
            record, receipt.candidate, receipt.run_key, receipt.model_version, recalled=False
        )


def _apply_withdrawal(ledger: Ledger, receipt: WithdrawalReceipt) -> None:
    for record in receipt.withdrawn:
        stack = ledger.owners[record.unit]
        if stack and stack[-1].run_key == record.condemned:
            stack.pop()
        ledger.withdrawn[(record.unit, record.sha256)] = (record, receipt.run_key)
    for recalled in receipt.recalled:
        held = ledger.scores.get(recalled.data_date)
        if held and held.candidate == recalled.scores:
            ledger.scores[recalled.data_date] = held._replace(recalled=True)
    ledger.dropped.update(receipt.dropped)
    ledger.flagged.update(receipt.flagged_models)
