"""Write: landed files strictly read, good rows into clean/, bad ones into quarantine/, every row accounted for."""

from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F

from lakeloop.core.errors import ConfigurationError
from lakeloop.core.jobs import LandedUnit, WriteJob
from lakeloop.core.lake import DATE_COLUMN, clean, quarantine
from lakeloop.core.reports import Refusal, RowAccount, UnitWritten, WriteReport
from lakeloop.core.use_case import NAME, TableContract, UseCase
from lakeloop.spark.read import judged_rows, landed_lines, read_heads, refusals, without_duplicates
from lakeloop.spark.rules import BETWEEN
from lakeloop.spark.tables import one_of, uri

AT_ONCE = 2
_AS_TEXT = ("_line AS line", "_row AS row", f"split(_reasons, '{BETWEEN}') AS reasons")
OURS = (DATE_COLUMN, "delivered_at", "available_at", "delivery", "run_key")


def write(job: WriteJob, spark: SparkSession, case: UseCase) -> WriteReport:
    """Write the units table by table; a refused unit leaves clean/ as it was, and all its rows in quarantine/."""
    by_table: dict[str, list[LandedUnit]] = {}
    for unit in job.units:
        by_table.setdefault(unit.table, []).append(unit)
    contracts = {name: _checked(case.table(name)) for name in by_table}
    with ThreadPoolExecutor(AT_ONCE) as pool:  # small jobs wait for the lake more than for a core
        done = pool.map(lambda name: _write_table(job, spark, case, contracts[name], by_table[name]), by_table)
        return WriteReport(units=tuple(unit for units in done for unit in units))


def _checked(contract: TableContract) -> TableContract:
    bad = [column.name for column in contract.columns if column.name in OURS or not NAME.fullmatch(column.name)]
    if bad:
        message = f"{contract.name}: columns {bad} are the platform's own or not {NAME.pattern}; nothing was written; rename them"
        raise ConfigurationError(message)
    return contract


def _write_table(
    job: WriteJob, spark: SparkSession, case: UseCase, contract: TableContract, units: Sequence[LandedUnit]
) -> list[UnitWritten]:
    lines = landed_lines(spark, job.repository, job.landing_commit, units).persist()
    try:
        heads = read_heads(lines)
        refused = refusals(contract, units, heads)
        if not heads:
            return _accounted(units, {}, refused)
        judged = judged_rows(spark, contract, lines, units, heads, refused)
        counts, has_duplicates = _counts(contract, judged)
        if has_duplicates:
            judged = without_duplicates(contract, judged)
            counts, _ = _counts(contract, judged)
        written = _accounted(units, counts, refused)
        _write_clean(job, case, contract, judged, [unit for unit in written if unit.refusal is None])
        _write_quarantine(job, case, contract, judged, [unit for unit in written if unit.account.quarantined])
        return written
    finally:
        lines.unpersist()


def _counts(contract: TableContract, judged: DataFrame) -> tuple[dict[int, list[Row]], bool]:
    """Rows by unit and reasons, and whether good rows share a key."""
    keys = F.xxhash64(*contract.key)  # two keys with one hash only cost the longer way
    grouped = judged.groupBy("_unit", "_reasons", "_is_spare").agg(
        F.count("*").alias("rows"), F.count_distinct(keys).alias("keys")
    )
    counts: dict[int, list[Row]] = {}
    has_duplicates = False
    for row in grouped.collect():
        counts.setdefault(row["_unit"], []).append(row)
        has_duplicates |= not row["_reasons"] and row["keys"] < row["rows"]
    return counts, has_duplicates


def _accounted(
    units: Sequence[LandedUnit], counts: Mapping[int, Sequence[Row]], refused: Mapping[int, Refusal]
) -> list[UnitWritten]:
    return [
        UnitWritten(
            table=unit.table,
            data_date=unit.data_date,
            delivery=unit.delivery,
            account=_account(counts.get(at, ())),
            refusal=refused.get(at),
        )
        for at, unit in enumerate(units)
    ]


def _account(counts: Sequence[Row]) -> RowAccount:
    first, every = Counter[str](), Counter[str]()
    for row in counts:
        for at, reason in enumerate(row["_reasons"].split()):
            every[reason] += row["rows"]
            if at == 0:
                first[reason] += row["rows"]
    spare = sum(row["rows"] for row in counts if row["_is_spare"])
    rows = sum(row["rows"] for row in counts)
    return RowAccount(
        rows_in=rows,
        published=rows - spare - first.total(),
        quarantined=first.total(),
        deduplicated=spare,
        by_first_reason=dict(first),
        by_any_reason=dict(every),
    )


def _write_clean(
    job: WriteJob, case: UseCase, contract: TableContract, judged: DataFrame, written: Sequence[UnitWritten]
) -> None:
    if not written:
        return
    good = judged.where((F.col("_reasons") == "") & ~F.col("_is_spare"))
    rows = good.withColumn("run_key", F.lit(job.run_key)).select(*(column.name for column in contract.columns), *OURS)
    dates = one_of(DATE_COLUMN, (unit.data_date for unit in written))
    _replace(rows, uri(job.repository, job.branch, clean(case.name, contract.name)), dates, (DATE_COLUMN,))


def _write_quarantine(
    job: WriteJob, case: UseCase, contract: TableContract, judged: DataFrame, written: Sequence[UnitWritten]
) -> None:
    if not written:
        return
    bad = judged.where(F.col("_reasons") != "").withColumn("run_key", F.lit(job.run_key))
    rows = bad.selectExpr(DATE_COLUMN, "run_key", "delivery", *_AS_TEXT)
    path = uri(job.repository, job.branch, quarantine(case.name, contract.name))
    dates = one_of(DATE_COLUMN, (unit.data_date for unit in written))  # a run's other dates may have been written before
    _replace(rows, path, f"{one_of('run_key', [job.run_key], kind='string')} AND {dates}", (DATE_COLUMN, "run_key"))


def _replace(rows: DataFrame, path: str, where: str, partitions: Sequence[str]) -> None:
    """One file a partition: its rows are brought together; by number, or Spark would bring all of them to one task."""
    tasks = int(rows.sparkSession.conf.get("spark.sql.shuffle.partitions") or 1)
    (
        rows.repartition(tasks, *partitions)
        .write.format("delta")
        .mode("overwrite")
        .option("replaceWhere", where)
        .option("mergeSchema", "true")
        .partitionBy(*partitions)
        .save(path)
    )
