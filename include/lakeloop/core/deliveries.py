"""States of a delivery, and what is to be done about it: pure decisions over the ledger."""

from typing import Literal, NamedTuple

from lakeloop.core.ledger import Ledger
from lakeloop.core.receipts import LandedRecord
from lakeloop.core.reports import Refusal
from lakeloop.core.runs import Run
from lakeloop.core.use_case import TableContract, UseCase

State = Literal["taken in", "published", "refused", "withdrawn", "superseded"]


class Arrived(NamedTuple):
    """A complete delivery in the source, before it has a number."""

    table: str
    sha256: str
    delivered_at: str
    data_date: str


def is_new(ledger: Ledger, record: LandedRecord) -> bool:
    """Whether an arrived delivery has to be taken in.

    The same bytes at the same delivery time are the folder we have seen; the same bytes
    as main holds now are a no-op; anything else is a delivery of its own.
    """
    seen = ledger.landed.get(record.unit, [])
    if any(old.sha256 == record.sha256 and old.delivered_at == record.delivered_at for old in seen):
        return False
    owner = ledger.owner(record.unit)
    newest = max((old.delivered_at for old in seen), default=None)
    is_held = owner is not None and owner.record.sha256 == record.sha256
    return not (is_held and (newest is None or owner is None or newest <= owner.record.delivered_at))


def next_number(ledger: Ledger, record: LandedRecord) -> int:
    """The number of the next delivery of this unit."""
    return max((old.delivery for old in ledger.landed.get(record.unit, ())), default=0) + 1


def state_of(ledger: Ledger, record: LandedRecord, contract_version: str) -> State:
    """The state of one landed delivery."""
    owner = ledger.owner(record.unit)
    if owner and owner.record.delivery == record.delivery:
        return "published"
    refused = ledger.refused.get(record.id)
    if refused and refused[1] == contract_version:
        return "refused"
    withdrawn = ledger.withdrawn.get((record.unit, record.sha256))
    if withdrawn and withdrawn[0].delivery == record.delivery:
        return "withdrawn"
    if owner and record.delivered_at <= owner.record.delivered_at:
        return "superseded"
    return "taken in"


def to_publish(ledger: Ledger, case: UseCase, run: Run) -> list[LandedRecord]:
    """The newest open delivery of each (table, data date) inside the run's range."""
    chosen = []
    for unit in sorted(ledger.landed):
        contract = case.table(unit.table)
        if not selected(contract, run, ledger.landed[unit][0]):
            continue
        open_ones = [record for record in ledger.landed[unit] if _is_open(ledger, record, case.contract_version(), run)]
        if open_ones:
            chosen.append(max(open_ones, key=lambda record: (record.delivered_at, record.delivery)))
    return chosen


def selected(contract: TableContract, run: Run, record: LandedRecord) -> bool:
    """Whether a run's nights include the one that brings this data date; references always pass."""
    if contract.kind == "reference":
        return True
    return run.selects(run.night_of(record.data_date, contract.lag_days))


def refusal_before_write(ledger: Ledger, record: LandedRecord, run: Run) -> Refusal | None:
    """Why a delivery is refused before a row of it is read, or None."""
    if record.damage:
        return Refusal(code="damaged", message=record.damage)
    withdrawn = ledger.withdrawn.get((record.unit, record.sha256))
    if withdrawn and not run.reinstate:
        gone, by = withdrawn
        return Refusal(
            code="withdrawn_bytes",
            message=f"{record.id} brings the bytes of delivery {gone.delivery}, withdrawn by verdict "
            f"{gone.verdict} ({by[:12]}: {gone.words}). Next: a repaired delivery, or a run with "
            "`reinstate` and its reason.",
        )
    return None


def _is_open(ledger: Ledger, record: LandedRecord, contract_version: str, run: Run) -> bool:
    state = state_of(ledger, record, contract_version)
    if state == "withdrawn":
        return bool(run.reinstate)
    return state == "taken in"
