"""What the scores of a date read: its look-back, and of each reference table the newest delivery known by then; pure."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime

from lakeloop.core.ledger import Ledger
from lakeloop.core.use_case import UseCase


def newest_known(available: Mapping[date, datetime], day: date, by: datetime) -> date | None:
    """The newest delivery's date, not after `day`, that was available `by` a moment; None while there is none."""
    return max((past for past, at in available.items() if past <= day and at <= by), default=None)


def wanted(ledger: Ledger, case: UseCase, days: Iterable[date]) -> dict[str, list[date]]:
    """Table name to every date that the scores of these days look at, oldest first."""
    found: dict[str, set[date]] = {}
    references = {table: _available(ledger, table) for table in case.references}
    for day in days:
        for table, dates in case.reads_of(day).items():
            found.setdefault(table, set()).update(dates)
        for table, available in references.items():
            newest = newest_known(available, day, case.prediction_time(day))
            if newest:
                found.setdefault(table, set()).add(newest)
    return {table: sorted(dates) for table, dates in found.items()}


def _available(ledger: Ledger, table: str) -> dict[date, datetime]:
    """When each published date of a table was available."""
    return {
        unit.data_date: owners[-1].record.available_at
        for unit, owners in ledger.owners.items()
        if owners and unit.table == table
    }  # fmt: skip
