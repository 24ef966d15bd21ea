"""Landed files as judged rows: one pass over all files of a table, by header name, nothing guessed and nothing lost."""

import csv
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from pyspark.sql import DataFrame, SparkSession, Window
from pyspark.sql import functions as F

from lakeloop.core.jobs import LandedUnit
from lakeloop.core.reports import Refusal
from lakeloop.core.use_case import TableContract
from lakeloop.spark.rules import BETWEEN, DUPLICATE_KEY, broken_rules, typed
from lakeloop.spark.tables import uri

_CSV = {
    "mode": "PERMISSIVE",
    "columnNameOfCorruptRecord": "_corrupt",
    "quote": '"',
    "escape": '"',
    "maxCharsPerColumn": "-1",
    "nullValue": "NA",  # what is empty becomes this, and this becomes null
    "emptyValue": "NA",
}
_OF_UNIT = ("data_date", "delivery", "delivered_at", "available_at")
_FILE = (
    "_file string, _first bigint, _order int, _unit int, _refused string, "
    "data_date date, delivery int, delivered_at timestamp, available_at timestamp"
)


class Head(NamedTuple):
    """A landed file as Spark saw it: its first line, where its lines begin, and how many rows follow."""

    file: str
    header: str
    first: int
    rows: int


def landed_lines(spark: SparkSession, repository: str, commit: str, units: Sequence[LandedUnit]) -> DataFrame:
    """Every line of the units' files that is not blank; _at grows within a file, whose header is the first of block 0."""
    paths = [uri(repository, commit, f"{unit.path}{name}") for unit in units for name in unit.files]
    lines = spark.read.text(paths).select(
        F.col("_metadata.file_path").alias("_file"),
        F.col("_metadata.file_block_start").alias("_block"),
        F.monotonically_increasing_id().alias("_at"),
        F.col("value").alias("_row"),
    )
    return lines.where(F.trim("_row") != "")


def read_heads(lines: DataFrame) -> list[Head]:
    """The head of each file that has a line."""
    in_first = F.when(F.col("_block") == 0, F.col("_at"))
    heads = lines.groupBy("_file").agg(
        F.min_by("_row", in_first).alias("header"), F.min(in_first).alias("first"), (F.count("*") - 1).alias("rows")
    )
    return [Head(row["_file"], row["header"].lstrip("\ufeff"), row["first"], row["rows"]) for row in heads.collect()]


def refusals(contract: TableContract, units: Sequence[LandedUnit], heads: Sequence[Head]) -> dict[int, Refusal]:
    """Units, by position, that no row may be published of: wrong header, no rows, or other rows than promised."""
    found: dict[int, Refusal] = {}
    for position, unit in enumerate(units):
        if unit.refused:
            found[position] = Refusal(code=unit.refused, message="refused before this write")
            continue
        mine = [head for head in heads if unit.path in head.file]
        rows = sum(head.rows for head in mine)
        wrong = next((head.header for head in mine if columns_of(contract, head.header) is None), None)
        if wrong is not None:
            wanted = ",".join(column.name for column in contract.columns)
            words = f"header {wrong[:200]!r} does not name the contract's columns {wanted}"
            found[position] = Refusal(code="header", message=words)
        elif rows == 0:
            found[position] = Refusal(code="zero_rows", message=f"the delivery of {unit.table} {unit.data_date} has no row")
        elif rows != unit.manifest_rows:
            words = f"the manifest says {unit.manifest_rows} rows, the files have {rows}"
            found[position] = Refusal(code="manifest_rows", message=words)
    return found


def columns_of(contract: TableContract, header: str) -> tuple[str, ...] | None:
    """The column names in a file's order, or None when they are not exactly the contract's."""
    names = next(csv.reader([header]))
    wanted = sorted(column.name for column in contract.columns)
    return tuple(names) if sorted(names) == wanted else None


def judged_rows(
    spark: SparkSession,
    contract: TableContract,
    lines: DataFrame,
    units: Sequence[LandedUnit],
    heads: Sequence[Head],
    refused: Mapping[int, Refusal],
) -> DataFrame:
    """One row a line of data: its typed columns, its unit's, and ours: _unit, _line, _row (text), _reasons, _is_spare."""
    orders = sorted({columns_of(contract, head.header) or () for head in heads})
    files = _files(spark, contract, units, heads, refused, orders)
    rows = lines.join(F.broadcast(files), "_file").where("_block <> 0 OR _at <> _first")
    parts = [_parsed(contract, rows.where(F.col("_order") == at), order) for at, order in enumerate(orders)]
    judged = parts[0]
    for part in parts[1:]:
        judged = judged.unionByName(part)
    return judged


def without_duplicates(contract: TableContract, judged: DataFrame) -> DataFrame:
    """Equal rows of one key are spare but for the first; rows that differ under one key are all bad."""
    good = F.col("_reasons") == ""
    same_key = Window.partitionBy("_unit", good, *(F.col(name) for name in contract.key))
    content = F.struct(*(column.name for column in contract.columns))
    differs = good & (F.min(content).over(same_key) != F.max(content).over(same_key))
    is_first = F.row_number().over(same_key.orderBy("_at")) == 1
    reasons = F.when(differs, F.lit(DUPLICATE_KEY)).otherwise(F.col("_reasons"))
    return judged.withColumns({"_reasons": reasons, "_is_spare": good & ~differs & ~is_first})


def _files(
    spark: SparkSession,
    contract: TableContract,
    units: Sequence[LandedUnit],
    heads: Sequence[Head],
    refused: Mapping[int, Refusal],
    orders: Sequence[tuple[str, ...]],
) -> DataFrame:
    by_path = {unit.path: position for position, unit in enumerate(units)}
    rows = []
    for head in heads:
        position = next(at for path, at in by_path.items() if path in head.file)
        unit, refusal = units[position], refused.get(position)
        order = orders.index(columns_of(contract, head.header) or ())
        ours = (head.file, head.first, order, position, refusal.code if refusal else None)
        rows.append((*ours, unit.data_date, unit.delivery, unit.delivered_at, unit.available_at))
    return spark.createDataFrame(rows, _FILE)


def _parsed(contract: TableContract, rows: DataFrame, order: tuple[str, ...]) -> DataFrame:
    """Lines of files with one header; an empty order is a header that does not fit, and its lines stay unread."""
    named = order or tuple(column.name for column in contract.columns)
    schema = ", ".join(f"`{name}` string" for name in (*named, "_corrupt"))
    cells = F.col("_cells")
    own = broken_rules(contract, cells) if order else F.lit("")
    refused = F.concat(F.lit("refused:"), F.col("_refused"))
    reasons = F.when(F.col("_refused").isNull(), own).otherwise(F.trim(F.concat_ws(BETWEEN, own, refused)))
    return (
        rows.withColumn("_cells", F.from_csv("_row", schema, _CSV))
        .withColumns({column.name: typed(column, cells[column.name]) for column in contract.columns})
        .select(
            "_unit",
            "_at",
            F.when(F.col("_block") == 0, F.col("_at") - F.col("_first") + 1).alias("_line"),
            "_row",
            reasons.alias("_reasons"),
            F.lit(False).alias("_is_spare"),
            *(column.name for column in contract.columns),
            *_OF_UNIT,
        )
    )
