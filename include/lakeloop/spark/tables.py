"""Delta tables at a ref of the lake: where they are, whether they are, and the predicates that prune them."""

from collections.abc import Iterable
from datetime import date

from pyspark.errors import AnalysisException
from pyspark.sql import DataFrame, SparkSession

from lakeloop.core.errors import NotFound

# What Delta says of a path that holds no table, in the words of a read and of a write.
_ABSENT = {"DELTA_TABLE_NOT_FOUND", "DELTA_PATH_DOES_NOT_EXIST", "DELTA_MISSING_DELTA_TABLE", "PATH_NOT_FOUND"}

_FEW = 31  # dates of a range that are looked for one by one

# Delta's Kernel reads a table's log itself, which is two Spark jobs a table otherwise. It only reads: an UPDATE is refused.
BY_KERNEL = {"spark.databricks.delta.v2.enableMode": "STRICT"}


def uri(repository: str, ref: str, path: str) -> str:
    """The address of a path at a branch or commit, for Spark."""
    return f"s3a://{repository}/{ref}/{path}"


def find_table(spark: SparkSession, repository: str, ref: str, table: str) -> DataFrame | None:
    """The table at a ref, or None where there is none; asks the lake once. By name, which `BY_KERNEL` decides of."""
    try:
        frame = spark.table(f"delta.`{uri(repository, ref, table)}`")
        frame.schema  # noqa: B018  a Connect frame meets the lake here, a classic one above
    except AnalysisException as error:
        if error.getCondition() in _ABSENT:
            return None
        raise
    return frame


def read_table(spark: SparkSession, repository: str, ref: str, table: str) -> DataFrame:
    """The table at a ref; NotFound where there is none."""
    frame = find_table(spark, repository, ref, table)
    if frame is None:
        message = f"there is no table {table} at {ref} of {repository}; nothing was read or written"
        raise NotFound(message)
    return frame


def among(column: str, dates: Iterable[date]) -> str:
    """A predicate on dates for rows at hand, and for `replaceWhere`: of a few dates it is compiled once, whichever they are.

    Spark writes a date that is compared into the code that it compiles, and passes an array beside it: so a night finds
    what the night before compiled. Of many dates an array is the slower way, and a scan is pruned by `one_of` alone, which
    Delta's Kernel understands.
    """
    asked = sorted(set(dates))
    if not 0 < len(asked) <= _FEW:
        return one_of(column, asked)
    held = ", ".join(f"DATE'{day}'" for day in asked)
    return f"array_contains(array({held}), `{column}`)"


def one_of(column: str, values: Iterable[object], kind: str = "date") -> str:
    """A predicate that prunes partitions, fit for `where`, `replaceWhere`, UPDATE and DELETE; see `among` for rows at hand."""
    quoted = sorted({str(value).replace("\\", "\\\\").replace("'", "\\'") for value in values})
    literals = ", ".join(f"DATE'{value}'" if kind == "date" else f"'{value}'" for value in quoted)
    return f"`{column}` IN ({literals})" if quoted else "false"
