"""Slices of Delta tables: fingerprinted, copied as wholes, updated, and a few rows appended."""

from collections.abc import Mapping, Sequence
from datetime import date
from functools import reduce
from typing import Any

from pyspark.sql import Column, DataFrame, DataFrameWriter, Row, SparkSession
from pyspark.sql import functions as F

from lakeloop.core.jobs import AppendJob, CopyJob, FingerprintJob, Slice, UpdateJob
from lakeloop.core.lake import DATE_COLUMN
from lakeloop.core.reports import DoneReport, Fingerprint, FingerprintReport
from lakeloop.core.use_case import UseCase
from lakeloop.spark.marks import named_values
from lakeloop.spark.tables import find_table, one_of, uri

_SEEDS = (7, 1_000_003)
_HALF = 32
_WORD = 2 ** (2 * _HALF)


def hashes(frame: DataFrame, without: Sequence[str] = ()) -> list[Column]:
    """Sums of two differently seeded hashes of whole rows, so that order does not matter.

    Each is summed by its halves, which fit into numbers of 64 bits; the decimals that whole ones need cost far more.
    """
    return [
        F.sum(half).alias(f"_{place}{at}")
        for at, word in enumerate(row_hashes(frame, without))
        for place, half in (("high", F.shiftrightunsigned(word, _HALF)), ("low", word.bitwiseAND(F.lit(2**_HALF - 1))))
    ]


def row_hashes(frame: DataFrame, without: Sequence[str] = ()) -> list[Column]:
    """`_hash0` and `_hash1` of each row: its values with their names, nulls apart, so that a new column of nulls is no change."""
    cells = named_values(name for name in sorted(frame.columns) if name not in without)
    return [F.xxhash64(F.lit(seed), *cells).alias(f"_hash{at}") for at, seed in enumerate(_SEEDS)]


def fingerprint_of(row: Row | Mapping[str, Any], rows: int) -> Fingerprint:
    """The fingerprint in an aggregated row; sums are taken modulo 2^64, so that they fit however many rows there are."""
    words = (((int(row[f"_high{at}"] or 0) << _HALF) + int(row[f"_low{at}"] or 0)) % _WORD for at in range(len(_SEEDS)))
    return Fingerprint(rows=rows, hash="".join(f"{word:016x}" for word in words))


def fingerprint(job: FingerprintJob, spark: SparkSession, case: UseCase) -> FingerprintReport:  # noqa: ARG001
    """Fingerprints by table and value; what is absent at the ref is absent in the report."""
    found: dict[str, dict[str, Fingerprint]] = {}
    for each in joined(job.slices):
        frame = find_table(spark, job.repository, job.ref, each.table)
        if frame is not None:
            found.setdefault(each.table, {}).update(_fingerprints(frame, each, job.without))
    return FingerprintReport(tables=found)


def copy(job: CopyJob, spark: SparkSession, case: UseCase) -> DoneReport:  # noqa: ARG001
    """Make slices on the branch what they are at the source; what the source lacks is deleted."""
    for each in joined(job.slices):
        source = find_table(spark, job.repository, job.source, each.table)
        rows = None if source is None else _assigned(source.where(_where(source, each)), job.assign)
        _put(job, spark, each, rows)
    return DoneReport()


def update(job: UpdateJob, spark: SparkSession, case: UseCase) -> DoneReport:  # noqa: ARG001
    """Set one column to a constant on slices; a table that is not there has none."""
    for each in joined(job.slices):
        frame = find_table(spark, job.repository, job.branch, each.table)
        if frame is not None:
            value = job.value.replace("\\", "\\\\").replace("'", "\\'")
            table = _named(job.repository, job.branch, each)
            spark.sql(f"UPDATE {table} SET `{job.column}` = '{value}' WHERE {_where(frame, each)}")
    return DoneReport()


def append(job: AppendJob, spark: SparkSession, case: UseCase) -> DoneReport:  # noqa: ARG001
    """Append rows, typed as the table is; the first rows make it, new columns widen it."""
    if not job.rows:
        return DoneReport()
    there = find_table(spark, job.repository, job.branch, job.table)
    known = {} if there is None else dict(there.dtypes)
    names = list(dict.fromkeys(name for row in job.rows for name in row))
    schema = ", ".join(f"`{name}` {known.get(name) or _type(job.rows, name)}" for name in names)
    rows = spark.createDataFrame([tuple(row.get(name) for name in names) for row in job.rows], schema)
    rows.coalesce(1).write.format("delta").mode("append").option("mergeSchema", "true").save(
        uri(job.repository, job.branch, job.table)
    )
    return DoneReport(rows=len(job.rows))


def joined(slices: Sequence[Slice]) -> list[Slice]:
    """One slice a table, column and choice of dates: each table is read and written once."""
    values: dict[tuple[str, str, tuple[date, ...]], dict[str, None]] = {}
    for each in slices:
        values.setdefault((each.table, each.column, each.dates), {}).update(dict.fromkeys(each.values))
    return [
        Slice(table=table, column=column, values=tuple(found), dates=dates)
        for (table, column, dates), found in values.items() if found
    ]  # fmt: skip


def _fingerprints(frame: DataFrame, each: Slice, without: Sequence[str]) -> dict[str, Fingerprint]:
    value = F.col(f"`{each.column}`").cast("string").alias("_value")
    grouped = frame.where(_where(frame, each)).groupBy(value).agg(F.count("*").alias("_rows"), *hashes(frame, without))
    return {row["_value"]: fingerprint_of(row, row["_rows"]) for row in grouped.collect()}


def _put(job: CopyJob, spark: SparkSession, each: Slice, rows: DataFrame | None) -> None:
    target = find_table(spark, job.repository, job.branch, each.table)
    if target is None:
        if rows is not None and not rows.isEmpty():
            _writer(rows, each).partitionBy(*_partitions(spark, job, each)).save(uri(job.repository, job.branch, each.table))
    elif rows is None:
        spark.sql(f"DELETE FROM {_named(job.repository, job.branch, each)} WHERE {_where(target, each)}")
    else:
        _writer(rows, each).option("replaceWhere", _where(target, each)).save(uri(job.repository, job.branch, each.table))


def _writer(rows: DataFrame, each: Slice) -> DataFrameWriter:
    """One file a value, widened where the source has a column more."""
    return rows.repartition(each.column).write.format("delta").mode("overwrite").option("mergeSchema", "true")


def _partitions(spark: SparkSession, job: CopyJob, each: Slice) -> list[str]:
    detail = spark.sql(f"DESCRIBE DETAIL {_named(job.repository, job.source, each)}")
    return list(detail.select("partitionColumns").collect()[0][0])


def _assigned(rows: DataFrame, assign: Mapping[str, str]) -> DataFrame:
    types = dict(rows.dtypes)
    return reduce(lambda frame, item: frame.withColumn(item[0], F.lit(item[1]).cast(types[item[0]])), assign.items(), rows)


def _where(frame: DataFrame, each: Slice) -> str:
    asked = one_of(each.column, each.values, dict(frame.dtypes)[each.column])
    return f"{asked} AND {one_of(DATE_COLUMN, each.dates)}" if each.dates else asked


def _named(repository: str, ref: str, each: Slice) -> str:
    return f"delta.`{uri(repository, ref, each.table)}`"


def _type(rows: Sequence[Mapping[str, str | int | float | None]], name: str) -> str:
    kinds = {type(row[name]) for row in rows if row.get(name) is not None}
    return "double" if float in kinds else "bigint" if kinds == {int} else "string"
