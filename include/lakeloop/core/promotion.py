"""What has to hold on main before a version becomes champion; pure."""

from lakeloop.core.errors import PreconditionFailed, PromotionRefused
from lakeloop.core.gates import GateResult
from lakeloop.core.ledger import Ledger
from lakeloop.core.receipts import PromotionReceipt
from lakeloop.core.words import counted


def refusal_by_gates(gates: tuple[GateResult, ...]) -> str:
    """Why these gates let nothing be promoted; empty when they do."""
    failed = [f"{one.name}: {one.words}" for one in gates if one.outcome == "fail"]
    return "; ".join(failed) if gates else "it was put through no gate"


def check(ledger: Ledger, receipt: PromotionReceipt, *, despite_withdrawn: bool = False) -> None:
    """Evaluate a promotion against main.

    Raises:
        PromotionRefused: its gates, or what it had learnt from, speak against it; nothing was promoted.
        PreconditionFailed: another promotion came first, or what it learnt from was withdrawn; nothing was promoted.
    """
    _next_in_line(ledger, receipt)
    if receipt.action == "rollback":
        _never_stale(ledger, receipt, despite_withdrawn=despite_withdrawn)
        return
    if why := refusal_by_gates(receipt.gates):
        msg = f"{_named(receipt)}: {why}; the champion is unchanged. Next: train again."
        raise PromotionRefused(msg)
    lost = ledger.lost_reads(receipt.reads)
    if lost:
        more = f" (and {len(lost) - 1} more)" if len(lost) > 1 else ""
        msg = (
            f"{_named(receipt)} learnt from {lost[0]}{more}, which was withdrawn or restated meanwhile; nothing was promoted. "
            "Next: train again."
        )
        raise PreconditionFailed(msg)


def _next_in_line(ledger: Ledger, receipt: PromotionReceipt) -> None:
    now = ledger.champion
    if now and receipt.seq != now.seq + 1:
        judged = f"compared with version {receipt.previous}" if receipt.previous else "put forward when there was no champion"
        msg = (
            f"version {now.model_version} became champion first (promotion {now.seq}, {now.run_id} by {now.actor}); "
            f"{_named(receipt)} was {judged} and not promoted. Next: train again, which compares with version "
            f"{now.model_version}."
        )
        raise PreconditionFailed(msg)


def _never_stale(ledger: Ledger, receipt: PromotionReceipt, *, despite_withdrawn: bool) -> None:
    if receipt.model_version in ledger.flagged and not despite_withdrawn:
        lost = counted(len(ledger.lost_reads(receipt.reads)), "unit")
        msg = (
            f"{_named(receipt)} learnt from data that was withdrawn since ({lost} of it main holds no more); the champion "
            "is unchanged. Next: another version, or the same with --despite-withdrawn, and its scores are degraded."
        )
        raise PromotionRefused(msg)


def _named(receipt: PromotionReceipt) -> str:
    return f"{receipt.model_name} version {receipt.model_version}"
