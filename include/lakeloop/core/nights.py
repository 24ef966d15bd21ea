"""A range is audited as its nights would have been: of what an earlier one brought and lost a later one finds what was before."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import NamedTuple

from lakeloop.core.lake import UnitId
from lakeloop.core.reports import Check
from lakeloop.core.use_case import UseCase

Dates = Mapping[str, Sequence[date]]  # table -> the dates that are judged
Judged = Mapping[str, Mapping[date, Sequence[Check]]]  # table -> date -> its checks


def night_of(case: UseCase, unit: UnitId) -> date:
    """The night on which a unit comes."""
    return unit.data_date + timedelta(days=case.table(unit.table).lag_days)


def by_night(case: UseCase, dates: Dates) -> Iterator[list[UnitId]]:
    """The units of each night, oldest first."""
    nights: dict[date, list[UnitId]] = {}
    for unit in (UnitId(table, day) for table, days in dates.items() for day in days):
        nights.setdefault(night_of(case, unit), []).append(unit)
    return (nights[night] for night in sorted(nights))


def last_night(case: UseCase, dates: Dates) -> date:
    """The newest night of all."""
    return max(night_of(case, UnitId(table, day)) for table, days in dates.items() for day in days)


def is_refused(checks: Sequence[Check]) -> bool:
    """Whether a critical check did not pass."""
    return any(check.severity == "critical" and not check.passed for check in checks)


def refused_of(judged: Judged) -> frozenset[UnitId]:
    """The units that a critical check refuses."""
    return frozenset(UnitId(table, day) for table, days in judged.items() for day, checks in days.items() if is_refused(checks))


def before(case: UseCase, refused: frozenset[UnitId], night: date) -> frozenset[UnitId]:
    """Those of the refused that came before a night."""
    return frozenset(unit for unit in refused if night_of(case, unit) < night)


def days_of(units: frozenset[UnitId], table: str) -> frozenset[date]:
    """The dates of one table."""
    return frozenset(unit.data_date for unit in units if unit.table == table)


class RowCounts(NamedTuple):
    """Rows of each (table, date), as a night finds them."""

    case: UseCase
    dates: Dates
    now: Mapping[str, Mapping[date, int]]  # table -> date -> rows of the snapshot
    held: Mapping[str, Mapping[date, int]]  # the same of what main held of refused units
    refused: frozenset[UnitId]

    def of(self, table: str, day: date, night: date) -> int | None:
        """None where there are none."""
        unit = UnitId(table, day)
        comes = night_of(self.case, unit) if day in self.dates.get(table, ()) else night
        is_lost = comes > night or (comes < night and unit in self.refused)
        return (self.held if is_lost else self.now).get(table, {}).get(day)
