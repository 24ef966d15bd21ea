"""What main says: the fold of its receipts, in the order in which they were merged."""

from collections.abc import Iterable
from copy import copy
from dataclasses import dataclass, field, fields
from datetime import date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from lakeloop.core.champions import line_of
from lakeloop.core.lake import Delivery, UnitId
from lakeloop.core.lazy_dict import LazyDict
from lakeloop.core.receipts import (
    ActReceipt,
    AnyReceipt,
    BackdatingReceipt,
    DataReceipt,
    IntakeReceipt,
    JudgedRecord,
    LandedRecord,
    PromotionReceipt,
    PublishedRecord,
    Reads,
    RefusalReceipt,
    RefusedRecord,
    RetentionReceipt,
    SettledRecord,
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
    contract_version: str = ""


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
    entries: LazyDict[str, Entry] = field(default_factory=LazyDict)
    landed: LazyDict[UnitId, list[LandedRecord]] = field(default_factory=LazyDict)
    owners: LazyDict[UnitId, list[Owner]] = field(default_factory=LazyDict)
    refused: dict[Delivery, tuple[RefusedRecord, str]] = field(default_factory=dict)
    withdrawn: dict[tuple[UnitId, str], tuple[WithdrawnRecord, str]] = field(default_factory=dict)
    scores: LazyDict[date, PublishedScores] = field(default_factory=LazyDict)
    judged: set[tuple[str, date]] = field(default_factory=set)
    settled: dict[tuple[date, frozenset[tuple[str, str]]], SettledRecord] = field(default_factory=dict)  # (table, receipt) pairs
    accepted: dict[frozenset[Delivery], str] = field(default_factory=dict)  # at fault by a verdict, left by a person: their words
    dropped: set[str] = field(default_factory=set)
    promotions: list[PromotionReceipt] = field(default_factory=list)
    promoted_at: list[datetime | None] = field(default_factory=list)
    flagged: set[int] = field(default_factory=set)
    gone: dict[Delivery, str] = field(default_factory=dict)  # whose bytes a retention took from landing/: its run key

    def owner(self, unit: UnitId) -> Owner | None:
        """Who owns a unit's rows now; None means that main holds none."""
        stack = self.owners.get(unit)
        return stack[-1] if stack else None

    def deliveries(self, data_date: date, tables: Iterable[str]) -> frozenset[Delivery]:
        """The deliveries whose rows main holds of a date."""
        owners = (self.owner(UnitId(table, data_date)) for table in tables)
        return frozenset(owner.record.id for owner in owners if owner)

    def business_time(self) -> datetime | None:
        """The newest landed delivery's time, which never runs backwards."""
        times = [record.delivered_at for records in self.landed.values() for record in records]
        return max(times, default=None)

    def available_at(self, unit: UnitId) -> datetime | None:
        """The first delivery's time of a unit; repairs and restatements inherit it, as do rows that were there before it."""
        return min((record.delivered_at for record in self.landed.get(unit, ())), default=None)

    @property
    def champion(self) -> PromotionReceipt | None:
        """The newest promotion."""
        return self.promotions[-1] if self.promotions else None

    @property
    def champion_scores(self) -> dict[date, PublishedScores]:
        """Published scores that stand and are those of today's champion; none without one."""
        version = self.champion.model_version if self.champion else None
        return {day: held for day, held in self.scores.items() if held.model_version == version and not held.recalled}

    @property
    def cut_off(self) -> date | None:
        """The last day the champion learnt from; None without a champion, or where its receipt does not say."""
        return self.champion.trained_to if self.champion else None

    def today(self, case: UseCase, wall: datetime) -> date:
        """The date by the case's own clock: of `wall`, or of the newest delivery where the feed is the clock."""
        moment = wall if case.clock == "wall" else self.business_time() or wall
        return moment.astimezone(ZoneInfo(case.timezone)).date()

    @property
    def previous(self) -> PromotionReceipt | None:
        """What a rollback goes back to: the champion before, never one that was rolled back from."""
        return next(iter(line_of(self.promotions)[-2:-1]), None)

    def promotion_of(self, version: int) -> PromotionReceipt | None:
        """The newest promotion of a version; None of one that never was champion."""
        return next((one for one in reversed(self.promotions) if one.model_version == version), None)

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


def fold(head: str, case: str, entries: Iterable[Entry], before: Ledger | None = None) -> Ledger:
    """The state of a case after these entries, oldest first, on top of the one before them, which stays as it is.

    What other cases did leaves nothing in it, so that all states together grow as main does.
    """
    ledger = _copied(before, head) if before else Ledger(head)
    for entry in entries:
        if entry.receipt.case == case:
            ledger.entries[entry.receipt.run_key] = entry
            _apply(ledger, entry)
    return ledger


def _copied(ledger: Ledger, head: str) -> Ledger:
    """The same at another commit; its lists of deliveries and owners are shared, and are never changed but exchanged."""
    held = {each.name: copy(getattr(ledger, each.name)) for each in fields(ledger)}
    return Ledger(**held | {"head": head})


def _apply(ledger: Ledger, entry: Entry) -> None:
    receipt = entry.receipt
    if isinstance(receipt, IntakeReceipt):
        for record in receipt.landed:
            ledger.landed[record.unit] = [*ledger.landed.get(record.unit, ()), record]
    elif isinstance(receipt, DataReceipt | RefusalReceipt):
        _apply_data(ledger, entry, receipt)
    elif isinstance(receipt, BackdatingReceipt):
        _apply_backdating(ledger, receipt)
    elif isinstance(receipt, ActReceipt):
        _apply_act(ledger, receipt)
        _apply_settled(ledger, receipt)
    elif isinstance(receipt, WithdrawalReceipt):
        _apply_withdrawal(ledger, receipt)
    elif isinstance(receipt, RetentionReceipt):
        ledger.gone.update(dict.fromkeys((one.id for one in receipt.deliveries), receipt.run_key))
    elif isinstance(receipt, PromotionReceipt):
        ledger.promotions.append(receipt)
        ledger.promoted_at.append(ledger.business_time())


def _apply_data(ledger: Ledger, entry: Entry, receipt: DataReceipt | RefusalReceipt) -> None:
    for refused in receipt.refused:
        ledger.refused[refused.id] = (refused, receipt.contract_version)
    if isinstance(receipt, DataReceipt):
        for record in receipt.published:
            _keep_accepted(ledger, record, receipt.run_key)
            owner = Owner(record, receipt.run_key, entry.commit, entry.parent, receipt.contract_version)
            ledger.owners[record.unit] = [*ledger.owners.get(record.unit, ()), owner]
            ledger.withdrawn.pop((record.unit, record.sha256), None)


def _apply_backdating(ledger: Ledger, receipt: BackdatingReceipt) -> None:
    for record in receipt.backdated:
        stack = ledger.owners[record.unit]
        if stack[-1].run_key == record.owner:
            said = {"available_at": record.available_at, "fingerprint": record.fingerprint}
            ledger.owners[record.unit] = [*stack[:-1], stack[-1]._replace(record=stack[-1].record.model_copy(update=said))]


def _keep_accepted(ledger: Ledger, record: PublishedRecord, run_key: str) -> None:
    """A replay that changed no row of a unit leaves what a person accepted of it."""
    owner = ledger.owner(record.unit)
    if not owner or owner.record.id != record.id or not record.change or not record.change.is_none:
        return
    for settled in [one for (day, _), one in ledger.settled.items() if day == record.data_date]:
        if settled.trust and settled.sources.get(record.table) == owner.run_key:
            _settle(ledger, settled.model_copy(update={"sources": {**settled.sources, record.table: run_key}}))


def _settle(ledger: Ledger, settled: SettledRecord) -> None:
    ledger.settled[(settled.data_date, frozenset(settled.sources.items()))] = settled


def _apply_act(ledger: Ledger, receipt: ActReceipt) -> None:
    for record in receipt.judged:
        if record.verdict == "data_fault":
            own = [table for table, reads in record.reads.items() if any(record.data_date in days for days in reads.values())]
            ledger.accepted[ledger.deliveries(record.data_date, own)] = record.words
        ledger.judged.add((receipt.candidate, record.data_date))
        ledger.scores[record.data_date] = PublishedScores(
            record, receipt.candidate, receipt.run_key, receipt.model_version, recalled=False
        )


def _apply_settled(ledger: Ledger, receipt: ActReceipt) -> None:
    for settled in receipt.settled:
        _settle(ledger, settled)
        if settled.trust:
            ledger.accepted[ledger.deliveries(settled.data_date, settled.sources)] = settled.words
        held = ledger.scores.get(settled.data_date)
        if held and settled.degrades(held.record.reads):
            record = held.record.model_copy(update={"trust": settled.trust, "words": settled.words})
            ledger.scores[settled.data_date] = held._replace(record=record)


def _apply_withdrawal(ledger: Ledger, receipt: WithdrawalReceipt) -> None:
    for record in receipt.withdrawn:
        stack = ledger.owners.get(record.unit)
        if stack and stack[-1].run_key == record.condemned:
            ledger.owners[record.unit] = stack[:-1]
        ledger.withdrawn[(record.unit, record.sha256)] = (record, receipt.run_key)
    for recalled in receipt.recalled:
        held = ledger.scores.get(recalled.data_date)
        if held and held.candidate == recalled.scores:
            ledger.scores[recalled.data_date] = held._replace(recalled=True)
    ledger.dropped.update(receipt.dropped)
    ledger.flagged.update(receipt.flagged_models)
