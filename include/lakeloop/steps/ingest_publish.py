"""The second half of ingest: audit what was written, then publish or refuse each unit for itself."""

from typing import Any

from lakeloop.core import lake as places
from lakeloop.core.checkpoints import reached
from lakeloop.core.deliveries import reinstated, replayed, retried, to_publish
from lakeloop.core.errors import GateViolation, PreconditionFailed
from lakeloop.core.jobs import AuditJob, Slice
from lakeloop.core.lake import evidence_path
from lakeloop.core.ledger import Ledger
from lakeloop.core.receipts import DataReceipt, PublishedRecord, RefusalReceipt, RefusedRecord, UnitRecord
from lakeloop.core.reports import AuditReport, Refusal, UnitAudit, UnitWritten
from lakeloop.core.runs import Run
from lakeloop.core.words import counted
from lakeloop.steps.history import merged_as, read_ledger, receipt_on
from lakeloop.steps.ingest import WRITTEN, Written
from lakeloop.steps.notices import marked_deliveries, refused_deliveries
from lakeloop.steps.platform import Platform
from lakeloop.steps.publish import Work, drop_branches, publish, seal
from lakeloop.steps.restatement import restated_words, with_changes
from lakeloop.steps.set_aside import Judged, clean_slices, quarantine_slices, set_aside
from lakeloop.steps.signing import about


def audit(p: Platform, run: Run, written: dict[str, Any]) -> dict[str, Any]:
    """Audit the committed snapshot, set aside the units that fail, and seal the rest with the receipt."""
    key = written["run_key"]
    if written["done"] or merged_as(p.lake, p.case.name, key):
        return {"nothing_to_do": False, "run_key": key, "branch": "", "done": True, "summary": "published before"}
    branch, snapshot = written["branch"], written["commit"]
    record = Written.model_validate_json(p.lake.get(snapshot, evidence_path(key, WRITTEN)))
    report = _judge(p, record, snapshot, key)
    suspected = {places.UnitId(one.table, one.data_date): one.suspected for one in report.units}
    judged = Judged(branch, snapshot, *_sort(p, run, record, report, snapshot), suspected)
    reached("audit.judged")
    judged = set_aside(p, run, record, judged, key)
    for name, page in report.pages.items():
        p.lake.put(judged.branch, evidence_path(key, name), page.encode())
    seal(p.lake, judged.branch, _receipt(p, run, record, key, judged))
    reached("audit.sealed")
    return {
        "nothing_to_do": False, "run_key": key, "branch": judged.branch, "written_on": branch, "commit": judged.commit,
        "done": False, "published": len(judged.published), "refused": len(judged.refused),
        "summary": f"{counted(len(judged.published), 'unit')} passed, {len(judged.refused)} refused{_marked(judged.published)}",
    }  # fmt: skip


def _judge(p: Platform, record: Written, snapshot: str, key: str) -> AuditReport:
    written = tuple(one for one in record.report.units if one.refusal is None)
    kept = {(one.table, one.data_date) for one in written}
    units = tuple(unit for unit in record.units if (unit.table, unit.data_date) in kept)
    if not units:
        return AuditReport(units=())
    job = AuditJob(
        repository=p.lake.repository, case=p.case_ref, snapshot=snapshot, base=record.base, run_key=key, units=units,
        written=written,
    )  # fmt: skip
    answer = p.spark.run(job)
    assert isinstance(answer, AuditReport)  # noqa: S101  # a job answers with its own report
    return answer


def _sort(
    p: Platform, run: Run, record: Written, report: AuditReport, snapshot: str
) -> tuple[tuple[PublishedRecord, ...], tuple[RefusedRecord, ...]]:
    audits = {(one.table, one.data_date): one for one in report.units}
    landed = {(one.table, one.data_date): one for one in record.units}
    ledger = read_ledger(p.lake, p.case.name, record.base)
    published, refused = [], list(record.refused)
    for unit in record.report.units:
        found = audits.get((unit.table, unit.data_date))
        source = landed[(unit.table, unit.data_date)]
        names = {"table": unit.table, "data_date": unit.data_date, "delivery": unit.delivery, "sha256": source.sha256}
        asked = {
            "retried": retried(ledger, UnitRecord(**names), run), "replayed": replayed(ledger, UnitRecord(**names), run),
        }  # fmt: skip
        refusal = unit.refusal or _refusal(unit, found, asked["retried"])
        if refusal or found is None:
            refused.append(RefusedRecord(**names, refusal=refusal, account=unit.account, **asked))
            continue
        owner = ledger.owner(places.UnitId(unit.table, unit.data_date))
        published.append(
            PublishedRecord(
                **names, account=unit.account, fingerprint=found.fingerprint, delivered_at=source.delivered_at,
                available_at=source.available_at, restates=owner.run_key if owner else "",
                reinstated=reinstated(ledger, UnitRecord(**names), run), **asked,
                warnings=tuple(check.told for check in found.failed("warning")),
            )
        )  # fmt: skip
    return with_changes(p, ledger, record.base, snapshot, tuple(published)), tuple(refused)


def _refusal(unit: UnitWritten, found: UnitAudit | None, retried_by: str) -> Refusal | None:
    if found is None:
        return Refusal(code="unaudited", message=f"{unit.table} {unit.data_date}: the audit did not judge it.")
    if found.passed:
        return None
    failed = [check.told for check in found.failed("critical")]
    again = f" when it was tried again ({retried_by}): a reason overrides no check" if retried_by else ""
    return Refusal(
        code="audit",
        message=f"{unit.table} {unit.data_date}: {len(failed)} of {len(found.checks)} expectations failed "
        f"({'; '.join(failed[:3])}){again}; nothing of it was published. Next: a repaired delivery; if this one is right, "
        "correct what judged it (contract, suite or drift policy), then retry_refused.",
    )


def _marked(published: tuple[PublishedRecord, ...]) -> str:
    marked = sum(bool(one.warnings) for one in published)
    return f", {marked} with warnings" if marked else ""


def _receipt(p: Platform, run: Run, record: Written, key: str, judged: Judged) -> DataReceipt | RefusalReceipt:
    said = about(p, run, key=key, base=record.base, audited=judged.commit)
    said |= {"contract_version": p.case.contract_version(), "refused": judged.refused}
    return DataReceipt(**said, published=judged.published) if judged.published else RefusalReceipt(**said)


def publish_units(p: Platform, run: Run, audited: dict[str, Any]) -> dict[str, Any]:
    """Merge the audited branch (or its replay) into main; refused deliveries become one alert each."""
    key = audited["run_key"]
    done = merged_as(p.lake, p.case.name, key) or _publish_once(p, run, audited, key)
    receipt = _unit_receipt(p, done, key)
    refused_deliveries(p, run, receipt, done)
    marked_deliveries(p, run, receipt, done)
    return _told(receipt, done)


def _publish_once(p: Platform, run: Run, audited: dict[str, Any], key: str) -> str:
    branch = audited["branch"]
    receipt = _unit_receipt(p, branch, key)
    work = Work(branch, receipt, lambda ledger: _still_open(p, run, ledger, receipt), _slices(p, receipt))
    done = publish(p.lake, p.tables, p.lease, work)
    reached("publish.done")
    for name in {branch, audited.get("written_on", branch)}:
        drop_branches(p.lake, name)
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
    published = _published(receipt)
    units: list[RefusedRecord | PublishedRecord] = [*receipt.refused, *published]
    accounts = [(one.table, one.account) for one in units]
    return (*clean_slices(p, published), *quarantine_slices(p, receipt.run_key, accounts))


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
    published, refused = len(_published(receipt)), [f"{one.id}: {one.refusal.message}" for one in receipt.refused]
    why = f" ({refused[0].partition(' Next: ')[0].rstrip('.')}{' and others' if len(refused) > 1 else ''})" if refused else ""
    marks = _marked(_published(receipt))
    words = f"{counted(published, 'unit')} published, {len(refused)} refused{why}{marks}, main is {commit[:12]}"
    return {
        "nothing_to_do": False, "commit": commit, "run_key": receipt.run_key, "published": published, "refused": len(refused),
        "tables": tables, "merges": {receipt.run_key: commit}, "refusals": refused[:5],
        "summary": "; ".join([words, *restated_words(_published(receipt))]),
    }  # fmt: skip
