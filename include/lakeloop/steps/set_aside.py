"""What the audit refuses after it was written: its rows go to quarantine, on a branch that never held them as good ones."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from types import MappingProxyType
from typing import NamedTuple

from lakeloop.core import lake as places
from lakeloop.core.checkpoints import reached
from lakeloop.core.errors import GateViolation
from lakeloop.core.jobs import Slice, WriteJob
from lakeloop.core.lake import UnitId
from lakeloop.core.receipts import PublishedRecord, RefusedRecord
from lakeloop.core.reports import RowAccount, UnitWritten, WriteReport
from lakeloop.core.runs import Run
from lakeloop.core.words import counted
from lakeloop.steps.ingest import Written, put_written
from lakeloop.steps.platform import Platform
from lakeloop.steps.publish import same_rows


class Judged(NamedTuple):
    """The units of a run after their audit, on the branch and at the commit that hold exactly them."""

    branch: str
    commit: str
    published: tuple[PublishedRecord, ...]
    refused: tuple[RefusedRecord, ...]
    suspected: Mapping[UnitId, tuple[str, ...]] = MappingProxyType({})  # columns that look personal and are not marked


def set_aside(p: Platform, run: Run, record: Written, judged: Judged, key: str) -> Judged:
    """Write what passed once more beside the refused rows in quarantine; a run that lost nothing to its audit stays as it is.

    The first branch is no use then: put back, its partitions would still have moved their table's log,
    which a refusal may not do and which conflicts with whoever moved that table meanwhile.
    """
    late = _written_and_refused(record, judged)
    if not late:
        return judged
    branch = run.branch(p.case.name)
    p.lake.create_branch(branch, record.base)
    reached("set_aside.branched")
    kept = clean_slices(p, judged.published)
    p.tables.copy(judged.commit, branch, [*kept, *_other_quarantine(p, record, key, late)])
    again = _quarantine(p, record, branch, key, late, judged.suspected)
    refused = tuple(_accounted(one, again) for one in judged.refused)
    put_written(p, branch, key, record)
    commit = p.lake.commit(branch, "set aside what the audit refused", {"lakeloop_run_key": key})  # at least written.json
    reached("set_aside.committed")
    same_rows(p.tables, judged.commit, commit, kept)
    _same_accounts(p, commit, key, [*judged.published, *refused])
    return Judged(branch, commit, judged.published, refused)


def clean_slices(p: Platform, published: tuple[PublishedRecord, ...]) -> tuple[Slice, ...]:
    """The partitions of published units, table by table."""
    days: dict[str, list[str]] = defaultdict(list)
    for one in published:
        days[one.table].append(one.data_date.isoformat())
    return tuple(Slice(table=places.clean(p.case.name, table), values=tuple(days[table])) for table in sorted(days))


def quarantine_slices(p: Platform, key: str, accounts: Sequence[tuple[str, RowAccount | None]]) -> tuple[Slice, ...]:
    """A run's rows in quarantine, of the tables whose accounts have any."""
    bad = sorted({table for table, account in accounts if account and account.quarantined})
    return tuple(Slice(table=places.quarantine(p.case.name, table), column="run_key", values=(key,)) for table in bad)


def _written_and_refused(record: Written, judged: Judged) -> dict[UnitId, str]:
    """Units whose rows stand in clean/ of the run branch although they were refused, with the refusal's code."""
    written = {(one.table, one.data_date, one.delivery) for one in record.report.units if one.refusal is None}
    return {one.unit: one.refusal.code for one in judged.refused if (one.table, one.data_date, one.delivery) in written}


def _other_quarantine(p: Platform, record: Written, key: str, late: Mapping[UnitId, str]) -> tuple[Slice, ...]:
    """The run's rows in quarantine but for those written anew: a copy of these would bring to main what they may not show."""
    days: dict[str, list[date]] = defaultdict(list)
    for one in record.report.units:
        if one.account.quarantined and UnitId(one.table, one.data_date) not in late:
            days[one.table].append(one.data_date)
    return tuple(
        Slice(table=places.quarantine(p.case.name, table), column="run_key", values=(key,), dates=tuple(days[table]))
        for table in sorted(days)
    )


def _quarantine(
    p: Platform, record: Written, branch: str, key: str, late: dict[UnitId, str], suspected: Mapping[UnitId, tuple[str, ...]]
) -> dict[UnitId, UnitWritten]:
    units = [(unit, one) for one in record.units if (unit := UnitId(one.table, one.data_date)) in late]
    job = WriteJob(
        repository=p.lake.repository, case=p.case_ref, landing_commit=record.base, branch=branch, run_key=key,
        units=tuple(
            one.model_copy(update={"refused": late[unit], "suspected": suspected.get(unit, ())}) for unit, one in units
        ),
    )  # fmt: skip
    answer = p.spark.run(job)
    assert isinstance(answer, WriteReport)  # noqa: S101  # a job answers with its own report
    for one in answer.units:
        if one.account.published:
            what = f"{one.table} {one.data_date} was refused ({late[UnitId(one.table, one.data_date)]})"
            msg = f"{what}, yet {counted(one.account.published, 'row')} of it passed for good; nothing was published."
            raise GateViolation(msg)
    return {UnitId(one.table, one.data_date): one for one in answer.units}


def _accounted(one: RefusedRecord, again: dict[UnitId, UnitWritten]) -> RefusedRecord:
    now = again.get(one.unit)
    return one.model_copy(update={"account": now.account}) if now and now.delivery == one.delivery else one


def _same_accounts(p: Platform, commit: str, key: str, units: Sequence[PublishedRecord | RefusedRecord]) -> None:
    """The run's rows in quarantine are as many as its accounts say."""
    accounts = [(one.table, one.account) for one in units]
    found = p.tables.fingerprints(commit, quarantine_slices(p, key, accounts))
    told: dict[str, int] = defaultdict(int)
    for table, account in accounts:
        told[places.quarantine(p.case.name, table)] += account.quarantined if account else 0
    for table, rows in told.items():
        held = found[table, key].rows if (table, key) in found else 0
        if held != rows:
            msg = f"{table} holds {held} rows of {key[:12]}, its accounts say {rows}; nothing was published."
            raise GateViolation(msg)
