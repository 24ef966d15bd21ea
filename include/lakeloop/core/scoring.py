"""Which dates are to be scored and judged: pure decisions over the ledger and the candidates."""

from collections.abc import Iterable
from datetime import date
from typing import NamedTuple

from lakeloop.core.lake import UnitId
from lakeloop.core.ledger import Ledger
from lakeloop.core.receipts import ScoresReceipt
from lakeloop.core.runs import Run
from lakeloop.core.use_case import UseCase


class Candidate(NamedTuple):
    """A committed, audited, unmerged set of scores on its branch."""

    branch: str
    commit: str
    receipt: ScoresReceipt


def whole_days(ledger: Ledger, tables: Iterable[str]) -> list[date]:
    """Dates of which each of these tables is published, oldest first."""
    asked = set(tables)
    dates = {unit.data_date for unit, owners in ledger.owners.items() if owners and unit.table in asked}
    return sorted(day for day in dates if all(ledger.owner(UnitId(table, day)) for table in asked))


def published_nights(ledger: Ledger, case: UseCase) -> list[date]:
    """Dates all of whose own tables are published, oldest first."""
    return whole_days(ledger, case.required_on_day())


def late_tables(ledger: Ledger, case: UseCase, day: date) -> list[str]:
    """A date's own tables that were first delivered after its prediction time: nobody could have predicted from them."""
    owners = {table: ledger.owner(UnitId(table, day)) for table in case.required_on_day()}
    return [table for table, owner in owners.items() if owner and owner.record.available_at > case.prediction_time(day)]


def to_score(ledger: Ledger, case: UseCase, run: Run, candidates: list[Candidate]) -> list[date]:
    """Dates published in time but unscored, or restated since, from the night after the first promotion on."""
    waiting = {day for candidate in candidates for day in open_dates(ledger, candidate)}
    return [day for day in _unscored(ledger, case, run) if day not in waiting and not late_tables(ledger, case, day)]


def too_late(ledger: Ledger, case: UseCase, run: Run) -> dict[date, list[str]]:
    """Dates that stay without scores, with the tables that came after their prediction time."""
    late = {day: late_tables(ledger, case, day) for day in _unscored(ledger, case, run)}
    return {day: tables for day, tables in late.items() if tables}


def _unscored(ledger: Ledger, case: UseCase, run: Run) -> list[date]:
    start = ledger.scores_from(case)
    if start is None:
        return []
    return [day for day in published_nights(ledger, case) if day >= start and run.selects(day) and not _is_scored(ledger, day)]


def open_dates(ledger: Ledger, candidate: Candidate) -> list[date]:
    """Dates of a candidate that are unjudged and whose inputs are still what they were."""
    receipt = candidate.receipt
    return [
        record.data_date
        for record in receipt.dates
        if (receipt.run_key, record.data_date) not in ledger.judged
        and ledger.reads_hold(record.reads)
        and not _is_scored(ledger, record.data_date)
    ]


def to_judge(ledger: Ledger, run: Run, candidates: list[Candidate]) -> dict[str, list[date]]:
    """Candidate run key to its open dates inside the run's range; a date is judged once, newest candidate first."""
    taken: set[date] = set()
    work: dict[str, list[date]] = {}
    for candidate in sorted(candidates, key=lambda one: one.receipt.created_at, reverse=True):
        days = [day for day in open_dates(ledger, candidate) if run.selects(day) and day not in taken]
        if days:
            taken.update(days)
            work[candidate.receipt.run_key] = days
    return work


def is_spent(ledger: Ledger, candidate: Candidate) -> bool:
    """Whether nothing of a candidate can be judged any more."""
    return not open_dates(ledger, candidate)


def _is_scored(ledger: Ledger, day: date) -> bool:
    """Whether main's scores of a date stand, and were made from the data of that date which main still holds."""
    held = ledger.scores.get(day)
    if held is None or held.recalled:
        return False
    return all(unit.data_date != day for unit in ledger.lost_reads(held.record.reads))


def read_by(ledger: Ledger, unit: UnitId, receipt: str) -> tuple[date, ...]:
    """Dates whose published scores had read a unit's rows as a receipt (run key) published them."""
    return tuple(
        day
        for day, held in sorted(ledger.scores.items())
        if not held.recalled and unit.data_date in held.record.reads.get(unit.table, {}).get(receipt, ())
    )
