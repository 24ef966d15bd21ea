"""Landing: read what arrived once, number what is new, and put exactly these bytes on a run branch."""

from concurrent.futures import ThreadPoolExecutor
from operator import attrgetter

from lakeloop.core.deliveries import has_landed, is_new, next_number, selected
from lakeloop.core.errors import PreconditionFailed
from lakeloop.core.lake import UnitId
from lakeloop.core.ledger import Ledger
from lakeloop.core.receipts import LandedRecord
from lakeloop.core.runs import Run
from lakeloop.ports import Arrival
from lakeloop.steps.platform import Platform

_AT_ONCE = 8


def waiting(p: Platform, run: Run, ledger: Ledger) -> dict[UnitId, list[Arrival]]:
    """Arrivals inside the range that may be new, by unit and in order of delivery; those known whole stay unread."""
    found: dict[UnitId, list[Arrival]] = {}
    for arrival in sorted(p.source.arrivals(p.case), key=attrgetter("record.delivered_at")):
        record = arrival.record
        if not selected(p.case.table(record.table), run, record) or has_landed(ledger, record):
            continue
        if is_new(ledger, record) or record.unit in found:  # what main holds is news behind what main does not hold
            found.setdefault(record.unit, []).append(arrival)
    return found


def land(p: Platform, ledger: Ledger, branch: str, arrivals: dict[UnitId, list[Arrival]]) -> tuple[LandedRecord, ...]:
    """Put the new ones among the arrivals on the branch, units side by side; gives their records."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        landed = pool.map(lambda unit: _land_unit(p, ledger, branch, arrivals[unit]), sorted(arrivals))
        return tuple(record for records in landed for record in records)


def check_still_new(ledger: Ledger, records: tuple[LandedRecord, ...]) -> None:
    """Raise PreconditionFailed when a unit got another delivery since these were numbered."""
    first: dict[UnitId, LandedRecord] = {}
    for record in records:
        first.setdefault(record.unit, record)
    for record in first.values():
        if not is_new(ledger, record) or next_number(ledger, record) != record.delivery:
            msg = f"{record.unit} got another delivery meanwhile; nothing was taken in."
            raise PreconditionFailed(msg)


def _land_unit(p: Platform, ledger: Ledger, branch: str, arrivals: list[Arrival]) -> list[LandedRecord]:
    landed: list[LandedRecord] = []
    for arrival in arrivals:
        record, contents = arrival.take()
        if not is_new(ledger, record, landed):
            continue
        record = record.model_copy(update={"delivery": next_number(ledger, record, landed)})
        for name, content in contents.items():
            p.lake.put(branch, f"{record.path(p.case.name)}{name}", content)
        landed.append(record)
    return landed
