"""Write: landed files strictly read, good rows into clean/, bad ones into quarantine/, every row accounted for."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from lakeloop.core.contract import NAME, TableContract
from lakeloop.core.errors import ConfigurationError
from lakeloop.core.jobs import LandedUnit, WriteJob
from lakeloop.core.lake import DATE_COLUMN, clean, quarantine
from lakeloop.core.personal import shielded
from lakeloop.core.reports import Refusal, UnitWritten, WriteReport
from lakeloop.core.use_case import UseCase
from lakeloop.spark.accounts import Count, account, counted, has_duplicates
from lakeloop.spark.case_patterns import check_patterns
from lakeloop.spark.case_sql import check_sql
from lakeloop.spark.conf import NULL_FOR_ERRORS, set_for
from lakeloop.spark.heads import Head, miscounts, misfits, read_heads, told_heads
from lakeloop.spark.lines import LandedFile, landed_files, landed_lines
from lakeloop.spark.masking import published
from lakeloop.spark.read import judged_rows, without_duplicates, without_headers
from lakeloop.spark.rules import BETWEEN
from lakeloop.spark.tables import among, one_of, uri

AT_ONCE = 2
_AS_TEXT = ("_line AS line", "_row AS row", f"split(_reasons, '{BETWEEN}') AS reasons")
OURS = (DATE_COLUMN, "delivered_at", "available_at", "delivery", "run_key")


def write(job: WriteJob, spark: SparkSession, case: UseCase) -> WriteReport:
    """Write the units table by table; a refused unit leaves clean/ as it was, and all its rows in quarantine/."""
    by_table: dict[str, list[LandedUnit]] = {}
    for unit in job.units:
        by_table.setdefault(unit.table, []).append(unit)
    contracts = {name: _checked(case.table(name)) for name in by_table}
    check_sql(spark, case, by_table)
    check_patterns(spark, contracts.values())
    # small jobs wait for the lake more than for a core
    with set_for(spark, NULL_FOR_ERRORS), ThreadPoolExecutor(AT_ONCE) as pool:
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
    files = landed_files(job.repository, job.landing_commit, contract, units)
    shown = shielded(contract, {name for unit in units for name in unit.suspected})  # what a row's text may show
    with ExitStack() as held:
        lines = landed_lines(spark, shown, files.values()) if files else None
        heads = [] if lines is None else _heads(lines, files, held)
        refused = misfits(shown, units, heads)
        if lines is None or not heads:
            return _accounted(units, {}, miscounts(units, {}) | refused)
        judge = partial(judged_rows, spark, shown, lines, units, heads)
        rows = _held(judge(refused), len(units), held)
        counts = counted(contract, rows, heads)
        late = {at: refusal for at, refusal in miscounts(units, counts.rows).items() if at not in refused}
        repeats = has_duplicates(contract, rows, counts)
        if late or repeats:  # rows that were good turn bad: judged anew, and with their texts
            rows.unpersist()
            refused |= late
            judged = judge(refused, texts="all")
            rows = _held(without_duplicates(contract, judged) if repeats else judged, len(units), held)
            counts = counted(contract, rows, heads)
        written = _accounted(units, counts.by_unit, refused)
        rows = without_headers(spark, rows, heads, counts.begins)
        _write_clean(job, case, contract, rows, [unit for unit in written if unit.refusal is None])
        _write_quarantine(job, case, contract, rows, [unit for unit in written if unit.account.quarantined])
        return written


def _heads(lines: DataFrame, files: Mapping[str, LandedFile], held: ExitStack) -> list[Head]:
    """The heads as they were told, or else asked of lines that are held, as are those that more than one parser reads."""
    told = told_heads(files)
    if told is None or len({(head.shape.delimiter, head.shape.is_nfc, head.header) for head in told}) > 1:
        held.callback(lines.persist().unpersist)
    return read_heads(lines, files) if told is None else told


def _held(judged: DataFrame, dates: int, held: ExitStack) -> DataFrame:
    """The rows of each date together, as they are written, and held: to parse them costs more than to hold them.

    By number, or Spark would bring all of them to one task.
    """
    tasks = int(judged.sparkSession.conf.get("spark.sql.shuffle.partitions") or 1)
    rows = judged.repartition(min(tasks, dates), DATE_COLUMN).persist()
    held.callback(rows.unpersist)
    return rows


def _accounted(
    units: Sequence[LandedUnit], counts: Mapping[int, Sequence[Count]], refused: Mapping[int, Refusal]
) -> list[UnitWritten]:
    return [
        UnitWritten(
            table=unit.table,
            data_date=unit.data_date,
            delivery=unit.delivery,
            account=account(counts.get(at, ())),
            cells=sum(one.cells for one in counts.get(at, ()) if not one.reasons and not one.is_spare),
            refusal=refused.get(at),
        )
        for at, unit in enumerate(units)
    ]


def _write_clean(
    job: WriteJob, case: UseCase, contract: TableContract, judged: DataFrame, written: Sequence[UnitWritten]
) -> None:
    if not written:
        return
    good = judged.where((F.col("_reasons") == "") & ~F.col("_is_spare"))
    rows = good.withColumn("run_key", F.lit(job.run_key)).select(*map(published, contract.columns), *OURS)
    dates = among(DATE_COLUMN, (unit.data_date for unit in written))
    _replace(rows, uri(job.repository, job.branch, clean(case.name, contract.name)), dates, (DATE_COLUMN,))


def _write_quarantine(
    job: WriteJob, case: UseCase, contract: TableContract, judged: DataFrame, written: Sequence[UnitWritten]
) -> None:
    if not written:
        return
    bad = judged.where(F.col("_reasons") != "").withColumn("run_key", F.lit(job.run_key))
    rows = bad.selectExpr(DATE_COLUMN, "run_key", "delivery", *_AS_TEXT)
    path = uri(job.repository, job.branch, quarantine(case.name, contract.name))
    dates = among(DATE_COLUMN, (unit.data_date for unit in written))  # a run's other dates may have been written before
    _replace(rows, path, f"{one_of('run_key', [job.run_key], kind='string')} AND {dates}", (DATE_COLUMN, "run_key"))


def _replace(rows: DataFrame, path: str, where: str, partitions: Sequence[str]) -> None:
    """One file a partition, since its rows are together."""
    (
        rows.write.format("delta")
        .mode("overwrite")
        .option("replaceWhere", where)
        .option("mergeSchema", "true")
        .partitionBy(*partitions)
        .save(path)
    )
