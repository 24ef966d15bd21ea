"""Watch: evidence and a verdict for every unjudged or unsettled date, kept on a run branch until it is acted upon."""

from datetime import date
from typing import Any

from lakeloop.core.checkpoints import reached
from lakeloop.core.jobs import EvidenceJob
from lakeloop.core.lake import MAIN, run_key
from lakeloop.core.ledger import Ledger
from lakeloop.core.quality import promised, quality_fact, to_measure
from lakeloop.core.reports import DateEvidence, EvidenceReport
from lakeloop.core.runs import Run
from lakeloop.core.scoring import Candidate, to_judge
from lakeloop.core.settling import to_settle
from lakeloop.core.value import Value
from lakeloop.core.verdict import Verdict, judge, settle
from lakeloop.core.words import counted
from lakeloop.steps.history import read_candidates, read_ledger
from lakeloop.steps.platform import Platform
from lakeloop.steps.publish import put_evidence
from lakeloop.steps.verdict_page import PAGE, Told, verdict_pages

JUDGED = "judged.json"


class JudgedDate(Value):
    """A verdict, the candidate it is about, and what was measured."""

    candidate: str  # empty where later tables settle the date
    verdict: Verdict
    evidence: DateEvidence
    sources: dict[str, str]  # table -> receipt (run key) of that date that the candidate had read, or that were compared
    trust: str  # what its scores are published with; empty: they are not

    @property
    def work(self) -> str:
        """What a person tells this judgement from another one of the date by."""
        return self.candidate or " ".join(f"{table} {receipt[:12]}" for table, receipt in sorted(self.sources.items()))


class Judged(Value):
    """Everything one sweep decided, in date order."""

    data_commit: str
    dates: tuple[JudgedDate, ...]
    settled: tuple[JudgedDate, ...] = ()


def judge_dates(p: Platform, run: Run) -> dict[str, Any]:
    """Measure and judge every open date of every candidate inside the run's range, and those that later tables settle."""
    head = p.lake.head(MAIN)
    ledger = read_ledger(p.lake, p.case.name, head)
    candidates = {one.receipt.run_key: one for one in read_candidates(p.lake, p.case.name)}
    work = to_judge(ledger, run, list(candidates.values()))
    open_ones = to_settle(ledger, p.case, run)
    if not work and not open_ones:
        return {"nothing_to_do": True, "summary": "no candidate waits to be judged, and no date to be settled"}
    report = _measure(p, ledger, {candidates[key].commit: days for key, days in work.items()}, list(open_ones))
    judged = Judged(data_commit=head, dates=_verdicts(p, work, candidates, report), settled=_settled(open_ones, report))
    key = run_key(
        case=p.case.name, stage="watch", contract=p.case.contract_version(), code=p.code_version,
        works=[f"{one.work} {one.verdict.data_date}" for one in (*judged.dates, *judged.settled)],
    )  # fmt: skip
    branch = run.branch(p.case.name)
    p.lake.create_branch(branch, head)
    every = (*judged.settled, *judged.dates)
    evidence = {JUDGED: judged.model_dump_json(indent=1)} | _pages(p, run, key, every)
    put_evidence(p.lake, branch, key, evidence)
    commit = p.lake.commit(branch, f"judge {counted(len(every), 'date')}", {})
    reached("watch.judged")
    return {
        "nothing_to_do": False, "run_key": key, "branch": branch, "commit": commit, "sealed": False, "page": PAGE,
        "summary": "; ".join([*_summary(judged.dates), *(f"settled {words}" for words in _summary(judged.settled))]),
    }  # fmt: skip


def _measure(p: Platform, ledger: Ledger, candidates: dict[str, list[date]], settle: list[date]) -> EvidenceReport:
    """What Spark found; with each judged date, how well the champion did on the dates before whose labels are there."""
    judged = [day for days in candidates.values() for day in days]
    report = p.spark.run(
        EvidenceJob(
            repository=p.lake.repository, case=p.case_ref, data_commit=ledger.head,
            candidates={commit: tuple(days) for commit, days in candidates.items()}, settle=tuple(settle),
            matured=tuple(to_measure(ledger, p.case, judged)),
        )
    )  # fmt: skip
    assert isinstance(report, EvidenceReport)  # noqa: S101  # a job answers with its own report
    held_out = promised(ledger)
    quality = {one.data_date: quality_fact(p.case, one.data_date, report.aucs, held_out) for one in report.dates}
    dates = (one.model_copy(update={"facts": (*one.facts, quality[one.data_date])}) for one in report.dates)
    return report.model_copy(update={"dates": tuple(dates)})


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


def _settled(sources: dict[date, dict[str, str]], report: EvidenceReport) -> tuple[JudgedDate, ...]:
    verdicts = [(one, settle(one)) for one in report.settled]
    return tuple(
        JudgedDate(
            candidate="", verdict=found, evidence=one, sources=sources[one.data_date], trust=found.consequence.trust or "",
        )
        for one, found in verdicts
    )  # fmt: skip


def _sources(candidate: Candidate, day: date) -> dict[str, str]:
    reads = next(record.reads for record in candidate.receipt.dates if record.data_date == day)
    return {table: key for table, receipts in reads.items() for key, days in receipts.items() if day in days}


def _pages(p: Platform, run: Run, key: str, dates: tuple[JudgedDate, ...]) -> dict[str, str]:
    """The evidence before anything was done: the one page of dates that are held."""
    told = [Told(one.verdict, one.evidence, one.candidate, "", one.verdict.words, "nothing yet: judged") for one in dates]
    return verdict_pages(p.case.name, key, run.run_id, told, {})


def _summary(dates: tuple[JudgedDate, ...]) -> list[str]:
    if not dates:
        return []
    counts: dict[str, int] = {}
    for one in dates:
        counts[one.verdict.word] = counts.get(one.verdict.word, 0) + 1
    told = ", ".join(f"{count} {word}" for word, count in sorted(counts.items()))
    return [f"{dates[0].verdict.data_date} to {dates[-1].verdict.data_date}: {told}"]


def candidate_of(candidates: list[Candidate], key: str) -> Candidate | None:
    """The candidate of a run key, if its branch is still there."""
    return next((one for one in candidates if one.receipt.run_key == key), None)
