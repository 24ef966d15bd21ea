"""Lineage: what every version of a table was made from and what was made from it, as the receipts say; pure."""

from collections.abc import Collection, Iterator
from datetime import date
from functools import partial
from typing import Literal, NamedTuple

from lakeloop.core.lake import UnitId, clean, landing, profiles, scores, verdicts
from lakeloop.core.ledger import Entry, Ledger
from lakeloop.core.receipts import ActReceipt, DataReceipt, JudgedRecord, PromotionReceipt, Reads, WithdrawalReceipt
from lakeloop.core.table_versions import TableVersion, made_by

SCORES = "scores"


class Link(NamedTuple):
    """One step of lineage from where one stands: what came before, or what came after."""

    way: Literal["from", "to"]
    what: str
    dates: tuple[date, ...]
    commit: str
    run_key: str
    words: str


def of_table(ledger: Ledger, case: str, table: str, first: date, last: date) -> list[Link]:
    """Where a table's dates came from and what had read them, with versions that were replaced or withdrawn since.

    `table` is a table of the case, or `scores`.
    """
    if table == SCORES:
        return [link for entry in ledger.entries.values() for link in _of_scores(ledger, entry, case, first, last)]
    links: list[Link] = []
    for entry in ledger.entries.values():
        receipt = entry.receipt
        if isinstance(receipt, DataReceipt):
            dates = {one.data_date for one in receipt.published if one.table == table and first <= one.data_date <= last}
            links += _of_version(ledger, entry, receipt, table, dates) if dates else []
    return links


def of_commit(ledger: Ledger, commit: str) -> list[Link]:
    """What the merge at a commit (or the work of a run key) was made from, and what was made from it."""
    links: list[Link] = []
    for run_key, entry in ledger.entries.items():
        if not is_named(entry, commit):
            continue
        receipt = entry.receipt
        if isinstance(receipt, DataReceipt):
            for table in sorted({one.table for one in receipt.published}):
                dates = {one.data_date for one in receipt.published if one.table == table}
                links += _of_version(ledger, entry, receipt, table, dates)
        made = made_by(receipt, entry.commit, partial(_merge_of, ledger))
        links += [_link("from", one, run_key, "read") for one in made.inputs]
        links += [_link("to", one, run_key, f"{receipt.kind} in {receipt.run_id}") for one in made.outputs]
    return links


def is_named(entry: Entry, begins: str) -> bool:
    """Whether the first digits of a commit or run key mean this merge."""
    return entry.commit.startswith(begins) or entry.receipt.run_key.startswith(begins)


def _of_version(ledger: Ledger, entry: Entry, receipt: DataReceipt, table: str, dates: Collection[date]) -> Iterator[Link]:
    """One receipt's dates of a table: their deliveries, what became of them, and everything that read them."""
    for one in receipt.published:
        if one.table == table and one.data_date in dates:
            owner = ledger.owner(UnitId(table, one.data_date))
            state = "what main holds" if owner and owner.run_key == receipt.run_key else "replaced or withdrawn since"
            place = landing(receipt.case, one.id)
            words = f"{one.account.rows_in} rows sent {one.delivered_at.isoformat()}, {one.account.published} published: {state}"
            yield Link("from", place, (one.data_date,), entry.commit, receipt.run_key, words)
    for other in ledger.entries.values():
        yield from _readers(other, table, receipt.run_key, dates)


def _readers(entry: Entry, table: str, run_key: str, dates: Collection[date]) -> Iterator[Link]:
    receipt = entry.receipt
    if isinstance(receipt, ActReceipt):
        found = [one for one in receipt.judged if _has_read(one.reads, table, run_key, dates)]
        for one in found:
            words = f"{one.verdict}, published as {one.trust}, by version {receipt.model_version}"
            yield Link("to", scores(receipt.case), (one.data_date,), entry.commit, receipt.run_key, words)
        for settled in receipt.settled:
            if settled.trust and settled.sources.get(table) == run_key and settled.data_date in dates:
                yield Link("to", verdicts(receipt.case), (settled.data_date,), entry.commit, receipt.run_key, settled.words)
    elif isinstance(receipt, PromotionReceipt) and _has_read(receipt.reads, table, run_key, dates):
        read = tuple(sorted(set(receipt.reads[table][run_key]) & set(dates)))
        what = f"model {receipt.model_name}/{receipt.model_version}"
        yield Link("to", what, read, entry.commit, receipt.run_key, "learnt from them")
    elif isinstance(receipt, WithdrawalReceipt):
        for gone in receipt.withdrawn:
            if (gone.table, gone.condemned) == (table, run_key) and gone.data_date in dates:
                words = f"withdrawn: {gone.words or gone.verdict}"
                yield Link("to", clean(receipt.case, table), (gone.data_date,), entry.commit, receipt.run_key, words)
            elif (gone.table, gone.back_to) == (table, run_key) and gone.data_date in dates:
                words = "stands there again: what replaced it was withdrawn"
                yield Link("to", clean(receipt.case, table), (gone.data_date,), entry.commit, receipt.run_key, words)


def _of_scores(ledger: Ledger, entry: Entry, case: str, first: date, last: date) -> Iterator[Link]:
    receipt = entry.receipt
    if isinstance(receipt, ActReceipt):
        for one in receipt.judged:
            if first <= one.data_date <= last:
                yield from _of_judged(ledger, entry, receipt, one)
    elif isinstance(receipt, WithdrawalReceipt):
        for gone in receipt.recalled:
            if first <= gone.data_date <= last:
                yield Link("to", "recalled", (gone.data_date,), entry.commit, receipt.run_key, f"{gone.rows} rows")


def _of_judged(ledger: Ledger, entry: Entry, receipt: ActReceipt, one: JudgedRecord) -> Iterator[Link]:
    for table, keys in sorted(one.reads.items()):
        for run_key, read in sorted(keys.items()):
            words = f"read for the scores of {one.data_date}"
            yield Link("from", clean(receipt.case, table), tuple(sorted(read)), _merge_of(ledger, run_key), run_key, words)
    words, day = f"{one.verdict}, {one.trust}, by version {receipt.model_version}", (one.data_date,)
    yield Link("to", "readers of main", day, entry.commit, receipt.run_key, words)
    yield Link("to", verdicts(receipt.case), day, entry.commit, receipt.run_key, "what was decided of them")
    if one.fingerprint and one.fingerprint.rows:
        yield Link("to", profiles(receipt.case), day, entry.commit, receipt.run_key, "what they look like")


def _merge_of(ledger: Ledger, run_key: str) -> str:
    """The merge that brought a receipt to main; empty where main has none of it."""
    return ledger.entries[run_key].commit if run_key in ledger.entries else ""


def _has_read(reads: Reads, table: str, run_key: str, dates: Collection[date]) -> bool:
    return bool(set(reads.get(table, {}).get(run_key, ())) & set(dates))


def _link(way: Literal["from", "to"], one: TableVersion, run_key: str, words: str) -> Link:
    rows = "" if one.rows is None else f", {one.rows} rows"
    return Link(way, one.path, one.dates, one.commit, run_key, f"{words}{rows}")
