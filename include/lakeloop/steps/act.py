"""Act on verdicts in date order: publish scores with their trust, withdraw a date's bad data, or hold and ask."""

from itertools import groupby
from typing import Any

from lakeloop.core.lake import UnitId, evidence_path
from lakeloop.core.ledger import Ledger
from lakeloop.core.receipts import WithdrawalReceipt
from lakeloop.core.runs import Run
from lakeloop.core.scoring import is_spent
from lakeloop.core.withdrawal import Condemned
from lakeloop.core.words import counted
from lakeloop.steps import notices
from lakeloop.steps.act_pages import withdrawal_pages
from lakeloop.steps.history import read_candidates, read_ledger
from lakeloop.steps.platform import Platform
from lakeloop.steps.publish import drop_branches
from lakeloop.steps.publish_scores import publish_dates, verdict_row
from lakeloop.steps.settle import settle
from lakeloop.steps.verdict_page import PAGE
from lakeloop.steps.watch import JUDGED, Judged, JudgedDate
from lakeloop.steps.withdraw import VerdictRow, withdraw, withdrawal_key


def act(p: Platform, run: Run, judged: dict[str, Any]) -> dict[str, Any]:
    """Carry out the verdicts of a judgement; done parts are found, not repeated."""
    record = Judged.model_validate_json(p.lake.get(judged["commit"], evidence_path(judged["run_key"], JUDGED)))
    told: dict[str, Any] = {"commit": "", "run_key": "", "page": PAGE, "verdicts": {}, "merges": {}}
    told |= {"published": 0, "withdrawn": 0, "held": 0, "settled": 0, "retrains": False}
    settled = [_accepted(run, one) for one in record.settled]
    _settle(p, run, settled, told)
    faulty = {UnitId(table, one.verdict.data_date) for one in settled if not one.trust for table in one.verdict.tables}
    answered = [one for one in (_accepted(run, one) for one in record.dates) if not (one.trust and _has_read(one, faulty))]
    for (publishes, candidate), group in groupby(answered, key=lambda one: (bool(one.trust), one.candidate)):
        dates = list(group)
        if not publishes:
            for one in dates:
                _withdraw_or_hold(p, run, one, told)
        else:
            _publish(p, run, candidate, dates, told)
    clean_up(p)
    drop_branches(p.lake, judged["branch"])
    summary = f"{counted(told['published'], 'date')} published, {told['withdrawn']} withdrawn, {told['held']} held"
    summary += f", {told['settled']} settled" if told["settled"] else ""
    return {"nothing_to_do": False, **told, "summary": summary}


def _has_read(one: JudgedDate, units: set[UnitId]) -> bool:
    """Whether a candidate's date reads what later tables condemn; the candidate does not know."""
    return any(UnitId(table, one.verdict.data_date) in units for table in one.sources)


def _accepted(run: Run, one: JudgedDate) -> JudgedDate:
    """The date with a person's answer: what they accept is published as degraded, with their name and reason."""
    if one.trust or run.decide != "accept" or not run.selects(one.verdict.data_date):
        return one
    words = f"{one.verdict.words}; accepted by {run.actor}: {run.reason}"
    return one.model_copy(update={"trust": "degraded", "verdict": one.verdict.model_copy(update={"words": words})})


def clean_up(p: Platform) -> int:
    """Delete the branches of candidates of which nothing can be judged any more."""
    ledger = read_ledger(p.lake, p.case.name)
    spent = [one for one in read_candidates(p.lake, p.case.name) if is_spent(ledger, one)]
    for one in spent:
        p.lake.delete_branch(one.branch)
    return len(spent)


def _settle(p: Platform, run: Run, dates: list[JudgedDate], told: dict[str, Any]) -> None:
    """Dates that later tables speak of: the bad data of each is withdrawn or held, the sound ones are noted together."""
    ledger = read_ledger(p.lake, p.case.name)
    for one in dates:
        if not one.trust and _still_compared(p, ledger, one):  # or it was restated meanwhile, and is settled anew
            _withdraw_or_hold(p, run, one, told)
    sound = [one for one in dates if one.trust]
    if sound:
        key, done, told["settled"] = settle(p, run, sound)
        if done:
            told |= {"commit": done, "run_key": key}
            told["merges"][key] = done


def _still_compared(p: Platform, ledger: Ledger, one: JudgedDate) -> bool:
    others = [table for table in one.sources if table not in one.verdict.tables]
    owners = [(ledger.owner(UnitId(table, one.verdict.data_date)), one.sources[table]) for table in others]
    return bool(_condemned(p, ledger, one)) and all(owner and owner.run_key == read for owner, read in owners)


def _publish(p: Platform, run: Run, key: str, dates: list[JudgedDate], told: dict[str, Any]) -> None:
    work_key, done, dates = publish_dates(p, run, key, dates)
    if not done:
        return
    told |= {"commit": done, "run_key": work_key}
    told["merges"][work_key] = done
    told["published"] += len(dates)
    for one in dates:
        told["verdicts"][one.verdict.data_date.isoformat()] = one.verdict.word
        told["retrains"] = told["retrains"] or one.verdict.consequence.retrains
        notices.verdict_not_ok(p, run, one.verdict, key, f"scores published as {one.trust}")


def _withdraw_or_hold(p: Platform, run: Run, one: JudgedDate, told: dict[str, Any]) -> None:
    verdict = one.verdict
    told["verdicts"][verdict.data_date.isoformat()] = verdict.word
    ledger = read_ledger(p.lake, p.case.name)
    condemned = _condemned(p, ledger, one)
    holds = _why_held(p, run, one, ledger, condemned)
    if holds:
        told["held"] += 1
        notices.verdict_not_ok(p, run, verdict, one.work, f"nothing: {holds}; {_standing(ledger, one)}", held=True)
        return
    key = withdrawal_key(p, condemned)
    row: VerdictRow = verdict_row(one, key, "", verdict.words)
    done, receipt = withdraw(p, run, condemned, [row], withdrawal_pages(p, run, one, key, condemned))
    told |= {"commit": done, "run_key": key}
    told["merges"][key] = done
    told["withdrawn"] += len(receipt.withdrawn)
    for version in receipt.flagged_models:
        p.registry.flag(p.case.name, version, "read_withdrawn_data", receipt.run_key)
    notices.verdict_not_ok(p, run, verdict, one.work, f"withdrawn in {done[:12]}{_dropped(receipt)}")
    notices.withdrawn(p, run, receipt, done)


def _dropped(receipt: WithdrawalReceipt) -> str:
    return f", {counted(len(receipt.dropped), 'candidate')} dropped" if receipt.dropped else ""


def _standing(ledger: Ledger, one: JudgedDate) -> str:
    held = ledger.scores.get(one.verdict.data_date)
    seen = not one.candidate and held is not None and not held.recalled
    return "its published scores stand" if seen else "its scores are not visible"


def _why_held(p: Platform, run: Run, one: JudgedDate, ledger: Ledger, condemned: list[Condemned]) -> str:
    """Why a bad date is not withdrawn; empty when it is to be."""
    if one.verdict.word != "data_fault":
        return "a statistical fault is for a person to judge"
    if not condemned:
        return f"the candidate read none of {', '.join(one.verdict.tables)} that main holds of that date"
    if run.decide == "withdraw" and run.selects(one.verdict.data_date):
        return ""
    owners = [ledger.owner(each.unit) for each in condemned]
    back = next((owner.record.reinstated for owner in owners if owner and owner.record.reinstated), "")
    if back:
        return f"a person had this data back ({back})"
    if said := ledger.accepted.get(ledger.deliveries(one.verdict.data_date, one.sources)):
        return f"a person accepted this data ({said})"
    return "" if p.case.drift.act == "auto" else f"act mode is {p.case.drift.act}"


def _condemned(p: Platform, ledger: Ledger, one: JudgedDate) -> list[Condemned]:
    """The units of the date's faulty tables, by the receipts that the candidate had read; not what another act took back."""
    found, gone = [], {}
    for table in one.verdict.tables:
        unit = UnitId(table, one.verdict.data_date)
        read, owner = one.sources.get(table), ledger.owner(unit)
        by = _taken_by(ledger, unit, read) if read else ""
        if read and (owner is None or owner.run_key == read or by):
            found.append(Condemned(unit, read, one.verdict.words))
            gone[unit] = by
    if withdrawal_key(p, found) in ledger.entries:
        return found
    last = max((by for by in gone.values() if by), key=list(ledger.entries).index, default="")
    here = [each for each in found if not gone[each.unit]]
    return here or [each for each in found if gone[each.unit] == last]  # an earlier try of this act, or nothing is left


def _taken_by(ledger: Ledger, unit: UnitId, receipt: str) -> str:
    """The withdrawal (run key) that took a receipt's unit back; empty where none did."""
    return next((by for key, (record, by) in ledger.withdrawn.items() if key[0] == unit and record.condemned == receipt), "")
