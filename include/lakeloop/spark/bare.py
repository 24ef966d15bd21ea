"""The yardstick: what a plain Spark job would do with the same files, without any of the platform's promises."""

from collections.abc import Sequence
from typing import Any

from lakeloop.core.contract import TableContract
from lakeloop.core.lake import DATE_COLUMN
from lakeloop.spark.cells import spark_type
from lakeloop.spark.tables import uri


def bare_ingest(spark: Any, repository: str, landing_commit: str, branch: str, case: str, tables: Sequence[TableContract]) -> int:
    """Read every landed file of the tables and write one partitioned Delta table each; the rows written."""
    from pyspark.sql import functions as f

    rows = 0
    for table in tables:
        schema = ", ".join(f"`{column.name}` {spark_type(column)}" for column in table.columns)
        found = (
            spark.read.schema(schema)
            .option("header", "true")
            .option("nullValue", "NA")
            .csv(uri(repository, landing_commit, f"landing/{case}/{table.name}/*/*/*.csv"))
            .withColumn(DATE_COLUMN, f.to_date(f.regexp_extract("_metadata.file_path", r"/(\d{4}-\d{2}-\d{2})/", 1)))
        )
        path = uri(repository, branch, f"bare/{table.name}")
        found.repartition(DATE_COLUMN).write.format("delta").partitionBy(DATE_COLUMN).save(path)
        rows += spark.read.format("delta").load(path).count()
    return rows


def bare_read_back(spark: Any, repository: str, ref: str, tables: Sequence[TableContract]) -> int:
    """Read once what `bare_ingest` wrote: rows, distinct keys and a hash of whole rows by date; the dates found.

    The least that a look at a committed snapshot can be: no rule, no history, no other table.
    """
    from pyspark.sql import functions as f

    dates = 0
    for table in tables:
        rows = spark.read.format("delta").load(uri(repository, ref, f"bare/{table.name}"))
        whole = f.xxhash64(*rows.columns)
        keys = f.approx_count_distinct(f.xxhash64(*table.key))
        dates += len(rows.groupBy(DATE_COLUMN).agg(f.count("*"), f.bit_xor(whole), keys).collect())
    return dates
