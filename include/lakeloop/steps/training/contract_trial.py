"""Today's contracts tried on landed bytes: published dates written once more on a branch that is thrown away."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from typing import NamedTuple

from lakeloop.core.contract_change import ContractChange
from lakeloop.core.errors import NothingToDo
from lakeloop.core.jobs import ChangeJob, WriteJob
from lakeloop.core.lake import UnitId
from lakeloop.core.ledger import Ledger, Owner
from lakeloop.core.receipts import LandedRecord
from lakeloop.core.reports import ChangeReport, RowAccount, RowChange, UnitWritten, WriteReport
from lakeloop.core.trial import ContractTrial, Reread
from lakeloop.core.words import counted
from lakeloop.steps.contract import changes_of, newest_book
from lakeloop.steps.ingest import landed_unit
from lakeloop.steps.platform import Platform

_KEY = "0" * 64  # the run key of rows that nobody will find
_NOT_READ = {"retyped": "a published column never changes its type", "retired": "the table is gone from the code"}


class _Again(NamedTuple):
    """A published delivery whose bytes are there to be read again."""

    owner: Owner
    record: LandedRecord


def try_contract(
    p: Platform, ledger: Ledger, branch: str, last: date, days: int, say: Callable[[str], None]
) -> tuple[ContractTrial | None, str]:
    """Read the newest `days` published dates up to `last` again, of each table whose contract changed, and commit them.

    Gives what that does, None where no contract changed, and the commit whose tables hold it.
    """
    changes = changes_of(p.lake, ledger, p.case)
    if not changes:
        if newest_book(p.lake, ledger) is not None:
            return None, ledger.head
        return ContractTrial(changes=(), not_covered=("which contract the data was written under is not on record",)), ledger.head
    work, left = _chosen(p, ledger, changes, last, days)
    if not work:
        return ContractTrial(changes=tuple(changes), not_covered=tuple(left)), ledger.head
    say(f"reading {counted(len(work), 'delivery')} of {', '.join(sorted({one.record.table for one in work}))} again")
    report = p.spark.run(
        WriteJob(
            repository=p.lake.repository, case=p.case_ref, landing_commit=ledger.head, branch=branch, run_key=_KEY,
            units=tuple(landed_unit(p, ledger, one.record) for one in work),
        )
    )  # fmt: skip
    assert isinstance(report, WriteReport)  # noqa: S101  # a job answers with its own report
    done = _committed(p, ledger, branch)
    moved = _moved(p, ledger.head, done, report.units)
    written = {UnitId(one.table, one.data_date): one for one in report.units}
    tables = sorted({one.record.table for one in work})
    found = [_table(p, table, [one for one in work if one.record.table == table], written, moved) for table in tables]
    for one in found:  # at once: what follows may end on what these rows have become
        say(f"{one.table}: published {one.published[0]:,}, now {one.published[1]:,}; in quarantine {one.quarantined[0]:,}, now "
            f"{one.quarantined[1]:,}")  # fmt: skip
    return ContractTrial(changes=tuple(changes), tables=tuple(found), not_covered=tuple(left)), done


def _committed(p: Platform, ledger: Ledger, branch: str) -> str:
    try:
        return p.lake.commit(branch, "published dates under today's contract", {})
    except NothingToDo:  # every delivery would be refused, and no row of them kept
        return ledger.head


def _chosen(
    p: Platform, ledger: Ledger, changes: Sequence[ContractChange], last: date, days: int
) -> tuple[list[_Again], list[str]]:
    """The deliveries to read again, and in words what stays unread."""
    work, left = [], []
    for table in dict.fromkeys(one.table for one in changes):
        stop = next((_NOT_READ[one.kind] for one in changes if one.table == table and one.kind in _NOT_READ), "")
        held = sorted(unit for unit, owners in ledger.owners.items() if owners and unit.table == table)
        if stop or not held:
            left.append(f"{table}: no row was read again, {stop or 'nothing of it is published'}")
            continue
        tried = [unit for unit in held if unit.data_date <= last][-days:] if days else []
        found = [again for unit in tried if (again := _landed(ledger, unit)) is not None]
        if len(tried) < len(held):
            left.append(f"{table}: {len(held) - len(tried)} of {counted(len(held), 'published date')} stay as they were written")
        if len(found) < len(tried):
            left.append(f"{table}: the bytes of {counted(len(tried) - len(found), 'date')} are gone from landing/")
        work += found
    refused = {one.unit for one, _ in ledger.refused.values() if ledger.owner(one.unit) is None}
    asked = {one.table for one in changes}
    if count := sum(unit.table in asked for unit in refused):
        left.append(f"{counted(count, 'date')} of which a delivery was refused, and nothing published, stay unread")
    return work, left


def _landed(ledger: Ledger, unit: UnitId) -> _Again | None:
    owner = ledger.owner(unit)
    if owner is None or owner.record.id in ledger.gone:
        return None
    record = next((one for one in ledger.landed.get(unit, ()) if one.id == owner.record.id), None)
    return _Again(owner, record) if record else None


def _moved(p: Platform, before: str, snapshot: str, units: Sequence[UnitWritten]) -> dict[UnitId, RowChange]:
    """What changed of the published rows; a refused delivery leaves those that are there."""
    asked: dict[str, list[date]] = {}
    for one in units:
        if one.refusal is None:
            asked.setdefault(one.table, []).append(one.data_date)
    if not asked:
        return {}
    report = p.spark.run(
        ChangeJob(
            repository=p.lake.repository, case=p.case_ref, before=before, snapshot=snapshot,
            units={table: tuple(sorted(dates)) for table, dates in asked.items()},
        )
    )  # fmt: skip
    assert isinstance(report, ChangeReport)  # noqa: S101  # a job answers with its own report
    return {UnitId(one.table, one.data_date): one.change for one in report.units}


def _table(
    p: Platform, table: str, work: Sequence[_Again], written: dict[UnitId, UnitWritten], moved: dict[UnitId, RowChange]
) -> Reread:
    dates = sorted(one.record.data_date for one in work)
    was = [one.owner.record.account for one in work]
    now = [written[one.record.unit].account for one in work]
    before, after = _reasons(was), _reasons(now)
    changes = [moved.get(one.record.unit, RowChange()) for one in work]
    return Reread(
        table=table, first=dates[0], last=dates[-1], dates=len(dates), rows_in=sum(one.rows_in for one in now),
        published=(sum(one.published for one in was), sum(one.published for one in now)),
        quarantined=(sum(one.quarantined for one in was), sum(one.quarantined for one in now)),
        reasons={
            name: (before[name], after[name]) for name in sorted(before.keys() | after.keys()) if before[name] != after[name]
        },
        change=RowChange(**{name: sum(getattr(one, name) for one in changes) for name in RowChange.model_fields}),
        refused=tuple(told for one in work if (told := _refused(p, written[one.record.unit]))),
    )  # fmt: skip


def _reasons(accounts: Iterable[RowAccount]) -> Counter[str]:
    found: Counter[str] = Counter()
    for one in accounts:
        found.update(one.by_first_reason)
    return found


def _refused(p: Platform, one: UnitWritten) -> str:
    """Why a date would not be published: the write says so, or too much of it is in quarantine for its audit."""
    if one.refusal:
        return f"{one.data_date}: {one.refusal.code}"
    share = one.account.quarantined / one.account.rows_in if one.account.rows_in else 0.0
    limit = p.case.table(one.table).quarantine_limit
    return f"{one.data_date}: {share:.1%} in quarantine, allowed {limit:.1%}" if share > limit else ""
