"""Publish judged scores: the candidate's partitions with their trust, verdict rows and profiles, in one gated merge."""

from collections.abc import Callable
from datetime import UTC, date, datetime

from tenacity import retry, retry_if_exception_type, stop_after_attempt

from lakeloop.core import lake as places
from lakeloop.core.checkpoints import reached
from lakeloop.core.errors import Outdated, PreconditionFailed
from lakeloop.core.jobs import Slice
from lakeloop.core.lake import evidence_path, run_branch, run_key, said_by
from lakeloop.core.ledger import Ledger
from lakeloop.core.receipts import ActReceipt, JudgedRecord, ScoredRecord
from lakeloop.core.runs import Run
from lakeloop.core.scoring import Candidate, open_dates
from lakeloop.core.settling import accepted
from lakeloop.core.words import counted
from lakeloop.steps.act_pages import act_pages
from lakeloop.steps.history import merged_as, read_candidates, read_ledger
from lakeloop.steps.platform import Platform
from lakeloop.steps.publish import Work, carry, drop_branches, publish, put_evidence, seal
from lakeloop.steps.signing import about
from lakeloop.steps.verdict_page import PAGE
from lakeloop.steps.watch import JudgedDate, candidate_of
from lakeloop.steps.withdraw import VerdictRow


def publish_dates(p: Platform, run: Run, candidate: str, dates: list[JudgedDate]) -> tuple[str, str, list[JudgedDate]]:
    """Publish the dates of a candidate that are still open: run key, merge commit (empty: none is) and the dates.

    Raises:
        PreconditionFailed: what the scores read was restated or withdrawn before the merge; nothing was published.
    """
    key = act_key(p, candidate, dates)
    done = merged_as(p.lake, p.case.name, key)
    if done is None:
        done, dates = _publish_open(p, run, candidate, dates)
    return act_key(p, candidate, dates), done, dates


@retry(retry=retry_if_exception_type(Outdated), stop=stop_after_attempt(3), reraise=True)
def _publish_open(p: Platform, run: Run, key: str, dates: list[JudgedDate]) -> tuple[str, list[JudgedDate]]:
    """Publish those of the dates that are still open; the commit is empty when none is."""
    candidate = candidate_of(read_candidates(p.lake, p.case.name), key)
    ledger = read_ledger(p.lake, p.case.name)
    still = set(open_dates(ledger, candidate)) if candidate else set()
    dates = [one for one in dates if one.verdict.data_date in still]
    if candidate is None or not dates:
        return "", []
    return _publish_once(p, run, candidate, dates, ledger), dates


def act_key(p: Platform, candidate: str, dates: list[JudgedDate]) -> str:
    """The run key of publishing these dates of a candidate with these verdicts."""
    works = [f"{candidate} {one.verdict.data_date} {one.verdict.word} {one.trust}" for one in dates]
    return run_key(case=p.case.name, stage="act", works=works, contract=p.case.contract_version(), code="")


def _publish_once(p: Platform, run: Run, candidate: Candidate, dates: list[JudgedDate], ledger: Ledger) -> str:
    key = act_key(p, candidate.receipt.run_key, dates)
    head = ledger.head
    branch = run_branch(p.case.name, "watch", f"act-{run.run_id}", run.attempt)
    p.lake.create_branch(branch, head)
    reached("act.branched")
    scored = {one.data_date: one for one in candidate.receipt.dates}
    records = tuple(_record(p, ledger, candidate, one, scored[one.verdict.data_date]) for one in dates)
    slices = _write(p, branch, candidate, key, dates, records)
    carry(p.lake, said_by(candidate.receipt.run_key), candidate.commit, branch)  # the rows' passports name its run key
    reached("act.written")
    audited = p.lake.commit(branch, f"act on {counted(len(records), 'date')}", {})
    _same_scores(p, candidate, audited, records)
    receipt = ActReceipt(
        **about(p, run, key=key, base=head, audited=audited),
        candidate=candidate.receipt.run_key, candidate_branch=candidate.branch,
        candidate_commit=candidate.commit, model_version=candidate.receipt.model_version, judged=records,
    )  # fmt: skip
    put_evidence(p.lake, branch, key, act_pages(p, run, receipt, dates))
    seal(p.lake, branch, receipt)
    reached("act.sealed")
    check = _still_publishable(p, candidate, [one.data_date for one in records], ledger)
    done = publish(p.lake, p.tables, p.lease, Work(branch, receipt, check, slices, said_by(receipt.candidate)))
    reached("act.merged")
    drop_branches(p.lake, branch)
    return done


def _record(p: Platform, ledger: Ledger, candidate: Candidate, one: JudgedDate, scored: ScoredRecord) -> JudgedRecord:
    trust, words = one.trust, one.verdict.words
    said = accepted(ledger, p.case, one.verdict.data_date)
    if said and said.degrades(scored.reads):
        trust, words = said.trust, f"{words}; {said.words}"
    if _is_flagged(ledger, candidate):
        trust, words = "degraded", f"{words}; the model had read data that was withdrawn"
    return JudgedRecord(
        data_date=one.verdict.data_date, verdict=one.verdict.word, trust=trust, words=words,
        fingerprint=scored.fingerprint, reads=scored.reads,
    )  # fmt: skip


def _write(
    p: Platform, branch: str, candidate: Candidate, key: str, dates: list[JudgedDate], records: tuple[JudgedRecord, ...]
) -> tuple[Slice, ...]:
    table = places.scores(p.case.name)
    for trust in sorted({one.trust for one in records}):
        days = tuple(one.data_date.isoformat() for one in records if one.trust == trust)
        p.tables.copy(candidate.commit, branch, [Slice(table=table, values=days)], {"trust": trust})
    verdicts, profiles = places.verdicts(p.case.name), places.profiles(p.case.name)
    p.tables.append(
        branch, verdicts, [verdict_row(one, key, record.trust, record.words) for one, record in zip(dates, records, strict=True)]
    )
    rows: list[VerdictRow] = [
        {"data_date": one.verdict.data_date.isoformat(), "feature": name, "value": value, "run_key": key}
        for one in dates for name, value in sorted(one.evidence.profile.items())
    ]  # fmt: skip
    own = [Slice(table=verdicts, column="run_key", values=(key,))]
    if rows:
        p.tables.append(branch, profiles, rows)
        own.append(Slice(table=profiles, column="run_key", values=(key,)))
    all_days = tuple(one.data_date.isoformat() for one in records)
    return (Slice(table=table, values=all_days), *own)


def verdict_row(one: JudgedDate, key: str, trust: str, words: str) -> dict[str, str | int | float | None]:
    """One row of the verdicts table."""
    return {
        "data_date": one.verdict.data_date.isoformat(),
        "verdict": one.verdict.word,
        "trust": trust,
        "words": words,
        "rows": one.evidence.rows,
        "candidate": one.candidate,
        "run_key": key,
        "evidence": evidence_path(key, PAGE),
        "decided_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _same_scores(p: Platform, candidate: Candidate, audited: str, records: tuple[JudgedRecord, ...]) -> None:
    """The published scores equal the judged candidate's, apart from trust; both hashed now, by this code's own function."""
    table = places.scores(p.case.name)
    slices = [Slice(table=table, values=tuple(one.data_date.isoformat() for one in records))]
    judged, found = (p.tables.fingerprints(at, slices, without=["trust"]) for at in (candidate.receipt.audited_commit, audited))
    for one in records:
        at, rows = (table, one.data_date.isoformat()), one.fingerprint.rows if one.fingerprint else None
        if at not in judged or judged[at].rows != rows or found.get(at) != judged[at]:
            msg = f"scores of {one.data_date} differ from the judged candidate; nothing was published."
            raise PreconditionFailed(msg)


def _is_flagged(ledger: Ledger, candidate: Candidate) -> bool:
    """Whether the candidate's model is known to have read data that was withdrawn."""
    return candidate.receipt.model_version in ledger.flagged


def _still_publishable(p: Platform, candidate: Candidate, days: list[date], before: Ledger) -> Callable[[Ledger], None]:
    def check(ledger: Ledger) -> None:
        lost = sorted(set(days) - set(open_dates(ledger, candidate)))
        if lost:
            msg = (
                f"{lost[0]} was judged, or what it read was restated or withdrawn meanwhile; nothing was published. "
                "Next: the watch judges what is open."
            )
            raise PreconditionFailed(msg)
        answered = [day for day in days if accepted(ledger, p.case, day) != accepted(before, p.case, day)]
        if answered:
            msg = f"a person accepted {answered[0]} while its scores were written as if they had not."
            raise Outdated(msg)
        if _is_flagged(ledger, candidate) != _is_flagged(before, candidate):
            msg = f"version {candidate.receipt.model_version} was flagged while its scores were written as if it were not."
            raise Outdated(msg)

    return check
