"""Restatement: what the new rows of a unit changed against the old ones, and which published scores had read those."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date

from lakeloop.core.jobs import ChangeJob
from lakeloop.core.lake import UnitId
from lakeloop.core.ledger import Ledger
from lakeloop.core.receipts import PublishedRecord
from lakeloop.core.reports import ChangeReport, RowChange
from lakeloop.core.scoring import read_by
from lakeloop.core.words import counted
from lakeloop.steps.platform import Platform

_TOLD = 3


def with_changes(
    p: Platform, ledger: Ledger, before: str, snapshot: str, published: tuple[PublishedRecord, ...]
) -> tuple[PublishedRecord, ...]:
    """The records, those that restate a unit with what they changed; without one nothing is asked of Spark."""
    units: dict[str, list[date]] = defaultdict(list)
    for record in published:
        if record.restates:
            units[record.table].append(record.data_date)
    changes = _changes(p, before, snapshot, units) if units else {}
    return tuple(
        record.model_copy(update={"change": changes.get(record.unit), "read_by": read_by(ledger, record.unit, record.restates)})
        if record.restates
        else record
        for record in published
    )


def restated_words(published: Sequence[PublishedRecord]) -> list[str]:
    """A sentence a restated unit, and one for all beyond the first few."""
    restated = [record for record in published if record.change]
    words = [_words(record) for record in restated[:_TOLD]]
    more = len(restated) - len(words)
    return [*words, f"{counted(more, 'more unit')} restated"] if more else words


def _changes(p: Platform, before: str, snapshot: str, units: dict[str, list[date]]) -> dict[UnitId, RowChange]:
    job = ChangeJob(
        repository=p.lake.repository, case=p.case_ref, before=before, snapshot=snapshot,
        units={table: tuple(days) for table, days in units.items()},
    )  # fmt: skip
    answer = p.spark.run(job)
    assert isinstance(answer, ChangeReport)  # noqa: S101  # a job answers with its own report
    return {UnitId(one.table, one.data_date): one.change for one in answer.units}


def _words(record: PublishedRecord) -> str:
    how = "replayed" if record.replayed else "restated"
    readers = f"; scores of {counted(len(record.read_by), 'date')} had read what it was" if record.read_by else ""
    return f"{record.unit} {how}: {record.change.words if record.change else ''}{readers}"
