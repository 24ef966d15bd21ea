"""Clean tables as today's contract knows them, at any commit: a column that an old snapshot lacks is there, and null."""

from collections.abc import Mapping

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from lakeloop.core.contract import TableContract
from lakeloop.core.lake import DATE_COLUMN, clean
from lakeloop.core.use_case import UseCase
from lakeloop.spark.cells import spark_type
from lakeloop.spark.tables import read_table


def read_clean(spark: SparkSession, repository: str, ref: str, case: UseCase, name: str) -> DataFrame:
    """A clean table at a ref; NotFound where there is none."""
    return widened(read_table(spark, repository, ref, clean(case.name, name)), case.table(name))


def widened_by_name(case: UseCase, frames: Mapping[str, DataFrame]) -> dict[str, DataFrame]:
    """Clean tables under their paths as tables under their names."""
    return {name: widened(frame, case.table(name)) for path, frame in frames.items() if (name := path.rpartition("/")[2])}


def widened(table: DataFrame, contract: TableContract) -> DataFrame:
    """The table with every column of its contract; those that came later are null, of their type."""
    known = set(table.columns)
    later = [column for column in contract.columns if column.name not in known]
    return table.withColumns({column.name: F.lit(None).cast(spark_type(column)) for column in later}) if later else table


def nothing_of(spark: SparkSession, contract: TableContract) -> DataFrame:
    """A clean table before its first delivery: its columns and the platform's, and no row."""
    columns = ", ".join(f"`{column.name}` {spark_type(column)}" for column in contract.columns)
    ours = f"{DATE_COLUMN} date, delivered_at timestamp, available_at timestamp, delivery bigint, run_key string"
    return spark.createDataFrame([], f"{columns}, {ours}")
