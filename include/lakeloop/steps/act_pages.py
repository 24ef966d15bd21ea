"""What an act keeps of its reasons: the verdict page of published dates, and that of a withdrawal with its incident."""

from lakeloop.core.receipts import ActReceipt
from lakeloop.core.runs import Run
from lakeloop.core.withdrawal import Condemned
from lakeloop.steps.history import read_candidates
from lakeloop.steps.platform import Platform
from lakeloop.steps.verdict_page import Told, receipt_link, verdict_pages
from lakeloop.steps.watch import JudgedDate, candidate_of
from lakeloop.steps.withdraw import INCIDENT

SCORES = "scores.json"  # beside a withdrawal: the receipt of scores that never came to main


def act_pages(p: Platform, run: Run, receipt: ActReceipt, dates: list[JudgedDate]) -> dict[str, str]:
    """The evidence of published dates, in the words that their records say."""
    told = [
        Told(one.verdict, one.evidence, one.candidate, said.trust, said.words, f"scores published as {said.trust}")
        for one, said in zip(dates, receipt.judged, strict=True)
    ]
    links = {"receipt": receipt_link(receipt.run_key), "receipt of the scores": receipt_link(receipt.candidate)}
    return verdict_pages(p.case.name, receipt.run_key, run.run_id, told, links)


def withdrawal_pages(p: Platform, run: Run, one: JudgedDate, key: str, condemned: list[Condemned]) -> dict[str, str]:
    """The evidence of withdrawn data, with the incident and the receipt of the scores that are dropped with it."""
    units = " and ".join(str(unit) for unit, _, _ in condemned)
    done = f"{units} withdrawn with all that had read it" + ("; these scores are dropped" if one.candidate else "")
    told = Told(one.verdict, one.evidence, one.candidate, "", one.verdict.words, done)
    beside = {INCIDENT: _incident(p, run, one)}
    candidate = candidate_of(read_candidates(p.lake, p.case.name), one.candidate)
    if candidate:
        beside[SCORES] = candidate.receipt.model_dump_json(indent=1)
    links = {"receipt": receipt_link(key), **{name.partition(".")[0]: name for name in beside}}
    return verdict_pages(p.case.name, key, run.run_id, [told], links) | beside


def _incident(p: Platform, run: Run, one: JudgedDate) -> str:
    facts = "\n".join(f"- {fact.words} ({fact.bound})" for fact in one.evidence.facts if fact.broken)
    return (
        f"# {p.case.name} {one.verdict.data_date}: {one.verdict.word}\n\n{one.verdict.words}\n\n"
        f"## Facts\n\n{facts}\n\n## Decided by\n\n{p.case.name}__watch {run.run_id}, try {run.attempt}, "
        f"on {'candidate ' if one.candidate else ''}{one.work}\n"
        + (f"\n{run.actor} had it withdrawn: {run.reason}\n" if run.decide else "")
    )
