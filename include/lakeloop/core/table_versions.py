"""Table versions: what each kind of work read and wrote, as its receipt says; pure."""

from collections.abc import Iterable
from datetime import date
from typing import NamedTuple

from lakeloop.core.lake import clean, quarantine, scores
from lakeloop.core.receipts import (
    ActReceipt,
    AnyReceipt,
    BackdatingReceipt,
    DataReceipt,
    IntakeReceipt,
    PromotionReceipt,
    PublishedRecord,
    Reads,
    RefusalReceipt,
    RefusedRecord,
    ScoresReceipt,
    WithdrawalReceipt,
)


class TableVersion(NamedTuple):
    """Some dates of a table as they stand at a commit; `rows` is None where nobody counted them."""

    path: str  # in the lake, e.g. clean/flights/weather
    commit: str
    dates: tuple[date, ...] = ()
    rows: int | None = None


class Made(NamedTuple):
    """What one piece of work read, and what it wrote."""

    inputs: tuple[TableVersion, ...]
    outputs: tuple[TableVersion, ...]


def made_by(receipt: AnyReceipt, commit: str) -> Made:
    """The table versions behind and before a receipt that stands at a commit; nothing for kinds that touch no table."""
    if isinstance(receipt, IntakeReceipt):
        return Made(
            (), _grouped(commit, ((_landing(receipt.case, one.table), one.data_date, one.rows) for one in receipt.landed))
        )
    if isinstance(receipt, DataReceipt | RefusalReceipt):
        return _made_by_data(receipt, commit)
    if isinstance(receipt, BackdatingReceipt):
        held = [(clean(receipt.case, one.table), one.data_date, one.fingerprint.rows) for one in receipt.backdated]
        return Made(_grouped(receipt.base_commit, held), _grouped(commit, held))
    if isinstance(receipt, ScoresReceipt):
        reads = [one.reads for one in receipt.dates]
        scored = ((scores(receipt.case), one.data_date, one.fingerprint.rows) for one in receipt.dates)
        return Made(_read(receipt.case, reads, receipt.data_commit), _grouped(commit, scored))
    if isinstance(receipt, ActReceipt):
        rows = [
            (scores(receipt.case), one.data_date, one.fingerprint.rows if one.fingerprint else None) for one in receipt.judged
        ]
        return Made(_grouped(receipt.candidate_commit, rows), _grouped(commit, rows))
    if isinstance(receipt, WithdrawalReceipt):
        gone = ((clean(receipt.case, one.table), one.data_date, None) for one in receipt.withdrawn)
        recalled = ((scores(receipt.case), one.data_date, one.rows) for one in receipt.recalled)
        return Made((), (*_grouped(commit, gone), *_grouped(commit, recalled)))
    if isinstance(receipt, PromotionReceipt):
        return Made(_read(receipt.case, [receipt.reads], receipt.data_commit), ())
    return Made((), ())


def _made_by_data(receipt: DataReceipt | RefusalReceipt, commit: str) -> Made:
    published = receipt.published if isinstance(receipt, DataReceipt) else ()
    units: list[PublishedRecord | RefusedRecord] = [*published, *receipt.refused]
    inputs = ((_landing(receipt.case, one.table), one.data_date, one.account.rows_in if one.account else None) for one in units)
    good = ((clean(receipt.case, one.table), one.data_date, one.account.published) for one in published)
    bad = (
        (quarantine(receipt.case, one.table), one.data_date, one.account.quarantined)
        for one in units
        if one.account and one.account.quarantined
    )
    return Made(_grouped(receipt.base_commit, inputs), (*_grouped(commit, good), *_grouped(commit, bad)))


def _read(case: str, reads: Iterable[Reads], commit: str) -> tuple[TableVersion, ...]:
    found = (
        (clean(case, table), day, None) for one in reads for table, keys in one.items() for days in keys.values() for day in days
    )
    return _grouped(commit, found)


def _grouped(commit: str, found: Iterable[tuple[str, date, int | None]]) -> tuple[TableVersion, ...]:
    dates: dict[str, set[date]] = {}
    rows: dict[str, list[int | None]] = {}
    for path, day, count in found:
        dates.setdefault(path, set()).add(day)
        rows.setdefault(path, []).append(count)
    return tuple(
        TableVersion(path, commit, tuple(sorted(dates[path])), _sum(rows[path]))
        for path in sorted(dates)
    )  # fmt: skip


def _sum(counts: list[int | None]) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if len(known) == len(counts) else None


def _landing(case: str, table: str) -> str:
    return f"landing/{case}/{table}"
