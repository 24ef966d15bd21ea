"""Plan: what an ingest of a range would do now, computed from the feed and the ledger; nothing is written."""

from collections import Counter
from dataclasses import replace
from typing import Any, Literal, cast

from lakeloop.core.backdating import Earlier, to_backdate
from lakeloop.core.deliveries import reinstated, replayed, selected, state_of, to_publish
from lakeloop.core.lake import Delivery, UnitId
from lakeloop.core.lazy_dict import LazyDict
from lakeloop.core.ledger import Ledger
from lakeloop.core.receipts import LandedRecord
from lakeloop.core.runs import Run
from lakeloop.core.value import Value
from lakeloop.ports import Lake
from lakeloop.steps.contract import accepted_changes
from lakeloop.steps.history import read_ledger
from lakeloop.steps.ingest import check_table
from lakeloop.steps.landing import land, looked_at, waiting
from lakeloop.steps.platform import Platform

Doing = Literal["publish", "restate", "replay", "reinstate", "refuse", "backdate"]


class PlannedUnit(Value):
    """One delivery that would be worked: what would be done with it, and why where that is not plain."""

    record: LandedRecord
    doing: Doing
    is_new: bool  # its bytes are not in landing/ yet
    words: str = ""


class Plan(Value):
    """What a run would do; `untouched` counts the range's other deliveries by their state."""

    units: tuple[PlannedUnit, ...]
    untouched: dict[str, int]


class _ReadOnlyLake:
    """The lake, taking nothing: what a dry run stages goes nowhere, so that it walks the same way as a run."""

    def __init__(self, lake: Lake) -> None:
        self._lake = lake

    def __getattr__(self, name: str) -> Any:
        return getattr(self._lake, name)

    def put(self, branch: str, path: str, content: bytes) -> None:
        """Nothing is staged."""


def plan(p: Platform, run: Run) -> Plan:
    """What a run would take in, publish and refuse; its deliveries are read, no row of them is judged.

    Raises:
        ConfigurationError: the contract changed in a way that the run would refuse.
    """
    check_table(p.case, run)
    p, ledger = _read_only(p), read_ledger(p.lake, p.case.name)
    fresh = land(p, ledger, "", waiting(p, run, ledger, p.source.walk(p.case).arrivals))
    after = _with(ledger, fresh)
    new = {record.id for record in fresh}
    backdated = tuple(_backdated(after, one) for one in to_backdate(after, p.case, run))
    units = tuple(_unit(p, after, record, run, is_new=record.id in new) for record in to_publish(after, p.case, run))
    if units:
        accepted_changes(p.lake, ledger, p.case)
    units = (*backdated, *units)
    return Plan(units=units, untouched=_untouched(p, after, run, {unit.record.id for unit in units}))


def is_open(p: Platform, run: Run) -> bool:
    """Whether a run would find anything to do; reads no more of the feed than the answer needs."""
    check_table(p.case, run)
    p, ledger = _read_only(p), read_ledger(p.lake, p.case.name)
    if to_publish(ledger, p.case, run) or to_backdate(ledger, p.case, run):
        return True
    found = waiting(p, run, ledger, p.source.walk(p.case).arrivals)
    return any(land(p, ledger, "", {unit: arrivals}) for unit, arrivals in found.items())


def _read_only(p: Platform) -> Platform:
    return replace(p, lake=cast(Lake, _ReadOnlyLake(p.lake)))


def _with(ledger: Ledger, fresh: tuple[LandedRecord, ...]) -> Ledger:
    landed = LazyDict[UnitId, list[LandedRecord]]()
    landed.update({unit: list(records) for unit, records in ledger.landed.items()})
    for record in fresh:
        landed.setdefault(record.unit, []).append(record)
    return replace(ledger, landed=landed)


def _unit(p: Platform, ledger: Ledger, record: LandedRecord, run: Run, *, is_new: bool) -> PlannedUnit:
    record, refusal = looked_at(p, ledger, record, run)
    if refusal:
        return PlannedUnit(record=record, doing="refuse", is_new=is_new, words=f"{refusal.code}: {refusal.message}")
    owner = ledger.owner(record.unit)
    if replayed(ledger, record, run):
        words = f"{owner.record.account.quarantined} rows in quarantine, contract {owner.contract_version}" if owner else ""
        return PlannedUnit(record=record, doing="replay", is_new=is_new, words=words)
    if reinstated(ledger, record, run):
        return PlannedUnit(record=record, doing="reinstate", is_new=is_new)
    words = f"delivery {owner.record.delivery} of {owner.record.delivered_at:%Y-%m-%d %H:%M} UTC" if owner else ""
    return PlannedUnit(record=record, doing="restate" if owner else "publish", is_new=is_new, words=words)


def _backdated(ledger: Ledger, one: Earlier) -> PlannedUnit:
    held = one.owner.record
    record = next(record for record in ledger.landed[held.unit] if record.id == held.id)
    return PlannedUnit(record=record, doing="backdate", is_new=False, words=one.words)


def _untouched(p: Platform, ledger: Ledger, run: Run, chosen: set[Delivery]) -> dict[str, int]:
    contracts = {table.name: table for table in p.case.tables}
    counts: Counter[str] = Counter()
    for unit, records in ledger.landed.items():
        if unit.table in contracts and selected(contracts[unit.table], run, unit.data_date):
            states = [state_of(ledger, one, p.case.contract_version()) for one in records if one.id not in chosen]
            counts.update("overtaken" if state == "taken in" else state for state in states)
    return dict(counts)
