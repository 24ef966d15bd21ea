"""Ingest: take bytes in, write them as rows on a run branch, audit them, publish or refuse."""

from collections.abc import Sequence
from typing import Any

from tenacity import Retrying, retry_if_exception_type, stop_after_attempt

from lakeloop.core.checkpoints import reached
from lakeloop.core.contract_change import CONTRACT
from lakeloop.core.deliveries import replayed, retried, to_publish, work_of
from lakeloop.core.errors import NothingToDo, PreconditionFailed
from lakeloop.core.jobs import LandedUnit, WriteJob
from lakeloop.core.lake import MAIN, evidence_path, run_key
from lakeloop.core.ledger import Ledger
from lakeloop.core.names import table_named
from lakeloop.core.receipts import IntakeReceipt, LandedRecord, RefusedRecord
from lakeloop.core.reports import WriteReport
from lakeloop.core.runs import Run
from lakeloop.core.use_case import UseCase
from lakeloop.core.value import Value
from lakeloop.core.words import counted
from lakeloop.steps.backdate import backdate
from lakeloop.steps.contract import accepted_changes, book_of
from lakeloop.steps.history import read_ledger
from lakeloop.steps.landing import check_still_new, land, looked_at, waiting
from lakeloop.steps.notices import stray_folders
from lakeloop.steps.platform import Platform
from lakeloop.steps.publish import Work, drop_branches, publish, seal
from lakeloop.steps.signing import about

WRITTEN = "written.json"


class Written(Value):
    """What the write step leaves on its branch for the audit: nothing of it goes through XCom."""

    base: str
    units: tuple[LandedUnit, ...]
    refused: tuple[RefusedRecord, ...]
    report: WriteReport


def intake(p: Platform, run: Run) -> dict[str, Any]:
    """Merge the bytes of every new complete delivery inside the run's range into landing/."""
    for attempt in Retrying(retry=retry_if_exception_type(PreconditionFailed), stop=stop_after_attempt(3), reraise=True):
        with attempt:
            return _intake_once(p, run)
    msg = "unreachable: the last attempt returns or raises"
    raise AssertionError(msg)


def _intake_once(p: Platform, run: Run) -> dict[str, Any]:
    check_table(p.case, run)
    head = p.lake.head(MAIN)
    ledger = read_ledger(p.lake, p.case.name, head)
    feed = p.source.walk(p.case)
    stray_folders(p, run, feed.strays)
    arrivals = waiting(p, run, ledger, feed.arrivals)
    if not arrivals:
        return _nothing_new(head)
    branch = run.branch(p.case.name)
    p.lake.create_branch(branch, head)
    reached("intake.branched")
    records = land(p, ledger, branch, arrivals)
    if not records:  # damaged ones that were read again, and are as damaged as they were
        drop_branches(p.lake, branch)
        return _nothing_new(head)
    key = run_key(
        case=p.case.name, stage="intake", contract="", code="",
        works=[f"{one.id} {one.delivered_at.isoformat()}" for one in records],
    )  # fmt: skip
    audited = _commit(p, branch, f"landing: {counted(len(records), 'delivery')}", head)
    reached("intake.committed")
    receipt = IntakeReceipt(
        **about(p, run, key=key, base=head, audited=audited),
        landed=records,
    )  # fmt: skip
    seal(p.lake, branch, receipt)
    reached("intake.sealed")
    done = publish(p.lake, p.tables, p.lease, Work(branch, receipt, lambda now: check_still_new(now, records)))
    drop_branches(p.lake, branch)
    return {
        "nothing_to_do": False,
        "commit": done,
        "merges": {key: done},
        "landed": len(records),
        "summary": f"{counted(len(records), 'delivery')} taken in{_of_them_bad(records)}",
    }


def check_table(case: UseCase, run: Run) -> None:
    """Raise NoSuchName when a run asks for a table that the case does not have."""
    table_named(run.table, {case.name: [table.name for table in case.tables]}, "nothing was taken in")


def _of_them_bad(records: Sequence[LandedRecord]) -> str:
    bad = [f"{one.unit} ({one.damage_code})" for one in records if one.damage]
    return f", {len(bad)} of them not to be read: {', '.join(bad[:3])}" if bad else ""


def _commit(p: Platform, branch: str, message: str, head: str) -> str:
    try:
        return p.lake.commit(branch, message, {})
    except NothingToDo:  # deliveries of which no byte may be read are refused all the same
        return head


def _nothing_new(head: str) -> dict[str, Any]:
    return {"nothing_to_do": False, "commit": head, "landed": 0, "summary": "no new delivery"}


def write(p: Platform, run: Run, landed: dict[str, Any]) -> dict[str, Any]:
    """Write the newest open delivery of each (table, data date) as rows on a run branch, after what main holds was backdated."""
    decided = read_ledger(p.lake, p.case.name, landed["commit"])
    told = backdate(p, run, decided)
    written = _write_open(p, run, decided)
    return {**written, **told, "summary": f"{told['summary']}; {written['summary']}"} if told else written


def _write_open(p: Platform, run: Run, decided: Ledger) -> dict[str, Any]:
    planned = to_publish(decided, p.case, run)
    if not planned:
        return {"nothing_to_do": True, "summary": "every delivery is published, refused or superseded"}
    head = p.lake.head(MAIN)
    ledger = read_ledger(p.lake, p.case.name, head)
    key = _data_key(p, run, decided, planned)  # as it was decided: what is done meanwhile may give the work another name
    if key in ledger.entries:
        return {"nothing_to_do": False, "run_key": key, "branch": "", "done": True, "summary": "published before"}
    still = {record.id for record in to_publish(ledger, p.case, run)}
    planned = [record for record in planned if record.id in still]
    if not planned:
        return {"nothing_to_do": True, "summary": "its deliveries were published, refused or superseded meanwhile"}
    key = _data_key(p, run, ledger, planned)
    changes = accepted_changes(p.lake, ledger, p.case)
    branch = run.branch(p.case.name)
    p.lake.create_branch(branch, head)
    reached("write.branched")
    written = _write_rows(p, run, ledger, planned, branch, head, key)
    put_written(p, branch, key, written)
    commit = p.lake.commit(branch, f"write {counted(len(planned), 'unit')}", {"lakeloop_run_key": key})
    reached("write.committed")
    rows = sum(one.account.rows_in for one in written.report.units)
    words = f"{counted(rows, 'row')} of {counted(len(planned), 'unit')} on {branch}"
    return {
        "nothing_to_do": False, "run_key": key, "branch": branch, "commit": commit, "done": False,
        "summary": "; ".join([words, *(f"new contract of {one.table}: {one.what} ({one.kind})" for one in changes)]),
    }  # fmt: skip


def put_written(p: Platform, branch: str, key: str, written: Written) -> None:
    """Stage what the audit works from, and the contracts that the rows were written under."""
    p.lake.put(branch, evidence_path(key, WRITTEN), written.model_dump_json().encode())
    p.lake.put(branch, evidence_path(key, CONTRACT), book_of(p.case).model_dump_json(indent=1, exclude_defaults=True).encode())


def _write_rows(p: Platform, run: Run, ledger: Ledger, planned: list[LandedRecord], branch: str, head: str, key: str) -> Written:
    refused, units = [], []
    for one in planned:
        record, refusal = looked_at(p, ledger, one, run)
        if refusal:
            asked = {"retried": retried(ledger, record, run), "replayed": replayed(ledger, record, run)}
            refused.append(RefusedRecord(**_unit(record), refusal=refusal, **asked))
        else:
            units.append(landed_unit(p, ledger, record))
    report = WriteReport(units=())
    if units:
        job = WriteJob(
            repository=p.lake.repository, case=p.case_ref, landing_commit=head, branch=branch, run_key=key,
            units=tuple(units),
        )  # fmt: skip
        answer = p.spark.run(job)
        assert isinstance(answer, WriteReport)  # noqa: S101  # a job answers with its own report
        report = answer
    return Written(base=head, units=tuple(units), refused=tuple(refused), report=report)


def landed_unit(p: Platform, ledger: Ledger, record: LandedRecord) -> LandedUnit:
    """A landed delivery as the write is asked for it."""
    available = ledger.available_at(record.unit) or record.delivered_at
    return LandedUnit(
        **_unit(record), path=record.path(p.case.name), files=record.files, shapes=record.shapes, manifest_rows=record.rows,
        delivered_at=record.delivered_at, available_at=available, restates=ledger.owner(record.unit) is not None,
    )  # fmt: skip


def _unit(record: LandedRecord) -> dict[str, Any]:
    return record.model_dump(include={"table", "data_date", "delivery", "sha256"})


def _data_key(p: Platform, run: Run, ledger: Ledger, planned: list[LandedRecord]) -> str:
    works = [work_of(ledger, record, run) for record in planned]
    return run_key(case=p.case.name, stage="ingest", works=works, contract=p.case.contract_version(), code=p.code_version)
