"""The yardstick: what a plain Spark job would do with the same files, without any of the platform's promises."""

from collections.abc import Sequence
from typing import Any

from lakeloop.core.contract import TableContract
from lakeloop.spark.cells import spark_type


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
            .csv(f"s3a://{repository}/{landing_commit}/landing/{case}/{table.name}/*/*/*.csv")
            .withColumn("data_date", f.to_date(f.regexp_extract("_metadata.file_path", r"/(\d{4}-\d{2}-\d{2})/", 1)))
        )
        path = f"s3a://{repository}/{branch}/bare/{table.name}"
        found.repartition("data_date").write.format("delta").partitionBy("data_date").save(path)
        rows += spark.read.format("delta").load(path).count()
    return rows
