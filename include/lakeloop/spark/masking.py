"""Masking: personal data on its way out of landing/, after every rule has seen it."""

from collections.abc import Sequence

from pyspark.sql import Column as SparkColumn
from pyspark.sql import functions as F

from lakeloop.core.contract import Column, TableContract
from lakeloop.core.personal import MASK
from lakeloop.spark.cells import spark_type
from lakeloop.spark.rules import HEADER_AGAIN

_AS_READ = {"quote": '"', "escape": '"', "ignoreLeadingWhiteSpace": "false", "ignoreTrailingWhiteSpace": "false"}
_IN_LANDING = r"/(landing/.*)$"


def published(column: Column) -> SparkColumn:
    """A typed column as clean/ holds it: a personal text is there or not, any other personal value is null."""
    value = F.col(column.name)
    if not column.personal:
        return value
    return (_hidden(value) if column.type == "string" else F.lit(None).cast(spark_type(column))).alias(column.name)


def has_personal(contract: TableContract) -> bool:
    """Whether a column of the contract is marked."""
    return any(column.personal for column in contract.columns)


def csv_text(contract: TableContract, order: Sequence[str], delimiter: str) -> SparkColumn:
    """A line of CSV written anew from its cells, personal ones masked."""
    personal = {column.name for column in contract.columns if column.personal}
    text = F.col("_text")
    cells = F.struct(*((_hidden(text[name]) if name in personal else text[name]).alias(name) for name in order))
    return F.to_csv(cells, _AS_READ | {"sep": delimiter})


def kept_text(masked: SparkColumn) -> SparkColumn:
    """The text of a row as quarantine/ keeps it; of one that cannot be read, in which anything may be, where it stands."""
    place = F.concat(F.lit(f"{MASK} "), F.regexp_extract("_file", _IN_LANDING, 1))
    fault = F.col("_fault")
    return F.when(fault.isNull(), masked).when(fault == HEADER_AGAIN, F.col("_row")).otherwise(place)


def _hidden(text: SparkColumn) -> SparkColumn:
    return F.when(text.isNotNull(), F.lit(MASK))
