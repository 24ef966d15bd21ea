"""Landing: read what arrived once, number what is new, and put exactly these bytes on a run branch."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from lakeloop.core.deliveries import has_landed, is_new, next_number, rank, refusal_before_write, selected
from lakeloop.core.errors import PreconditionFailed, StillArriving
from lakeloop.core.lake import UnitId
from lakeloop.core.ledger import Ledger
from lakeloop.core.manifest import MANIFEST, manifest_of
from lakeloop.core.promise import rows_of
from lakeloop.core.receipts import LandedRecord
from lakeloop.core.reports import Refusal
from lakeloop.core.runs import Run
from lakeloop.ports import Arrival
from lakeloop.steps.budget import Budget
from lakeloop.steps.platform import Platform

_AT_ONCE = 8
_IN_MEMORY = 1 << 30  # bytes of deliveries that are held together


def waiting(p: Platform, run: Run, ledger: Ledger, arrivals: Sequence[Arrival]) -> dict[UnitId, list[Arrival]]:
    """Those inside the range that may be new, by unit and in order of delivery; those known whole stay unread.

    So do damaged ones that nobody touched since they were read.
    """
    found: dict[UnitId, list[Arrival]] = {}
    for arrival in sorted(arrivals, key=lambda one: rank(one.record)):
        record = arrival.record
        if not selected(p.case.table(record.table), run, record.data_date) or has_landed(ledger, record):
            continue
        if is_new(ledger, record) or record.unit in found:  # what main holds is news behind what main does not hold
            seen = arrival.seen()
            if seen is None or not has_landed(ledger, seen):
                found.setdefault(record.unit, []).append(arrival)
    return found


def land(p: Platform, ledger: Ledger, branch: str, arrivals: dict[UnitId, list[Arrival]]) -> tuple[LandedRecord, ...]:
    """Put the new ones among the arrivals on the branch, units side by side; gives their records."""
    room = Budget(_IN_MEMORY)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        landed = pool.map(lambda unit: _land_unit(p, ledger, branch, arrivals[unit], room), sorted(arrivals))
        return tuple(record for records in landed for record in records)


def looked_at(p: Platform, ledger: Ledger, record: LandedRecord, run: Run) -> tuple[LandedRecord, Refusal | None]:
    """A landed delivery, and why it is refused unread.

    One that did not fit its contract, and whose refusal was answered, is looked at under the contract of today.
    """
    refusal = refusal_before_write(ledger, record, run)
    if refusal or not record.damage:
        return record, refusal
    folder = record.path(p.case.name)
    contents = {name: p.lake.get(ledger.head, f"{folder}{name}") for name in (*record.files, MANIFEST)}
    rows = rows_of(manifest_of(contents[MANIFEST], record.table, record.data_date))
    again = _inspected(p, record.model_copy(update={"damage": ""}), contents, rows)
    return again, again.refusal


def check_still_new(ledger: Ledger, records: tuple[LandedRecord, ...]) -> None:
    """Raise PreconditionFailed when a unit got another delivery since these were numbered."""
    first: dict[UnitId, LandedRecord] = {}
    for record in records:
        first.setdefault(record.unit, record)
    for record in first.values():
        if not is_new(ledger, record) or next_number(ledger, record) != record.delivery:
            msg = f"{record.unit} got another delivery meanwhile; nothing was taken in."
            raise PreconditionFailed(msg)


def _land_unit(p: Platform, ledger: Ledger, branch: str, arrivals: list[Arrival], room: Budget) -> list[LandedRecord]:
    landed: list[LandedRecord] = []
    for arrival in arrivals:
        with room.holding(arrival.size()):
            record = _land_one(p, ledger, branch, arrival, landed)
        landed += [record] if record else []
    return landed


def _land_one(p: Platform, ledger: Ledger, branch: str, arrival: Arrival, landed: list[LandedRecord]) -> LandedRecord | None:
    try:
        record, contents, rows = arrival.take()
    except StillArriving:
        return None
    if not is_new(ledger, record, landed):
        return None
    record = _inspected(p, record, contents, rows)
    record = record.model_copy(update={"delivery": next_number(ledger, record, landed)})
    for name, content in contents.items():
        p.lake.put(branch, f"{record.path(p.case.name)}{name}", content)
    return record


def _inspected(p: Platform, record: LandedRecord, contents: Mapping[str, bytes], rows: Mapping[str, int]) -> LandedRecord:
    """The record with what its files turned out to be; those of a broken promise are not looked at."""
    if record.damage:
        return record
    files = {name: contents[name] for name in record.files}
    shapes, refusal = p.inspector.inspect(p.case.table(record.table), files, rows)
    found = {"shapes": shapes} | ({"damage": refusal.message, "damage_code": refusal.code} if refusal else {})
    return record.model_copy(update=found)
