"""The write and the audit of one small table without a JVM, so that a thousand days pass in minutes."""

import csv
import io
from collections.abc import Callable
from typing import Any

from lakeloop.adapters.delta_tables import DeltaRsTables
from lakeloop.core.jobs import AnyJob, AuditJob, LandedUnit, Slice, WriteJob
from lakeloop.core.lake import clean
from lakeloop.core.reports import AuditReport, Check, Report, RowAccount, UnitAudit, UnitWritten, WriteReport
from lakeloop.core.tuning import Trial
from lakeloop.ports import Lake

TABLE = clean("readings", "readings")


class QuickRunner:
    """ports.SparkRunner for the readings; its table is one that Spark goes on writing."""

    def __init__(self, lake: Lake, tables: DeltaRsTables) -> None:
        self._lake, self._tables = lake, tables

    def run(self, job: AnyJob, heard: Callable[[Trial], None] | None = None) -> Report:  # noqa: ARG002  # nothing is tuned here
        """Do a write or an audit."""
        if isinstance(job, WriteJob):
            return WriteReport(units=tuple(self._write(job, unit) for unit in job.units))
        assert isinstance(job, AuditJob)  # noqa: S101  # the bench asks for nothing else
        return AuditReport(units=tuple(self._audit(job, unit) for unit in job.units))

    def _write(self, job: WriteJob, unit: LandedUnit) -> UnitWritten:
        text = self._lake.get(job.landing_commit, f"{unit.path}{unit.files[0]}").decode()
        rows = _rows(list(csv.DictReader(io.StringIO(text))), unit, job.run_key)
        self._tables.replace(job.branch, Slice(table=TABLE, values=(unit.data_date.isoformat(),)), rows)
        account = RowAccount(rows_in=rows.num_rows, published=rows.num_rows)
        return UnitWritten(table=unit.table, data_date=unit.data_date, delivery=unit.delivery, account=account)

    def _audit(self, job: AuditJob, unit: LandedUnit) -> UnitAudit:
        day = unit.data_date.isoformat()
        found = self._tables.fingerprints(job.snapshot, [Slice(table=TABLE, values=(day,))])[TABLE, day]
        check = Check(name="row_count", observed=float(found.rows), expected="at least 1", passed=found.rows > 0)
        return UnitAudit(table=unit.table, data_date=unit.data_date, checks=(check,), fingerprint=found)


def _rows(rows: list[dict[str, str]], unit: LandedUnit, run_key: str) -> Any:
    import pyarrow as pa

    count, moment = len(rows), pa.timestamp("us", "UTC")
    return pa.table(
        {
            "id": pa.array([int(row["id"]) for row in rows], pa.int64()),
            "value": pa.array([float(row["value"]) for row in rows], pa.float64()),
            "data_date": pa.array([unit.data_date] * count, pa.date32()),
            "delivered_at": pa.array([unit.delivered_at] * count, moment),
            "available_at": pa.array([unit.available_at] * count, moment),
            "delivery": pa.array([unit.delivery] * count, pa.int32()),
            "run_key": [run_key] * count,
        }
    )
