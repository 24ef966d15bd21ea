"""How rows in quarantine stand by now: quarantine keeps what every run left out, the ledger knows which of it is still out."""

from collections.abc import Iterable
from typing import Final, Literal, NamedTuple

from lakeloop.core.deliveries import is_older
from lakeloop.core.lake import UnitId
from lakeloop.core.ledger import Ledger
from lakeloop.core.receipts import DataReceipt, RefusalReceipt

Standing = Literal["current", "refused", "unmerged", "replaced", "withdrawn"]
STANDS: Final[tuple[Standing, ...]] = ("current", "refused", "unmerged")
GONE: Final[tuple[Standing, ...]] = ("replaced", "withdrawn")  # of a reading of their date by which main no longer goes


class LeftOut(NamedTuple):
    """What one run left out of one delivery."""

    unit: UnitId
    delivery: int
    run_key: str


def standings(ledger: Ledger, kept: Iterable[LeftOut]) -> dict[LeftOut, Standing]:
    """How each stands; of a delivery that was refused more than once what its newest run kept."""
    merged = {key: at for at, key in enumerate(ledger.entries)}
    found: dict[LeftOut, Standing] = {}
    refused: dict[tuple[UnitId, int], LeftOut] = {}
    for one in sorted(kept, key=lambda one: merged.get(one.run_key, len(merged))):
        found[one] = _standing(ledger, one)
        if found[one] == "refused":
            older = refused.get(one[:2])
            if older:
                found[older] = "replaced"
            refused[one[:2]] = one
    return found


def _standing(ledger: Ledger, one: LeftOut) -> Standing:
    if one.run_key not in ledger.entries:
        return "unmerged"
    owners = [owner.run_key for owner in ledger.owners.get(one.unit, ())]
    if one.run_key in owners:
        return "current" if owners[-1] == one.run_key else "replaced"
    if not _was_refused(ledger, one):
        return "withdrawn"
    return "replaced" if _is_answered(ledger, one) else "refused"


def _was_refused(ledger: Ledger, one: LeftOut) -> bool:
    receipt = ledger.entries[one.run_key].receipt
    refused = receipt.refused if isinstance(receipt, DataReceipt | RefusalReceipt) else ()
    return any((each.unit, each.delivery) == (one.unit, one.delivery) for each in refused)


def _is_answered(ledger: Ledger, one: LeftOut) -> bool:
    """Whether main holds the date from this delivery all the same, or from a newer one."""
    owner = ledger.owner(one.unit)
    if owner and owner.record.delivery == one.delivery:
        return True
    return any(is_older(ledger, record) for record in ledger.landed.get(one.unit, ()) if record.delivery == one.delivery)
