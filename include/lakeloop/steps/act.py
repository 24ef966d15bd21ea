"""Act on verdicts in date order: publish scores with their trust, or withdraw a date's bad data."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from itertools import groupby
from typing import Any

from lakeloop.core import lake as places
from lakeloop.core.checkpoints import reached
from lakeloop.core.errors import PreconditionFailed
from lakeloop.core.jobs import Slice
from lakeloop.core.lake import UnitId, evidence_path, run_branch, run_key, said_by
from lakeloop.core.ledger import Ledger
from lakeloop.core.receipts import ActReceipt, JudgedRecord, ScoredRecord
from lakeloop.core.runs import Run
from lakeloop.core.scoring import Candidate, is_spent, open_dates
from lakeloop.core.withdrawal import Condemned
from lakeloop.steps import notices
from lakeloop.steps.act_pages import act_pages, withdrawal_pages
from lakeloop.steps.history import merged_as, read_candidates, read_ledger
from lakeloop.steps.platform import Platform
from lakeloop.steps.publish import Work, carry, drop_branches, publish, put_evidence, seal
from lakeloop.steps.signing import about
from lakeloop.steps.verdict_page import PAGE
from lakeloop.steps.watch import JUDGED, Judged, JudgedDate, candidate_of
from lakeloop.steps.withdraw import VerdictRow, withdraw, withdrawal_key


def act(p: Platform, run: Run, judged: dict[str, Any]) -> dict[str, Any]:
    """Carry out the verdicts of a judgement; done parts are found, not repeated."""
    record = Judged.model_validate_json(p.lake.get(judged["commit"], evidence_path(judged["run_key"], JUDGED)))
    told: dict[str, Any] = {"published": 0, "withdrawn": 0, "held": 0, "commit": "", "run_key": "", "page": PAGE, "verdicts": {}}
    for (withdraws, candidate), group in groupby(record.dates, key=_kind):
        dates = list(group)
        if withdraws:
            for one in dates:
                _withdraw(p, run, one, told)
        else:
            _publish(p, run, candidate, dates, told)
    clean_up(p)
    drop_branches(p.lake, judged["branch"])
    summary = f"{told['published']} dates published, {told['withdrawn']} withdrawn, {told['held']} held"
    return {"nothing_to_do": False, **told, "summary": summary}


def _kind(one: JudgedDate) -> tuple[bool, str]:
    return not one.verdict.consequence.publishes, one.candidate


def clean_up(p: Platform) -> int:
    """Delete the branches of candidates of which nothing can be judged any more."""
    ledger = read_ledger(p.lake, p.case.name)
    spent = [one for one in read_candidates(p.lake, p.case.name) if is_spent(ledger, one)]
    for one in spent:
        p.lake.delete_branch(one.branch)
    return len(spent)


def _publish(p: Platform, run: Run, key: str, dates: list[JudgedDate], told: dict[str, Any]) -> None:
    work_key = act_key(p, key, dates)
    done = merged_as(p.lake, work_key)
    if done is None:
        candidate = candidate_of(read_candidates(p.lake, p.case.name), key)
        ledger = read_ledger(p.lake, p.case.name)
        still = set(open_dates(ledger, candidate)) if candidate else set()
        dates = [one for one in dates if one.verdict.data_date in still]
        if candidate is None or not dates:
            return
        work_key, done = act_key(p, key, dates), _publish_once(p, run, candidate, dates, ledger)
    told |= {"commit": done, "run_key": work_key}
    told["published"] += len(dates)
    for one in dates:
        told["verdicts"][one.verdict.data_date.isoformat()] = one.verdict.word
        notices.verdict_not_ok(p, run, one.verdict, key, f"scores published as {one.verdict.consequence.trust}")


def act_key(p: Platform, candidate: str, dates: list[JudgedDate]) -> str:
    """The run key of publishing these dates of a candidate with these verdicts."""
    works = [f"{candidate} {one.verdict.data_date} {one.verdict.word}" for one in dates]
    return run_key(case=p.case.name, stage="act", works=works, contract=p.case.contract_version(), code="")


def _publish_once(p: Platform, run: Run, candidate: Candidate, dates: list[JudgedDate], ledger: Ledger) -> str:
    key = act_key(p, candidate.receipt.run_key, dates)
    head = ledger.head
    branch = run_branch(p.case.name, "watch", f"act-{run.run_id}", run.attempt)
    p.lake.create_branch(branch, head)
    reached("act.branched")
    scored = {one.data_date: one for one in candidate.receipt.dates}
    records = tuple(_record(ledger, candidate, one, scored[one.verdict.data_date]) for one in dates)
    slices = _write(p, branch, candidate, key, dates, records)
    carry(p.lake, said_by(candidate.receipt.run_key), candidate.commit, branch)  # the rows' passports name its run key
    reached("act.written")
    audited = p.lake.commit(branch, f"act on {len(records)} dates", {})
    _same_scores(p, audited, records)
    receipt = ActReceipt(
        **about(p, run, key=key, base=head, audited=audited),
        candidate=candidate.receipt.run_key, candidate_branch=candidate.branch,
        candidate_commit=candidate.commit, model_version=candidate.receipt.model_version, judged=records,
    )  # fmt: skip
    put_evidence(p.lake, branch, key, act_pages(p, run, receipt, dates))
    seal(p.lake, branch, receipt)
    reached("act.sealed")
    check = _still_publishable(candidate, [one.data_date for one in records])
    done = publish(p.lake, p.tables, p.lease, Work(branch, receipt, check, slices, said_by(receipt.candidate)))
    reached("act.merged")
    drop_branches(p.lake, branch)
    return done


def _record(ledger: Ledger, candidate: Candidate, one: JudgedDate, scored: ScoredRecord) -> JudgedRecord:
    trust: str = one.verdict.consequence.trust or ""
    words = one.verdict.words
    if candidate.receipt.model_version in ledger.flagged and trust == "trusted":
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
    p.tables.append(branch, verdicts, [verdict_row(one, key, record.trust) for one, record in zip(dates, records, strict=True)])
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


def verdict_row(one: JudgedDate, key: str, trust: str) -> dict[str, str | int | float | None]:
    """One row of the verdicts table."""
    return {
        "data_date": one.verdict.data_date.isoformat(),
        "verdict": one.verdict.word,
        "trust": trust,
        "words": one.verdict.words,
        "rows": one.evidence.rows,
        "candidate": one.candidate,
        "run_key": key,
        "evidence": evidence_path(key, PAGE),
        "decided_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _same_scores(p: Platform, audited: str, records: tuple[JudgedRecord, ...]) -> None:
    """The published scores equal the judged candidate's, apart from trust."""
    table = places.scores(p.case.name)
    days = tuple(one.data_date.isoformat() for one in records)
    found = p.tables.fingerprints(audited, [Slice(table=table, values=days)], without=["trust"])
    for one in records:
        if found.get((table, one.data_date.isoformat())) != one.fingerprint:
            msg = f"scores of {one.data_date} differ from the judged candidate; nothing was published."
            raise PreconditionFailed(msg)


def _still_publishable(candidate: Candidate, days: list[date]) -> Callable[[Ledger], None]:
    def check(ledger: Ledger) -> None:
        lost = sorted(set(days) - set(open_dates(ledger, candidate)))
        if lost:
            msg = (
                f"{lost[0]} was judged, or what it read was restated or withdrawn meanwhile; nothing was published. "
                "Next: the watch judges what is open."
            )
            raise PreconditionFailed(msg)

    return check


def _withdraw(p: Platform, run: Run, one: JudgedDate, told: dict[str, Any]) -> None:
    verdict = one.verdict
    day = verdict.data_date.isoformat()
    told["verdicts"][day] = verdict.word
    if verdict.word != "data_fault" or p.case.drift.act != "auto":
        told["held"] += 1
        notices.verdict_not_ok(p, run, verdict, one.candidate, f"nothing: act mode is {p.case.drift.act}")
        return
    condemned = _condemned(p, one)
    if not condemned:
        return
    key = withdrawal_key(p, condemned)
    row: VerdictRow = verdict_row(one, key, "")
    done, receipt = withdraw(p, run, condemned, [row], withdrawal_pages(p, run, one, key, condemned))
    told |= {"commit": done, "run_key": key}
    told["withdrawn"] += len(receipt.withdrawn)
    for version in receipt.flagged_models:
        p.registry.flag(p.case.name, version, "read_withdrawn_data", receipt.run_key)
    notices.verdict_not_ok(p, run, verdict, one.candidate, f"withdrawn in {done[:12]}, candidates dropped")
    notices.withdrawn(p, run, receipt, done)


def _condemned(p: Platform, one: JudgedDate) -> list[Condemned]:
    """The units of the date's faulty tables, by the receipts that the candidate had read."""
    ledger = read_ledger(p.lake, p.case.name)
    found = []
    for table in one.verdict.tables:
        unit = UnitId(table, one.verdict.data_date)
        read, owner = one.sources.get(table), ledger.owner(unit)
        if read and (owner is None or owner.run_key == read or _gone(ledger, unit, read)):
            found.append(Condemned(unit, read, one.verdict.words))
    return found


def _gone(ledger: Ledger, unit: UnitId, receipt: str) -> bool:
    return any(key[0] == unit and record.condemned == receipt for key, (record, _) in ledger.withdrawn.items())
