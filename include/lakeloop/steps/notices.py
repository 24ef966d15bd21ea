"""What steps tell on-call: one outbox row a fact, under a key that makes retries harmless."""

from lakeloop.core.receipts import DataReceipt, RefusalReceipt, WithdrawalReceipt
from lakeloop.core.runs import Run
from lakeloop.core.verdict import Verdict
from lakeloop.steps.platform import Platform

_LISTED = 5


def refused_deliveries(p: Platform, run: Run, receipt: DataReceipt | RefusalReceipt, commit: str) -> None:
    """One alert for the refused deliveries of a run."""
    if not receipt.refused:
        return
    shown = [f"{one.id}: {one.refusal.message}" for one in receipt.refused[:_LISTED]]
    more = len(receipt.refused) - len(shown)
    p.outbox.enqueue(
        key=f"refused:{receipt.run_key}",
        severity="warning",
        title=f"{p.case.name}: {len(receipt.refused)} deliveries refused",
        body={
            "cause": "\n".join(shown) + (f"\nand {more} more" if more else ""),
            "not done": "none of their rows reached clean/; their bytes are kept in landing/",
            "run": f"{p.case.name}__ingest {run.run_id}",
            "evidence": f"lakefs://{p.lake.repository}/{commit}/_lakeloop/evidence/{receipt.run_key}/",
            "next": "ask the supplier for a repaired delivery; it is taken in by itself",
            **p.links,
        },
        channel=p.case.slack_channel,
    )


def verdict_not_ok(p: Platform, run: Run, verdict: Verdict, candidate: str, doing: str) -> None:
    """One alert for a verdict that is not ok."""
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
            "next": _next(p, verdict),
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


def _next(p: Platform, verdict: Verdict) -> str:
    if verdict.word == "data_fault":
        return f"ask for a repair of {', '.join(verdict.tables)} {verdict.data_date}; scores follow by themselves"
    return f"lakeloop sql \"select * from verdicts where data_date = '{verdict.data_date}'\""
