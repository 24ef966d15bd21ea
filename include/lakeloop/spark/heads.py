"""Heads of landed files: their headers, as the intake tells them or as Spark finds them, and what speaks against a unit."""

import csv
import json
from collections.abc import Mapping, Sequence
from typing import NamedTuple
from urllib.parse import quote

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakeloop.core.contract import TableContract
from lakeloop.core.errors import BadFile
from lakeloop.core.files import FileShape
from lakeloop.core.jobs import LandedUnit
from lakeloop.core.reports import Refusal
from lakeloop.spark.lines import LandedFile, address_of
from lakeloop.spark.objects import UNREADABLE


class Head(NamedTuple):
    """A landed file and its header."""

    file: str  # its address as Spark tells it of a row
    unit: int
    shape: FileShape
    header: str  # empty in JSON lines

    @property
    def has_header(self) -> bool:
        """Whether its first line is no row."""
        return self.shape.format != "jsonl"


def told_heads(files: Mapping[str, LandedFile]) -> list[Head] | None:
    """The heads as the intake read them; None where it did not tell all of them, and Spark has to be asked."""
    is_told = all(_is_plain(file.address) and (file.shape.header or file.shape.format == "jsonl") for file in files.values())
    return [_head(file.address, file, file.shape.header) for file in files.values()] if is_told else None


def read_heads(lines: DataFrame, files: Mapping[str, LandedFile]) -> list[Head]:
    """The head of each file that has a line."""
    header = F.min_by("_row", F.when(F.col("_block") == 0, F.col("_at"))).alias("header")
    found = lines.groupBy("_file").agg(header).collect()
    return [_head(row["_file"], files[address_of(row["_file"])], row["header"] or "") for row in found]  # block 0 may be blank


def _is_plain(address: str) -> bool:
    """Whether Spark spells an address as we do."""
    return quote(address, safe=":/") == address


def _head(name: str, file: LandedFile, header: str) -> Head:
    return Head(name, file.unit, file.shape, "" if file.shape.format == "jsonl" else header.lstrip("\ufeff"))


def misfits(contract: TableContract, units: Sequence[LandedUnit], heads: Sequence[Head]) -> dict[int, Refusal]:
    """Units, by position, that no row may be published of whatever their rows are: refused before, or by a header."""
    found = {at: Refusal(code=unit.refused, message="refused before this write") for at, unit in enumerate(units) if unit.refused}
    for head in heads:
        refusal = _misfit(contract, head)
        if refusal is not None:
            found.setdefault(head.unit, refusal)
    return found


def _misfit(contract: TableContract, head: Head) -> Refusal | None:
    if head.header.startswith(UNREADABLE):
        return _refusal(f"{head.shape.name} is {head.header[:200]}", "unreadable")
    if columns_of(contract, head) is None:  # what stands there may be data, which no message repeats
        wanted = ",".join(column.name for column in contract.columns)
        words = f"the header of {head.shape.name} does not name the contract's columns {wanted}"
        return _refusal(words, "header", "deliver it with these columns, or change the contract and count its version up")
    return None


def miscounts(units: Sequence[LandedUnit], rows: Mapping[int, int]) -> dict[int, Refusal]:
    """Units, by position, that have no row, or other rows than their manifest promises."""
    return {at: refusal for at, unit in enumerate(units) if (refusal := _miscount(unit, rows.get(at, 0)))}


def _miscount(unit: LandedUnit, rows: int) -> Refusal | None:
    if rows == 0:
        return _refusal(f"the delivery of {unit.table} {unit.data_date} has no row", "zero_rows", "deliver it with its rows")
    if rows != unit.manifest_rows:
        words = f"the manifest says {unit.manifest_rows} rows, the files have {rows}"
        return _refusal(words, "manifest_rows", "deliver it again with the rows that its manifest says")
    return None


def _refusal(words: str, code: str, mend: str = "deliver it again, whole") -> Refusal:
    """In the words that the intake refuses a file with."""
    return Refusal(code=code, message=str(BadFile(words, code, mend)))


def columns_of(contract: TableContract, head: Head) -> tuple[str, ...] | None:
    """The column names in a file's order, or None when they are not the contract's."""
    if head.shape.format == "jsonl":
        return tuple(column.name for column in contract.columns)
    if head.shape.format == "parquet":
        names = [] if head.header.startswith(UNREADABLE) else json.loads(head.header)
    else:
        names = next(csv.reader([head.header], delimiter=head.shape.delimiter))
    return tuple(names) if contract.brings(names, head.shape.format) else None
