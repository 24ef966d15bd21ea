"""The second half of ingest: audit what was written, then publish or refuse each unit for itself."""

from collections import defaultdict
from typing import Any

from lakeloop.core import lake as places
from lakeloop.core.checkpoints import reached
from lakeloop.core.deliveries import to_publish
from lakeloop.core.errors import GateViolation, PreconditionFailed
from lakeloop.core.jobs import AuditJob, Slice
from lakeloop.core.lake import evidence_path
from lakeloop.core.ledger import Ledger
from lakeloop.core.receipts import DataReceipt, PublishedRecord, RefusalReceipt, RefusedRecord, UnitRecord
from lakeloop.core.reports import AuditReport, Refusal, UnitAudit, UnitWritten
from lakeloop.core.runs import Run
from lakeloop.steps.history import merged_as, read_ledger, receipt_on
from lakeloop.steps.ingest import WRITTEN, Written, commit_or
from lakeloop.steps.notices import refused_deliveries
from lakeloop.steps.platform import Platform
from lakeloop.steps.publish import Work, drop_branches, publish, seal
from lakeloop.steps.signing import about


def audit(p: Platform, run: Run, written: dict[str, Any]) -> dict[str, Any]:
    """Audit the committed snapshot; units that fail leave the branch, the others get the receipt."""
    key = written["run_key"]
    if written["done"] or merged_as(p.lake, key):
        return {"nothing_to_do": False, "run_key": key, "branch": "", "done": True, "summary": "published before"}
    branch, snapshot = written["branch"], written["commit"]
    record = Written.model_validate_json(p.lake.get(snapshot, evidence_path(key, WRITTEN)))
    report = _judge(p, record, snapshot, key)
    published, refused = _sort(p, record, report)
    reached("audit.judged")
    _remove_refused(p, branch, record, refused)
    audited = commit_or(p, branch, "leave out what the audit refused", p.lake.head(branch))
    for name, page in report.pages.items():
        p.lake.put(branch, evidence_path(key, name), page.encode())
    receipt = _receipt(p, run, record, key, audited, published, refused)
    seal(p.lake, branch, receipt)
    reached("audit.sealed")
    return {
        "nothing_to_do": False, "run_key": key, "branch": branch, "commit": audited, "done": False,
        "published": len(published), "refused": len(refused),
        "summary": f"{len(published)} units passed, {len(refused)} refused",
    }  # fmt: skip


def _judge(p: Platform, record: Written, snapshot: str, key: str) -> AuditReport:
    kept = {(one.table, one.data_date) for one in record.report.units if one.refusal is None}
    units = tuple(unit for unit in record.units if (unit.table, unit.data_date) in kept)
    if not units:
        return AuditReport(units=())
    answer = p.spark.run(AuditJob(repository=p.lake.repository, case=p.case_ref, snapshot=snapshot, run_key=key, units=units))
    assert isinstance(answer, AuditReport)  # noqa: S101  # a job answers with its own report
    return answer


def _sort(p: Platform, record: Written, report: AuditReport) -> tuple[tuple[PublishedRecord, ...], tuple[RefusedRecord, ...]]:
    audits = {(one.table, one.data_date): one for one in report.units}
    landed = {(one.table, one.data_date): one for one in record.units}
    ledger = read_ledger(p.lake, p.case.name, record.base)
    published, refused = [], list(record.refused)
    for unit in record.report.units:
        found = audits.get((unit.table, unit.data_date))
        source = landed[(unit.table, unit.data_date)]
        names = {"table": unit.table, "data_date": unit.data_date, "delivery": unit.delivery, "sha256": source.sha256}
        refusal = unit.refusal or _refusal(unit, found)
        if refusal or found is None:
            refused.append(RefusedRecord(**names, refusal=refusal, account=unit.account))
            continue
        owner = ledger.owner(places.UnitId(unit.table, unit.data_date))
        published.append(
            PublishedRecord(
                **names, account=unit.account, fingerprint=found.fingerprint, delivered_at=source.delivered_at,
                available_at=source.available_at, restates=owner.run_key if owner else "",
            )
        )  # fmt: skip
    return tuple(published), tuple(refused)


def _refusal(unit: UnitWritten, found: UnitAudit | None) -> Refusal | None:
    if found is None:
        return Refusal(code="unaudited", message=f"{unit.table} {unit.data_date}: the audit did not judge it.")
    if found.passed:
        return None
    failed = [f"{check.name} is {check.observed}, expected {check.expected}" for check in found.checks if not check.passed]
    return Refusal(
        code="audit",
        message=f"{unit.table} {unit.data_date}: {len(failed)} of {len(found.checks)} expectations failed "
        f"({'; '.join(failed[:3])}); nothing of it was published. Next: a repaired delivery.",
    )


def _remove_refused(p: Platform, branch: str, record: Written, refused: tuple[RefusedRecord, ...]) -> None:
    """Put the partitions of refused units back to what they were where the branch was cut."""
    written = {(one.table, one.data_date) for one in record.report.units if one.refusal is None}
    by_table: dict[str, list[str]] = defaultdict(list)
    for one in refused:
        if (one.table, one.data_date) in written:
            by_table[one.table].append(one.data_date.isoformat())
    slices = [Slice(table=places.clean(p.case.name, table), values=tuple(days)) for table, days in sorted(by_table.items())]
    if slices:
        p.tables.copy(record.base, branch, slices)


def _receipt(
    p: Platform, run: Run, record: Written, key: str, audited: str,
    published: tuple[PublishedRecord, ...], refused: tuple[RefusedRecord, ...],
) -> DataReceipt | RefusalReceipt:  # fmt: skip
    said = about(p, run, key=key, base=record.base, audited=audited)
    said |= {"contract_version": p.case.contract_version(), "refused": refused}
    return DataReceipt(**said, published=published) if published else RefusalReceipt(**said)


def publish_units(p: Platform, run: Run, audited: dict[str, Any]) -> dict[str, Any]:
    """Merge the audited branch (or its replay) into main; refused deliveries become one alert each."""
    key = audited["run_key"]
    done = merged_as(p.lake, key) or _publish_once(p, run, audited["branch"], key)
    receipt = _unit_receipt(p, done, key)
    refused_deliveries(p, run, receipt, done)
    return _told(receipt, done)


def _publish_once(p: Platform, run: Run, branch: str, key: str) -> str:
    receipt = _unit_receipt(p, branch, key)
    work = Work(branch, receipt, lambda ledger: _still_open(p, run, ledger, receipt), _slices(p, receipt))
    done = publish(p.lake, p.tables, p.lease, work)
    reached("publish.done")
    drop_branches(p.lake, branch)
    return done


def _unit_receipt(p: Platform, ref: str, key: str) -> DataReceipt | RefusalReceipt:
    receipt = receipt_on(p.lake, ref, key) if ref else None
    if not isinstance(receipt, DataReceipt | RefusalReceipt):
        msg = f"{ref or 'no branch'} carries no receipt of {key}; nothing was published. Next: clear `audit`."
        raise GateViolation(msg)
    return receipt


def _published(receipt: DataReceipt | RefusalReceipt) -> tuple[PublishedRecord, ...]:
    return receipt.published if isinstance(receipt, DataReceipt) else ()


def _slices(p: Platform, receipt: DataReceipt | RefusalReceipt) -> tuple[Slice, ...]:
    days: dict[str, list[str]] = defaultdict(list)
    for one in _published(receipt):
        days[one.table].append(one.data_date.isoformat())
    accounts = [(one.table, one.account) for one in receipt.refused]
    accounts += [(one.table, one.account) for one in _published(receipt)]
    bad = sorted({table for table, account in accounts if account and account.quarantined})
    clean = [Slice(table=places.clean(p.case.name, table), values=tuple(days[table])) for table in sorted(days)]
    return (
        *clean,
        *(Slice(table=places.quarantine(p.case.name, table), column="run_key", values=(receipt.run_key,)) for table in bad),
    )


def _still_open(p: Platform, run: Run, ledger: Ledger, receipt: DataReceipt | RefusalReceipt) -> None:
    still = {record.id for record in to_publish(ledger, p.case, run)}
    units: list[UnitRecord] = [*receipt.refused, *_published(receipt)]
    for one in units:
        if one.id not in still:
            msg = (
                f"{one.id} is not the newest open delivery of {one.unit} any more; nothing was published. "
                "Next: the next run takes what is newest."
            )
            raise PreconditionFailed(msg)
    for record in _published(receipt):
        owner = ledger.owner(record.unit)
        if (owner.run_key if owner else "") != record.restates:
            msg = f"{record.unit} changed hands since it was audited; nothing was published."
            raise PreconditionFailed(msg)


def _told(receipt: DataReceipt | RefusalReceipt, commit: str) -> dict[str, Any]:
    tables: dict[str, dict[str, int]] = {}
    for one in _published(receipt):
        counts = tables.setdefault(one.table, {"rows_in": 0, "published": 0, "quarantined": 0, "deduplicated": 0})
        for name in counts:
            counts[name] += getattr(one.account, name)
    published = len(_published(receipt))
    return {
        "nothing_to_do": False, "commit": commit, "run_key": receipt.run_key, "published": published,
        "refused": len(receipt.refused), "tables": tables,
        "refusals": [f"{one.id}: {one.refusal.message}" for one in receipt.refused][:5],
        "summary": f"{published} units published, {len(receipt.refused)} refused, main is {commit[:12]}",
    }  # fmt: skip
