"""Patterns of a case, tried by the engine that will read them: Java's, inside Spark, before a row is read."""

from collections.abc import Iterable

from pyspark.errors import SparkRuntimeException
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from lakeloop.core.contract import TableContract
from lakeloop.core.errors import ConfigurationError
from lakeloop.spark.rules import whole

_BROKEN = "INVALID_PARAMETER_VALUE.PATTERN"


def check_patterns(spark: SparkSession, contracts: Iterable[TableContract]) -> None:
    """Every pattern of the contracts, by one question.

    Raises:
        ConfigurationError: names the first that Java cannot read.
    """
    asked = {(one.name, column.name): column.pattern for one in contracts for column in one.columns if column.pattern is not None}
    if not asked or _are_read(spark, asked.values()):
        return
    for (table, column), pattern in asked.items():
        if not _are_read(spark, [pattern]):
            msg = f"{table}: Java cannot read the pattern {pattern!r} of {column}; nothing was written; correct it"
            raise ConfigurationError(msg)


def _are_read(spark: SparkSession, patterns: Iterable[str]) -> bool:
    tried = spark.sql("SELECT 1").select(*(F.lit("").rlike(whole(pattern)) for pattern in patterns))
    try:
        tried.inputFiles()  # the least that has a plan optimized: what never changes is computed on the way, and no job runs
    except SparkRuntimeException as error:
        if error.getCondition() == _BROKEN:
            return False
        raise
    return True
