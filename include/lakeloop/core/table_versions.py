"""Table versions: what each kind of work read and wrote, as its receipt says; pure."""

from collections.abc import Callable, Iterable
from datetime import date
from typing import NamedTuple

from lakeloop.core.lake import clean, profiles, quarantine, scores, verdicts
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
    RetentionReceipt,
    ScoresReceipt,
    WithdrawalReceipt,
    WithdrawnRecord,
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


MergeOf = Callable[[str], str | None]  # run key -> the merge that brought its receipt to main; nothing where there is none


def made_by(receipt: AnyReceipt, commit: str, merge_of: MergeOf) -> Made:
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
        return _made_by_act(receipt, commit)
    if isinstance(receipt, WithdrawalReceipt):
        return _made_by_withdrawal(receipt, commit, merge_of)
    if isinstance(receipt, PromotionReceipt):
        return Made(_read(receipt.case, [receipt.reads], receipt.data_commit), ())
    if isinstance(receipt, RetentionReceipt):
        fewer = [one.path.rstrip("/") for one in receipt.removed if one.what == "quarantine"]  # all else is in no table
        return Made(*(tuple(TableVersion(path, at) for path in fewer) for at in (receipt.base_commit, commit)))
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


def _made_by_act(receipt: ActReceipt, commit: str) -> Made:
    """Judged dates come from their candidate; of settled ones the tables were compared, and an accepted fault is told."""
    rows = [(scores(receipt.case), one.data_date, one.fingerprint.rows if one.fingerprint else None) for one in receipt.judged]
    compared = ((clean(receipt.case, table), one.data_date, None) for one in receipt.settled for table in one.sources)
    told = [one.data_date for one in receipt.judged] + [one.data_date for one in receipt.settled if one.trust]
    profiled = [day for _, day, count in rows if count]  # a date without scores has no profile
    watched = [(verdicts(receipt.case), day, None) for day in told] + [(profiles(receipt.case), day, None) for day in profiled]
    return Made(
        (*_grouped(receipt.candidate_commit, rows), *_grouped(receipt.base_commit, compared)),
        _grouped(commit, [*rows, *watched]),
    )


def _made_by_withdrawal(receipt: WithdrawalReceipt, commit: str, merge_of: MergeOf) -> Made:
    """Its rows are those of the version it goes back to, where there is one; recalled scores are those that main held."""
    back: dict[str, list[tuple[str, date, int | None]]] = {}
    for one in receipt.withdrawn:
        if one.back_to and (merge := merge_of(one.back_to)):
            back.setdefault(merge, []).append(_left(receipt.case, one))
    recalled = [(scores(receipt.case), one.data_date, one.rows) for one in receipt.recalled]
    gone = [_left(receipt.case, one) for one in receipt.withdrawn]
    told = [(verdicts(receipt.case), one.data_date, None) for one in receipt.withdrawn]
    inputs = [version for merge, rows in back.items() for version in _grouped(merge, rows)]
    return Made((*inputs, *_grouped(receipt.base_commit, recalled)), _grouped(commit, [*gone, *recalled, *told]))


def _left(case: str, one: WithdrawnRecord) -> tuple[str, date, int | None]:
    """A withdrawn date with the rows that stand there again: none where nothing was published before."""
    unknown = None if one.back_to else 0
    return clean(case, one.table), one.data_date, one.fingerprint.rows if one.fingerprint else unknown


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
