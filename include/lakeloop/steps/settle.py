"""Settle: note that later tables found dates sound, so that each is judged by them once."""

from typing import NamedTuple

from tenacity import retry, retry_if_exception_type, stop_after_attempt

from lakeloop.core.checkpoints import reached
from lakeloop.core.errors import Outdated
from lakeloop.core.jobs import Slice
from lakeloop.core.lake import run_branch, run_key, scores, verdicts
from lakeloop.core.ledger import Ledger
from lakeloop.core.receipts import ActReceipt, SettledRecord
from lakeloop.core.runs import Run
from lakeloop.core.settling import is_settled, sources_of
from lakeloop.core.words import counted
from lakeloop.steps.history import merged_as, read_ledger
from lakeloop.steps.platform import Platform
from lakeloop.steps.publish import Work, drop_branches, publish, put_evidence, seal
from lakeloop.steps.publish_scores import verdict_row
from lakeloop.steps.signing import about
from lakeloop.steps.verdict_page import Told, receipt_link, verdict_pages
from lakeloop.steps.watch import JudgedDate


def settle(p: Platform, run: Run, dates: list[JudgedDate]) -> tuple[str, str, int]:
    """Note the dates that still are what was judged: run key, merge commit (empty: none is) and how many."""
    done = merged_as(p.lake, p.case.name, settle_key(p, dates))
    if done is None:
        done, dates = _settle_open(p, run, dates)
    return settle_key(p, dates), done, len(dates)


def settle_key(p: Platform, dates: list[JudgedDate]) -> str:
    """The run key of settling these dates by these receipts."""
    works = [f"settle {one.verdict.data_date} {sorted(one.sources.items())} {one.trust}" for one in dates]
    return run_key(case=p.case.name, stage="act", works=works, contract=p.case.contract_version(), code="")


def stands(p: Platform, ledger: Ledger, one: JudgedDate) -> bool:
    """Whether main's tables of the date are those that were compared, and nobody has settled it meanwhile."""
    day = one.verdict.data_date
    return sources_of(ledger, p.case, day) == one.sources and not is_settled(ledger, day, one.sources)


@retry(retry=retry_if_exception_type(Outdated), stop=stop_after_attempt(3), reraise=True)
def _settle_open(p: Platform, run: Run, dates: list[JudgedDate]) -> tuple[str, list[JudgedDate]]:
    ledger = read_ledger(p.lake, p.case.name)
    dates = [one for one in dates if stands(p, ledger, one)]
    return (_settle_once(p, run, dates, ledger), dates) if dates else ("", [])


def _settle_once(p: Platform, run: Run, dates: list[JudgedDate], ledger: Ledger) -> str:
    key, head = settle_key(p, dates), ledger.head
    branch = run_branch(p.case.name, "watch", f"settle-{run.run_id}", run.attempt)
    p.lake.create_branch(branch, head)
    reached("settle.branched")
    settled = [_settled(ledger, one) for one in dates]
    records = tuple(one.record for one in settled)
    slices = (*_mark(p, branch, ledger, settled), *_tell(p, branch, key, settled))
    audited = p.lake.commit(branch, f"settle {counted(len(dates), 'date')}", {}) if slices else head
    reached("settle.written")
    receipt = ActReceipt(
        **about(p, run, key=key, base=head, audited=audited),
        candidate="", candidate_branch="", candidate_commit="", model_version=0, judged=(),
        settled=records,
    )  # fmt: skip
    put_evidence(p.lake, branch, key, _pages(p, run, key, settled))
    seal(p.lake, branch, receipt)
    reached("settle.sealed")

    def check(now: Ledger) -> None:
        if not all(stands(p, now, one) for one in dates):
            msg = "what a date was settled by changed meanwhile; nothing was noted. Next: the rest is settled without it."
            raise Outdated(msg)

    done = publish(p.lake, p.tables, p.lease, Work(branch, receipt, check, slices))
    reached("settle.merged")
    drop_branches(p.lake, branch)
    return done


class _Settled(NamedTuple):
    """A date as it is noted, and what its scores are trusted with from here on; empty where they stay as they were."""

    judged: JudgedDate
    record: SettledRecord
    trust: str


def _settled(ledger: Ledger, one: JudgedDate) -> _Settled:
    said, trust = one.verdict, "" if one.verdict.word == "ok" else one.trust
    tables = said.tables if trust else ()
    record = SettledRecord(data_date=said.data_date, sources=one.sources, words=said.words, trust=trust, tables=tables)
    held = ledger.scores.get(said.data_date)
    return _Settled(one, record, trust if held is None or record.degrades(held.record.reads) else "")


def _mark(p: Platform, branch: str, ledger: Ledger, settled: list[_Settled]) -> tuple[Slice, ...]:
    """Published scores that read what a person accepted as it is bear their new trust."""
    slices = []
    for one in settled:
        day = one.record.data_date
        held = ledger.scores.get(day)
        if one.trust and held and not held.recalled:
            piece = Slice(table=scores(p.case.name), values=(day.isoformat(),))
            p.tables.update(branch, [piece], "trust", one.trust)
            slices.append(piece)
    return tuple(slices)


def _tell(p: Platform, branch: str, key: str, settled: list[_Settled]) -> tuple[Slice, ...]:
    """Faults that a person accepted stand among the verdicts: the date's own row may say ok."""
    rows = [verdict_row(one.judged, key, one.trust, one.record.words) for one in settled if one.record.trust]
    if not rows:
        return ()
    p.tables.append(branch, verdicts(p.case.name), rows)
    return (Slice(table=verdicts(p.case.name), column="run_key", values=(key,)),)


def _pages(p: Platform, run: Run, key: str, settled: list[_Settled]) -> dict[str, str]:
    told = [
        Told(judged.verdict, judged.evidence, "", trust or "as it was", record.words, "settled by what came later")
        for judged, record, trust in settled
    ]
    return verdict_pages(p.case.name, key, run.run_id, told, {"receipt": receipt_link(key)})
