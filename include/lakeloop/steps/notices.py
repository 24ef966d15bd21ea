"""What steps tell on-call: one outbox row a fact, under a key that makes retries harmless."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from lakeloop.core.receipts import DataReceipt, RefusalReceipt, WithdrawalReceipt
from lakeloop.core.runs import Run
from lakeloop.core.verdict import Verdict
from lakeloop.core.words import counted
from lakeloop.ports import Stray
from lakeloop.steps.platform import Platform

_LISTED = 5


def refused_deliveries(p: Platform, run: Run, receipt: DataReceipt | RefusalReceipt, commit: str) -> None:
    """One alert for the refused deliveries of a run."""
    if not receipt.refused:
        return
    p.outbox.enqueue(
        key=f"refused:{receipt.run_key}",
        severity="warning",
        title=f"{p.case.name}: {counted(len(receipt.refused), 'delivery')} refused",
        body={
            "cause": _listed([f"{one.id}: {one.refusal.message}" for one in receipt.refused]),
            "not done": "none of their rows reached clean/; what was read of them is kept in landing/",
            "run": f"{p.case.name}__ingest {run.run_id}",
            "evidence": f"lakefs://{p.lake.repository}/{commit}/_lakeloop/evidence/{receipt.run_key}/",
            "list": "lakeloop deliveries --state refused",
            "next": "as each cause says; a repaired delivery is taken in by itself, the same one is tried again only by a run "
            f"of {p.case.name}__ingest over its night with retry_refused and a reason",
            **p.links,
        },
        channel=p.case.slack_channel,
    )


def marked_deliveries(p: Platform, run: Run, receipt: DataReceipt | RefusalReceipt, commit: str) -> None:
    """One alert for what a run published although its audit warned."""
    marked = [one for one in receipt.published if one.warnings] if isinstance(receipt, DataReceipt) else []
    if not marked:
        return
    p.outbox.enqueue(
        key=f"warned:{receipt.run_key}",
        severity="warning",
        title=f"{p.case.name}: {counted(len(marked), 'delivery')} published with warnings",
        body={
            "cause": _listed([f"{one.id}: {'; '.join(one.warnings[:_LISTED])}" for one in marked]),
            "done": "published; each warning stands on the receipt and on the audit page",
            "run": f"{p.case.name}__ingest {run.run_id}",
            "evidence": f"lakefs://{p.lake.repository}/{commit}/_lakeloop/evidence/{receipt.run_key}/audit.html",
            "next": "look at the page; where the data is wrong, ask for a repair, which replaces it",
            **p.links,
        },
        channel=p.case.slack_channel,
    )


def stray_folders(p: Platform, run: Run, strays: Sequence[Stray]) -> None:
    """One alert for everything in the feed that cannot be taken in; told again when there is more of it."""
    if not strays:
        return
    paths = "\n".join(sorted(one.path for one in strays))
    p.outbox.enqueue(
        key=f"stray:{p.case.name}:{hashlib.sha256(paths.encode()).hexdigest()}",
        severity="warning",
        title=f"{p.case.name}: {counted(len(strays), 'folder')} in the feed {'is' if len(strays) == 1 else 'are'} no delivery",
        body={
            "cause": _listed([f"{one.path}: {one.why}" for one in strays]),
            "not done": "nothing of them was taken in or kept; every other delivery is",
            "run": f"{p.case.name}__ingest {run.run_id}",
            "next": "move each to <case>/<table>/<data date>/<number>/ of a case and a table that there is, or out of the feed",
            "list": "lakeloop deliveries",
            **p.links,
        },
        channel=p.case.slack_channel,
    )


def verdict_not_ok(p: Platform, run: Run, verdict: Verdict, candidate: str, doing: str, *, held: bool = False) -> None:
    """One alert for a verdict that is not ok; a held one says how to answer it."""
    severity = verdict.consequence.alert
    if severity == "none":
        return
    p.outbox.enqueue(
        key=f"verdict:{candidate}:{verdict.data_date}:{verdict.word}",
        severity=severity,
        title=f"{p.case.name} {verdict.data_date}: {verdict.word}",
        body={
            "cause": verdict.words,
            "done": doing,
            "run": f"{p.case.name}__watch {run.run_id}",
            "next": _answer(p, verdict) if held else _next(p, verdict),
            **p.links,
        },
        channel=p.case.slack_channel,
    )


def too_late_to_score(p: Platform, run: Run, late: Mapping[date, list[str]]) -> None:
    """One alert for each date that stays without scores, since its data came after the prediction was due."""
    for day, tables in late.items():
        p.outbox.enqueue(
            key=f"late:{p.case.name}:{day}:{','.join(tables)}",
            severity="warning",
            title=f"{p.case.name} {day}: too late to be predicted",
            body={
                "cause": f"{' and '.join(tables)} of {day} arrived after {p.case.prediction_time(day).isoformat()}, "
                "when the prediction was due",
                "not done": "no scores were made of that date, and no model learns from it; its data is published",
                "run": f"{p.case.name}__score {run.run_id}",
                "next": "ask the supplier why it came late; later dates are scored as ever",
                **p.links,
            },
            channel=p.case.slack_channel,
        )


def withdrawn(p: Platform, run: Run, receipt: WithdrawalReceipt, commit: str) -> None:
    """A further, critical alert when published scores were recalled or a model had read the data."""
    if not receipt.recalled and not receipt.flagged_models:
        return
    p.outbox.enqueue(
        key=f"recall:{receipt.run_key}",
        severity="critical",
        title=f"{p.case.name}: withdrawn data had been read",
        body={
            "cause": ", ".join(f"{one.id}" for one in receipt.withdrawn),
            "recalled": ", ".join(f"{one.data_date} ({one.rows} rows)" for one in receipt.recalled) or "none",
            "models": ", ".join(f"version {one}" for one in receipt.flagged_models) or "none",
            "run": f"{p.case.name}__watch {run.run_id}, main {commit[:12]}",
            "next": "re-scored after the repair; a flagged champion scores as degraded until a fresh one",
            **p.links,
        },
        channel=p.case.slack_channel,
    )


def approval_awaited(p: Platform, run: Run, gated: Mapping[str, Any], page: str) -> None:
    """One alert for a challenger that waits for a person, with the page to answer on."""
    p.outbox.enqueue(
        key=f"approval:{p.case.name}:{gated['version']}:{run.run_id}:{run.attempt}",
        severity="warning",
        title=f"{p.case.name}: version {gated['version']} waits for an approval",
        body={
            "cause": f"{gated['ask_why']}: {_listed([one['words'] for one in gated['gates'] if one['outcome'] == 'warn'])}".strip(
                ": "
            ),
            "not done": "it was not promoted; the champion scores on",
            "asked": f"{', '.join(p.case.approvers)}, within {p.case.approval_hours:g} hours; no answer is a no",
            "run": f"{p.case.name}__train {run.run_id}",
            "answer": page,
            "next": "approve or reject it on the task's page, with a reason",
            **p.links,
        },
        channel=p.case.slack_channel,
    )


def approval_ran_out(p: Platform, run: Run, gated: Mapping[str, Any]) -> None:
    """One alert for a challenger that nobody answered for in time."""
    p.outbox.enqueue(
        key=f"lapsed:{p.case.name}:{gated['version']}:{run.run_id}:{run.attempt}",
        severity="warning",
        title=f"{p.case.name}: nobody answered for version {gated['version']}",
        body={
            "cause": f"{', '.join(p.case.approvers)} gave no answer within {p.case.approval_hours:g} hours",
            "not done": "it was not promoted; the champion scores on",
            "run": f"{p.case.name}__train {run.run_id}",
            "next": f"lakeloop models promote {p.case.name} {gated['version']} --reason …",
            **p.links,
        },
        channel=p.case.slack_channel,
    )


def answered_by_hand(p: Platform, run: Run, key: str, version: int, asks: str) -> None:
    """One alert for a version that somebody answered for by hand whom the case does not name."""
    p.outbox.enqueue(
        key=f"by-hand:{key}",
        severity="warning",
        title=f"{p.case.name}: {run.actor} answered for version {version} by hand",
        body={
            "cause": f"a person was to answer: {asks}",
            "answered": f"{run.actor}, as the operating system has it: {run.reason}",
            "asked": f"approvers of the case are {', '.join(p.case.approvers) or 'nobody'}",
            "done": f"version {version} is champion",
            "next": f'nothing where that was agreed; else lakeloop models rollback {p.case.name} --reason "…"',
            **p.links,
        },
        channel=p.case.slack_channel,
    )


def _answer(p: Platform, verdict: Verdict) -> str:
    day = verdict.data_date
    return (
        f"trigger {p.case.name}__watch with date_from and date_to {day}, decide withdraw or accept, and a reason; "
        "or ask for a repair, which replaces the data and is judged anew"
    )


def _next(p: Platform, verdict: Verdict) -> str:
    if verdict.word == "data_fault":
        return f"ask for a repair of {', '.join(verdict.tables)} {verdict.data_date}; scores follow by themselves"
    if verdict.consequence.retrains:
        return f"{p.case.name}__train runs by itself, inside cooldown and budget; `lakeloop models list {p.case.name}`"
    return f"lakeloop sql \"select * from verdicts where data_date = '{verdict.data_date}'\""


def _listed(causes: list[str]) -> str:
    """The first few, a line each, and how many more there are."""
    more = len(causes) - _LISTED
    return "\n".join(causes[:_LISTED]) + (f"\nand {more} more" if more > 0 else "")
