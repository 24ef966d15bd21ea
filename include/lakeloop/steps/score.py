"""Score: the champion over every open date of one commit, onto a candidate branch."""

import json
import tempfile
from datetime import date
from typing import Any

from lakeloop.core.checkpoints import reached
from lakeloop.core.errors import AuditFailed
from lakeloop.core.jobs import AuditScoresJob, Passport, ScoreJob
from lakeloop.core.lake import MAIN, evidence_path, run_key
from lakeloop.core.ledger import Ledger
from lakeloop.core.reading import wanted
from lakeloop.core.receipts import PromotionReceipt, ScoredRecord, ScoresReceipt
from lakeloop.core.reports import AuditReport, ScoreReport
from lakeloop.core.runs import Run
from lakeloop.core.scoring import to_score, too_late
from lakeloop.core.value import Value
from lakeloop.core.words import counted
from lakeloop.steps import notices
from lakeloop.steps.history import read_candidates, read_ledger
from lakeloop.steps.platform import Platform
from lakeloop.steps.publish import seal
from lakeloop.steps.signing import about

SCORED, PAGE = "scored.json", "audit.html"


class Scored(Value):
    """What the scoring leaves on its branch for the audit."""

    data_commit: str
    model_version: int
    model_sha256: str
    dates: tuple[ScoredRecord, ...]


def score(p: Platform, run: Run) -> dict[str, Any]:
    """Score every open date inside the run's range with the champion, on a branch of its own."""
    head = p.lake.head(MAIN)
    ledger = read_ledger(p.lake, p.case.name, head)
    champion = ledger.champion
    if champion is None:
        return {"nothing_to_do": True, "summary": "no champion yet: train and promote one first"}
    late = too_late(ledger, p.case, run)
    notices.too_late_to_score(p, run, late)
    dates = to_score(ledger, p.case, run, read_candidates(p.lake, p.case.name))
    if not dates:
        besides = f", but for {counted(len(late), 'date')} that came too late to be predicted" if late else ""
        return {"nothing_to_do": True, "summary": f"every published date is scored or waits to be judged{besides}"}
    reads = {day: ledger.reads_of(wanted(ledger, p.case, [day]), until=p.case.prediction_time(day)) for day in dates}
    key = _key(p, champion, {day.isoformat(): reads[day] for day in dates})
    branch = run.branch(p.case.name)
    with tempfile.TemporaryDirectory() as folder:
        model = p.registry.download(champion.model_name, champion.model_version, champion.model_sha256, folder)
        p.lake.create_branch(branch, head)
        reached("score.branched")
        report = _run(p, champion, model, key, head, branch, dates)
    scored = Scored(
        data_commit=head, model_version=champion.model_version, model_sha256=champion.model_sha256,
        dates=tuple(
            ScoredRecord(data_date=day, fingerprint=report.dates[day], reads=reads[day]) for day in dates
        ),
    )  # fmt: skip
    p.lake.put(branch, evidence_path(key, SCORED), scored.model_dump_json().encode())
    commit = p.lake.commit(branch, f"score {counted(len(dates), 'date')}", {})
    reached("score.committed")
    rows = sum(one.rows for one in report.dates.values())
    return {
        "nothing_to_do": False, "run_key": key, "branch": branch, "commit": commit, "sealed": False,
        "dates": [dates[0].isoformat(), dates[-1].isoformat()], "rows": rows,
        "summary": f"{counted(rows, 'row')} of {counted(len(dates), 'date')} by version {champion.model_version}",
    }  # fmt: skip


def _key(p: Platform, champion: PromotionReceipt, reads: dict[str, Any]) -> str:
    works = [f"{day} {json.dumps(read, sort_keys=True, default=str)}" for day, read in reads.items()]
    return run_key(
        case=p.case.name, stage="score", works=works, contract=p.case.contract_version(), code=p.code_version,
        model=f"{champion.model_name}/{champion.model_version}",
    )  # fmt: skip


def _run(p: Platform, champion: PromotionReceipt, model: str, key: str, head: str, branch: str, dates: list[date]) -> ScoreReport:
    passport = Passport(
        model_name=champion.model_name, model_version=champion.model_version, model_sha256=champion.model_sha256,
        data_commit=head, code_version=p.code_version, contract_version=p.case.contract_version(), run_key=key,
    )  # fmt: skip
    job = ScoreJob(
        repository=p.lake.repository, case=p.case_ref, branch=branch, model_path=model, passport=passport,
        dates=tuple(dates),
    )  # fmt: skip
    report = p.spark.run(job)
    assert isinstance(report, ScoreReport)  # noqa: S101  # a job answers with its own report
    return report


def audit(p: Platform, run: Run, scored: dict[str, Any]) -> dict[str, Any]:
    """Audit the committed scores and seal them as a candidate; the watch judges it.

    Raises:
        AuditFailed: the scores are not whole; the branch is kept, nothing was sealed.
    """
    key, branch, snapshot = scored["run_key"], scored["branch"], scored["commit"]
    ledger = read_ledger(p.lake, p.case.name)
    sealed = [one for one in read_candidates(p.lake, p.case.name) if one.branch == branch]
    if sealed or _is_judged(ledger, key):
        commit = sealed[0].commit if sealed else snapshot
        return {"nothing_to_do": False, "run_key": key, "branch": branch, "commit": commit, "summary": "sealed before"}
    record = Scored.model_validate_json(p.lake.get(snapshot, evidence_path(key, SCORED)))
    report = _audited(p, key, snapshot, record)
    for name, page in report.pages.items():
        p.lake.put(branch, evidence_path(key, name), page.encode())
    receipt = ScoresReceipt(
        **about(p, run, key=key, base=record.data_commit, audited=snapshot),
        data_commit=record.data_commit, model_name=p.case.name,
        model_version=record.model_version, model_sha256=record.model_sha256,
        contract_version=p.case.contract_version(), dates=record.dates,
    )  # fmt: skip
    commit = seal(p.lake, branch, receipt)
    reached("score.sealed")
    return {
        "nothing_to_do": False, "run_key": key, "branch": branch, "commit": commit, "page": PAGE,
        "merges": {key: commit},
        "summary": f"candidate of {counted(len(record.dates), 'date')} waits to be judged",
    }  # fmt: skip


def _audited(p: Platform, key: str, snapshot: str, record: Scored) -> AuditReport:
    dates = tuple(one.data_date for one in record.dates)
    report = p.spark.run(
        AuditScoresJob(
            repository=p.lake.repository, case=p.case_ref, snapshot=snapshot, data_commit=record.data_commit,
            run_key=key, dates=dates,
        )
    )  # fmt: skip
    assert isinstance(report, AuditReport)  # noqa: S101  # a job answers with its own report
    failed = [
        f"{unit.data_date} {check.name}: {check.observed}, expected {check.expected}"
        for unit in report.units for check in unit.checks if not check.passed
    ]  # fmt: skip
    if failed or {unit.data_date for unit in report.units} != set(dates):
        msg = (
            f"scores at {snapshot}: {len(failed)} checks failed ({'; '.join(failed[:3])}); "
            "no candidate was made, the branch is kept. Next: `lakeloop logs`, then clear `score`."
        )
        raise AuditFailed(msg)
    return report


def _is_judged(ledger: Ledger, key: str) -> bool:
    return any(candidate == key for candidate, _ in ledger.judged)
