"""Which dates are judged once more, by what came later: pure decisions over the ledger."""

from collections.abc import Mapping
from datetime import date

from lakeloop.core.lake import UnitId
from lakeloop.core.ledger import Ledger
from lakeloop.core.receipts import SettledRecord
from lakeloop.core.runs import Run
from lakeloop.core.use_case import UseCase

Sources = Mapping[str, str]  # table -> receipt (run key) of the date


def to_settle(ledger: Ledger, case: UseCase, run: Run) -> dict[date, dict[str, str]]:
    """Published dates that a later table speaks of now and that have not been settled by these very receipts, oldest first."""
    dates = sorted({unit.data_date for unit, owners in ledger.owners.items() if owners})
    found = {day: sources_of(ledger, case, day) for day in dates if run.selects(day)}
    return {day: sources for day, sources in found.items() if sources and not is_settled(ledger, day, sources)}


def sources_of(ledger: Ledger, case: UseCase, day: date) -> dict[str, str]:
    """The receipts that main's tables of a date are compared by; empty while there is nothing to compare."""
    sources: dict[str, str] = {}
    for rule in case.drift.settlements:
        owners = {table: ledger.owner(UnitId(table, day)) for table in (rule.table, rule.later)}
        if all(owners.values()):
            sources |= {table: owner.run_key for table, owner in owners.items() if owner}
    return sources


def is_settled(ledger: Ledger, day: date, sources: Sources) -> bool:
    """Whether main says already what came of comparing these receipts."""
    return (day, frozenset(sources.items())) in ledger.settled


def accepted(ledger: Ledger, case: UseCase, day: date) -> SettledRecord | None:
    """What a person accepted of a date that is still what they accepted, whatever of it was scored by then."""
    said = ledger.settled.get((day, frozenset(sources_of(ledger, case, day).items())))
    return said if said and said.trust else None
