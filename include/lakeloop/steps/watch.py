"""Watch: evidence and a verdict for every unjudged date, kept on a run branch until it is acted upon."""

from datetime import date
from typing import Any

from lakeloop.core.checkpoints import reached
from lakeloop.core.jobs import EvidenceJob
from lakeloop.core.lake import MAIN, run_key
from lakeloop.core.reports import DateEvidence, EvidenceReport
from lakeloop.core.runs import Run
from lakeloop.core.scoring import Candidate, to_judge
from lakeloop.core.use_case import Value
from lakeloop.core.verdict import Verdict, judge
from lakeloop.core.words import counted
from lakeloop.steps.history import read_candidates, read_ledger
from lakeloop.steps.platform import Platform
from lakeloop.steps.publish import put_evidence
from lakeloop.steps.verdict_page import PAGE, Told, verdict_pages

JUDGED = "judged.json"


class JudgedDate(Value):
    """A verdict, the candidate it is about, and what was measured."""

    candidate: str
    verdict: Verdict
    evidence: DateEvidence
    sources: dict[str, str]  # table -> receipt (run key) of that date that the candidate had read
    trust: str  # what its scores are published with; empty: they are not


class Judged(Value):
    """Everything one sweep decided, in date order."""

    data_commit: str
    dates: tuple[JudgedDate, ...]


def judge_dates(p: Platform, run: Run) -> dict[str, Any]:
    """Measure and judge every open date of every candidate inside the run's range."""
    head = p.lake.head(MAIN)
    ledger = read_ledger(p.lake, p.case.name, head)
    candidates = {one.receipt.run_key: one for one in read_candidates(p.lake, p.case.name)}
    work = to_judge(ledger, run, list(candidates.values()))
    if not work:
        return {"nothing_to_do": True, "summary": "no candidate waits to be judged"}
    report = _measure(p, head, {candidates[key].commit: days for key, days in work.items()})
    judged = Judged(data_commit=head, dates=_verdicts(p, work, candidates, report))
    key = run_key(
        case=p.case.name, stage="watch", contract=p.case.contract_version(), code=p.code_version,
        works=[f"{one.candidate} {one.verdict.data_date}" for one in judged.dates],
    )  # fmt: skip
    branch = run.branch(p.case.name)
    p.lake.create_branch(branch, head)
    evidence = {JUDGED: judged.model_dump_json(indent=1)} | _pages(p, run, key, judged.dates)
    put_evidence(p.lake, branch, key, evidence)
    commit = p.lake.commit(branch, f"judge {counted(len(judged.dates), 'date')}", {})
    reached("watch.judged")
    return {
        "nothing_to_do": False, "run_key": key, "branch": branch, "commit": commit, "sealed": False, "page": PAGE,
        "summary": _summary(judged.dates),
    }  # fmt: skip


def _measure(p: Platform, head: str, candidates: dict[str, list[date]]) -> EvidenceReport:
    report = p.spark.run(
        EvidenceJob(
            repository=p.lake.repository, case=p.case_ref, data_commit=head,
            candidates={commit: tuple(days) for commit, days in candidates.items()},
        )
    )  # fmt: skip
    assert isinstance(report, EvidenceReport)  # noqa: S101  # a job answers with its own report
    return report


def _verdicts(
    p: Platform, work: dict[str, list[date]], candidates: dict[str, Candidate], report: EvidenceReport
) -> tuple[JudgedDate, ...]:
    evidence = {one.data_date: one for one in report.dates}
    owner = {day: key for key, days in work.items() for day in days}
    verdicts = {day: judge(evidence[day], p.case.drift) for day in sorted(owner)}
    return tuple(
        JudgedDate(
            candidate=owner[day], verdict=verdict, evidence=evidence[day],
            sources=_sources(candidates[owner[day]], day), trust=verdict.consequence.trust or "",
        )
        for day, verdict in verdicts.items()
    )  # fmt: skip


def _sources(candidate: Candidate, day: date) -> dict[str, str]:
    reads = next(record.reads for record in candidate.receipt.dates if record.data_date == day)
    return {table: key for table, receipts in reads.items() for key, days in receipts.items() if day in days}


def _pages(p: Platform, run: Run, key: str, dates: tuple[JudgedDate, ...]) -> dict[str, str]:
    """The evidence before anything was done: the one page of dates that are held."""
    told = [Told(one.verdict, one.evidence, one.candidate, "", one.verdict.words, "nothing yet: judged") for one in dates]
    return verdict_pages(p.case.name, key, run.run_id, told, {})


def _summary(dates: tuple[JudgedDate, ...]) -> str:
    counts: dict[str, int] = {}
    for one in dates:
        counts[one.verdict.word] = counts.get(one.verdict.word, 0) + 1
    told = ", ".join(f"{count} {word}" for word, count in sorted(counts.items()))
    return f"{dates[0].verdict.data_date} to {dates[-1].verdict.data_date}: {told}"


def candidate_of(candidates: list[Candidate], key: str) -> Candidate | None:
    """The candidate of a run key, if its branch is still there."""
    return next((one for one in candidates if one.receipt.run_key == key), None)
