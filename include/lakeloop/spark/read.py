"""Landed files as judged rows: one pass over all files of a table, by column name, nothing guessed and nothing lost."""

from collections.abc import Mapping, Sequence
from functools import reduce
from typing import Literal, NamedTuple

from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame, SparkSession, Window
from pyspark.sql import functions as F

from lakeloop.core.contract import TableContract
from lakeloop.core.jobs import LandedUnit
from lakeloop.core.lake import DATE_COLUMN
from lakeloop.core.reports import Refusal
from lakeloop.spark.accounts import unread
from lakeloop.spark.cells import with_typed
from lakeloop.spark.heads import Head, columns_of
from lakeloop.spark.masking import csv_text, has_personal, kept_text
from lakeloop.spark.objects import composed_cells
from lakeloop.spark.rules import BETWEEN, DUPLICATE_KEY, HEADER_AGAIN, MALFORMED, Cells, broken_rules

_CSV = {
    "mode": "PERMISSIVE",
    "columnNameOfCorruptRecord": "_corrupt",
    "quote": '"',
    "escape": '"',
    "maxCharsPerColumn": "-1",
}
_OF_UNIT = ("data_date", "delivery", "delivered_at", "available_at")
_FILE = (
    "_file string, _place int, _header string, _layout int, _refused string, "
    "data_date date, delivery int, delivered_at timestamp, available_at timestamp"
)


class Layout(NamedTuple):
    """What files have in common that are parsed alike."""

    format: Literal["csv", "object"]
    delimiter: str = ","
    is_nfc: bool = True
    order: tuple[str, ...] = ()  # the columns as they stand in a line; none where the header does not fit


def judged_rows(
    spark: SparkSession,
    contract: TableContract,
    lines: DataFrame,
    units: Sequence[LandedUnit],
    heads: Sequence[Head],
    refused: Mapping[int, Refusal],
    texts: Literal["bad", "all"] = "bad",
) -> DataFrame:
    """One row a line, headers among them: its typed columns, its unit's, and ours: _place (of its head), _reasons and so on.

    _row has the text of bad rows, which quarantine keeps, or of all where good ones may yet turn bad.
    """
    layouts = [_layout(contract, head) for head in heads]
    known = sorted(set(layouts))
    files = [
        (head.file, place, head.header if head.has_header else None, known.index(layout), *_of_unit(head.unit, units, refused))
        for place, (head, layout) in enumerate(zip(heads, layouts, strict=True))
    ]
    rows = lines.join(F.broadcast(spark.createDataFrame(files, _FILE)), "_file")
    parsed = [_parsed(contract, rows.where(F.col("_layout") == at), layout) for at, layout in enumerate(known)]
    judged = _judged(contract, _alike(contract, parsed), all(layout.format == "csv" for layout in known))
    return judged if texts == "all" else judged.withColumn("_row", F.when(F.col("_reasons") != "", F.col("_row")))


def without_headers(spark: SparkSession, judged: DataFrame, heads: Sequence[Head], begins: Mapping[int, int]) -> DataFrame:
    """The rows of data with their _line; `begins` is _at of each file's first line, by place of its head."""
    places = [
        (place, begin, heads[place].has_header, 0 if heads[place].shape.format == "parquet" else 1)  # its names are no line
        for place, begin in begins.items()
    ]
    begun = spark.createDataFrame(places, "_place int, _begin bigint, _has_header boolean, _above int")
    rows = judged.join(F.broadcast(begun), "_place", "left").where(
        "NOT coalesce(_has_header AND _block = 0 AND _at = _begin, false)"
    )
    return rows.withColumn("_line", F.when(F.col("_block") == 0, F.col("_at") - F.col("_begin") + F.col("_above")))


def without_duplicates(contract: TableContract, judged: DataFrame) -> DataFrame:
    """Equal rows of one key are spare but for the first; rows that differ under one key are all bad."""
    good = F.col("_reasons") == ""
    same_key = Window.partitionBy(DATE_COLUMN, good, *(F.col(name) for name in contract.key))
    content = F.struct(*(column.name for column in contract.columns))
    differs = good & (F.min(content).over(same_key) != F.max(content).over(same_key))
    is_first = F.row_number().over(same_key.orderBy("_place", "_at")) == 1
    reasons = F.when(differs, F.lit(DUPLICATE_KEY)).otherwise(F.col("_reasons"))
    return judged.withColumns({"_reasons": reasons, "_is_spare": good & ~differs & ~is_first})


def _layout(contract: TableContract, head: Head) -> Layout:
    order = columns_of(contract, head) or ()
    if head.shape.format == "csv" or not order:
        return Layout("csv", head.shape.delimiter, head.shape.is_nfc, order)
    return Layout("object")


def _of_unit(position: int, units: Sequence[LandedUnit], refused: Mapping[int, Refusal]) -> tuple[object, ...]:
    unit, refusal = units[position], refused.get(position)
    code = refusal.code if refusal else None
    return code, unit.data_date, unit.delivery, unit.delivered_at, unit.available_at


def _parsed(contract: TableContract, rows: DataFrame, layout: Layout) -> DataFrame:
    """The rows with _text, their cells by column: of an object those that its reader found, of a line those between delimiters.

    Lines whose header does not fit stay unread: they have no cell, and no fault but their unit's.
    """
    names = [column.name for column in contract.columns]
    if layout.format == "object":
        found = F.struct(*(F.get("_cells", F.lit(at)).alias(name) for at, name in enumerate(names)))
        return _shown(contract, rows.withColumn("_text", found), F.col("_row"))
    schema = ", ".join(f"`{name}` string" for name in (*(layout.order or names), "_corrupt"))
    null = next(iter(contract.null_words), "")  # what is empty becomes this, and this becomes null
    cells = F.from_csv("_row", schema, _CSV | {"sep": layout.delimiter, "nullValue": null, "emptyValue": null})
    if not layout.is_nfc:  # after they are told apart: the Greek question mark is composed to a semicolon
        cells = F.udf(composed_cells, f"struct<{schema}>", useArrow=True)(cells)
    for name in names if layout.order else ():
        if name not in layout.order:  # it may be absent
            cells = cells.withField(name, F.lit(None).cast("string"))
    others = contract.null_words[1:] if layout.is_nfc else contract.null_words  # one may have come uncomposed
    parsed = _without_words(rows.withColumn("_text", cells), others, names)
    quotes = F.length("_row") - F.length(F.replace("_row", F.lit('"'), F.lit("")))
    is_open = F.col("_row").contains('"') & (quotes % 2 == 1)
    is_unread = F.col("_text")["_corrupt"].isNotNull() | is_open
    fault = F.when(is_unread, F.lit(MALFORMED)).when(F.col("_row") == F.col("_header"), F.lit(HEADER_AGAIN))
    judged = parsed.withColumn("_fault", fault if layout.order else F.lit(""))
    return _shown(contract, judged, csv_text(contract, layout.order or names, layout.delimiter))


def _without_words(rows: DataFrame, words: Sequence[str], names: Sequence[str]) -> DataFrame:
    """The rows with null for words that Spark's parser did not take: it takes one, as it came."""
    if not words:
        return rows
    text = F.col("_text")
    cells = {name: F.when(~text[name].isin(*words), text[name]) for name in names}
    return rows.withColumn("_text", reduce(lambda found, name: found.withField(name, cells[name]), cells, text))


def _shown(contract: TableContract, rows: DataFrame, masked: SparkColumn) -> DataFrame:
    """The rows with the text that quarantine may keep: where nobody is spoken of, as it came."""
    return rows.withColumn("_row", kept_text(masked)) if has_personal(contract) else rows


def _alike(contract: TableContract, parsed: Sequence[DataFrame]) -> DataFrame:
    """Rows of several layouts as one frame: their cells in the contract's order."""
    if len(parsed) == 1:
        return parsed[0]
    text = F.struct(*(F.col("_text")[column.name].alias(column.name) for column in contract.columns))
    return reduce(DataFrame.unionByName, (rows.withColumn("_text", text) for rows in parsed))


def _judged(contract: TableContract, rows: DataFrame, is_csv: bool) -> DataFrame:
    text = F.col("_text")
    own = broken_rules(contract, Cells(text, F.col("_fault"), None if is_csv else F.col("_wrong"), F.col("_is_odd")))
    refused = F.concat(F.lit("refused:"), F.col("_refused"))
    reasons = F.when(F.col("_refused").isNull(), own).otherwise(F.trim(F.concat_ws(BETWEEN, own, refused)))
    return with_typed(contract.columns, rows, text).select(
        "_place",
        "_block",
        "_at",
        "_row",
        reasons.alias("_reasons"),
        F.lit(False).alias("_is_spare"),
        _cells(contract, text).alias("_cells"),
        *(column.name for column in contract.columns),
        *_OF_UNIT,
    )


def _cells(contract: TableContract, text: SparkColumn) -> SparkColumn:
    """How many cells a row came with that clean/ can hold."""
    held = [column for column in contract.columns if column.type == "string" or not column.personal]
    filled = sum((text[column.name].isNotNull().cast("int") for column in held), F.lit(0))
    is_read = F.col("_fault").isNull() & F.col("_wrong").isNull()
    return F.when(is_read, filled).otherwise(unread(contract))
