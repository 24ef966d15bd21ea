"""What a restatement changed: the rows of some dates at two commits, set side by side under the table's key."""

from collections.abc import Sequence
from datetime import date

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from lakeloop.core.contract import TableContract
from lakeloop.core.jobs import ChangeJob
from lakeloop.core.lake import DATE_COLUMN, clean
from lakeloop.core.reports import ChangeReport, RowChange, UnitChange
from lakeloop.core.use_case import UseCase
from lakeloop.spark.clean import widened
from lakeloop.spark.slices import row_hashes
from lakeloop.spark.tables import find_table, one_of

_KINDS: dict[str, str] = {
    "added": "_was IS NULL",
    "removed": "_is IS NULL",
    "changed": "_was <> _is",
    "same": "_was = _is",
}


def changes(job: ChangeJob, spark: SparkSession, case: UseCase) -> ChangeReport:
    """One answer a unit; the platform's own columns (delivery, times, run key) do not count as a change."""
    found = [
        UnitChange(table=name, data_date=day, change=change)
        for name, days in job.units.items()
        for day, change in _table_changes(job, spark, case.name, case.table(name), days).items()
    ]
    return ChangeReport(units=tuple(found))


def _table_changes(
    job: ChangeJob, spark: SparkSession, case: str, contract: TableContract, days: Sequence[date]
) -> dict[date, RowChange]:
    sides = [
        _side(find_table(spark, job.repository, ref, clean(case, contract.name)), contract, days, name)
        for ref, name in ((job.before, "_was"), (job.snapshot, "_is"))
    ]
    parts = [side for side in sides if side is not None]
    rows = parts[0] if len(parts) == 1 else parts[0].unionByName(parts[1])
    keyed = rows.groupBy(DATE_COLUMN, *contract.key).agg(F.max("_was").alias("_was"), F.max("_is").alias("_is"))
    counted = [F.count_if(F.expr(rule)).alias(kind) for kind, rule in _KINDS.items()]
    told = {row[DATE_COLUMN]: row for row in keyed.groupBy(DATE_COLUMN).agg(*counted).collect()}
    return {day: RowChange(**{kind: told[day][kind] for kind in _KINDS}) if day in told else RowChange() for day in days}


def _side(table: DataFrame | None, contract: TableContract, days: Sequence[date], name: str) -> DataFrame | None:
    """Key and content of one side's rows under `name`, null under the other's; None where there is no table."""
    if table is None:
        return None
    rows = widened(table, contract).where(one_of(DATE_COLUMN, days))
    held = rows.select(DATE_COLUMN, *(column.name for column in contract.columns))
    content: Column = F.struct(*row_hashes(held))
    nothing = F.lit(None).cast("struct<_hash0:bigint,_hash1:bigint>")
    sides = {"_was": nothing, "_is": nothing, name: content}
    return held.select(DATE_COLUMN, *contract.key, *(column.alias(side) for side, column in sides.items()))
