"""What a withdrawal takes with it: a look-up over what the receipts say they read."""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from lakeloop.core.errors import Outdated, PreconditionFailed
from lakeloop.core.lake import UnitId
from lakeloop.core.ledger import Ledger, Owner
from lakeloop.core.receipts import Reads
from lakeloop.core.scoring import Candidate


class Condemned(NamedTuple):
    """A unit to be taken back, the receipt (run key) that published it, and why."""

    unit: UnitId
    receipt: str
    words: str


class Cascade(NamedTuple):
    """Everything that one withdrawal takes with it."""

    owners: dict[UnitId, Owner]
    back_to: dict[UnitId, str]  # run key of the earlier owner; empty = absence
    recalled: dict[date, str]  # date -> run key of the scores receipt
    dropped: tuple[str, ...]  # candidates that read a condemned unit
    flagged: tuple[int, ...]  # model versions whose training read one


def cascade_of(ledger: Ledger, condemned: Sequence[Condemned], candidates: Sequence[Candidate]) -> Cascade:
    """What withdrawing these units takes with it now.

    Raises:
        PreconditionFailed: a unit is not on main, or belongs to another receipt than the condemned one.
    """
    owners: dict[UnitId, Owner] = {}
    back_to: dict[UnitId, str] = {}
    for unit, receipt, _ in condemned:
        stack = ledger.owners.get(unit)
        if not stack:
            msg = f"{unit} is not on main: there is nothing to withdraw."
            raise PreconditionFailed(msg)
        if stack[-1].run_key != receipt:
            msg = (
                f"{unit} belongs to {stack[-1].run_key[:12]} now, not to the condemned {receipt[:12]}; "
                "nothing was withdrawn. Next: the watch judges it anew."
            )
            raise PreconditionFailed(msg)
        owners[unit] = stack[-1]
        back_to[unit] = stack[-2].run_key if len(stack) > 1 else ""
    return Cascade(
        owners,
        back_to,
        recalled={
            day: held.candidate
            for day, held in sorted(ledger.scores.items())
            if not held.recalled and _has_read(held.record.reads, owners)
        },
        dropped=tuple(
            sorted(
                one.receipt.run_key for one in candidates if any(_has_read(record.reads, owners) for record in one.receipt.dates)
            )
        ),
        flagged=tuple(dict.fromkeys(one.model_version for one in ledger.promotions if _has_read(one.reads, owners))),
    )


def check_same(before: Cascade, condemned: Sequence[Condemned], ledger: Ledger, candidates: Sequence[Candidate]) -> None:
    """Raise when a withdrawal would take other things with it now than when it was written."""
    now = cascade_of(ledger, condemned, candidates)
    if now.recalled != before.recalled or now.flagged != before.flagged:
        msg = (
            "scores that read the condemned data were published meanwhile; nothing was withdrawn. "
            "Next: the withdrawal is evaluated again."
        )
        raise Outdated(msg)


def _has_read(reads: Reads, owners: dict[UnitId, Owner]) -> bool:
    return any(unit.data_date in reads.get(unit.table, {}).get(owner.run_key, ()) for unit, owner in owners.items())
