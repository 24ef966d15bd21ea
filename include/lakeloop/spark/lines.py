"""Landed files as lines of text: one row a record, with its file and its place in it, whatever the file's format."""

from collections.abc import Iterable, Sequence
from functools import reduce
from typing import NamedTuple
from urllib.parse import unquote

from pyspark.sql import DataFrame, SparkSession, Window
from pyspark.sql import functions as F

from lakeloop.core.contract import TableContract
from lakeloop.core.files import FileShape
from lakeloop.core.jobs import LandedUnit
from lakeloop.spark.objects import AS_READ, OF_LINE, parquet_lines, with_json_cells
from lakeloop.spark.rules import INVISIBLE, UNUSUAL
from lakeloop.spark.tables import uri


class LandedFile(NamedTuple):
    """A file of a unit: the unit's position, the file's address for Spark, and what it was found to be."""

    unit: int
    address: str
    shape: FileShape

    @property
    def reader(self) -> str:
        """What reads it; the files of one reader are read together."""
        return "records" if self.shape.format == "csv" and self.shape.is_quoted else self.shape.format


def landed_files(repository: str, commit: str, contract: TableContract, units: Sequence[LandedUnit]) -> dict[str, LandedFile]:
    """Every file of the units by its address; one that the intake did not describe is what name and contract declare."""
    found = {}
    for position, unit in enumerate(units):
        shapes = {shape.name: shape for shape in unit.shapes}
        for name in unit.files:
            declared = FileShape.named(name) or FileShape(name=name)
            shape = shapes.get(name) or declared.model_copy(update={"delimiter": contract.delimiter})
            address = uri(repository, commit, f"{unit.path}{name}")
            found[address] = LandedFile(position, address, shape)
    return found


def landed_lines(spark: SparkSession, contract: TableContract, files: Iterable[LandedFile]) -> DataFrame:
    """Every record of the files that is not blank; _at grows within a file, whose header is the first of block 0."""
    by_reader: dict[str, list[str]] = {}
    for file in files:
        by_reader.setdefault(file.reader, []).append(file.address)
    return reduce(DataFrame.unionByName, (_lines(spark, contract, paths, reader) for reader, paths in by_reader.items()))


def address_of(file: str) -> str:
    """A file's address as Spark tells it of a row, where blanks and the like are escaped."""
    return unquote(file)


def _lines(spark: SparkSession, contract: TableContract, paths: Sequence[str], reader: str) -> DataFrame:
    if reader == "parquet":
        return parquet_lines(spark.read.format("binaryFile").load(list(paths)), contract)
    text = _records(spark.read.text(list(paths), lineSep="\n")) if reader == "records" else _text(spark.read.text(list(paths)))
    row = F.col("_row")
    is_odd = (row.rlike(UNUSUAL) & row.rlike(INVISIBLE)) | (row.contains("\\u") if reader == "jsonl" else F.lit(False))
    lines = text.where(F.trim("_row") != "").withColumn("_is_odd", is_odd)
    if reader == "jsonl":
        return with_json_cells(lines, contract)
    return lines.select(*OF_LINE, *(F.lit(None).cast(kind).alias(name) for name, kind in AS_READ.items()))


def _text(read: DataFrame) -> DataFrame:
    return read.select(
        F.col("_metadata.file_path").alias("_file"),
        F.col("_metadata.file_block_start").alias("_block"),
        F.monotonically_increasing_id().alias("_at"),
        F.col("value").alias("_row"),
    )


def _records(read: DataFrame) -> DataFrame:
    """Lines put together to records: a line belongs to the record before it while the quotes up to it are odd in number.

    A record stands at its first line; line ends inside its quotes stay as they came.
    """
    lines = _text(read)
    in_file = Window.partitionBy("_file").orderBy("_block", "_at")
    before = in_file.rowsBetween(Window.unboundedPreceding, -1)
    quotes = F.length("_row") - F.length(F.replace("_row", F.lit('"'), F.lit("")))
    is_first = F.coalesce(F.sum(quotes).over(before), F.lit(0)) % 2 == 0
    numbered = lines.select("_file", "_row", F.row_number().over(in_file).alias("_at"), is_first.cast("int").alias("_first"))
    record = F.sum("_first").over(Window.partitionBy("_file").orderBy("_at"))
    grouped = numbered.withColumn("_record", record).groupBy("_file", "_record")
    parts = F.array_sort(F.collect_list(F.struct("_at", "_row")))
    return grouped.agg(parts.alias("_parts")).select(
        "_file",
        F.lit(0).cast("bigint").alias("_block"),
        F.col("_parts")[0]["_at"].cast("bigint").alias("_at"),
        F.rtrim(F.array_join(F.col("_parts")["_row"], "\n"), F.lit("\r")).alias("_row"),
    )
