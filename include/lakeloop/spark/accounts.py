"""Accounts: where every row of a unit went, from rows counted by file and by what is said of them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakeloop.core.contract import TableContract
from lakeloop.core.lake import DATE_COLUMN
from lakeloop.core.reports import RowAccount
from lakeloop.spark.heads import Head
from lakeloop.spark.marks import mark
from lakeloop.spark.rules import BETWEEN


class Count(NamedTuple):
    """Rows of one file of which the same is said."""

    reasons: tuple[str, ...]
    is_spare: bool
    rows: int
    cells: int  # that they came with


def unread(contract: TableContract) -> int:
    """The cells of a line that cannot be read: more than a row can have."""
    return len(contract.columns) + 1


class Counts(NamedTuple):
    """What was counted in one pass: rows by unit, where the files begin, and what can be said of keys by then."""

    by_unit: Mapping[int, Sequence[Count]]
    begins: Mapping[int, int]  # by place of the head: _at of its file's first line
    repeats: bool  # good rows of one file share a key
    spreads: bool  # good rows of one date are in several files

    @property
    def rows(self) -> dict[int, int]:
        """Rows of each unit."""
        return {unit: sum(one.rows for one in counts) for unit, counts in self.by_unit.items()}


def counted(contract: TableContract, judged: DataFrame, heads: Sequence[Head]) -> Counts:
    """Count judged rows; the first line of a file that has a header is none."""
    groups = (
        judged.groupBy(DATE_COLUMN, "_place", "_reasons", "_is_spare")
        .agg(
            F.count("*").alias("rows"),
            F.count_distinct(mark(contract.key)).alias("keys"),  # two with one mark only cost the longer way
            F.sum("_cells").alias("cells"),
            F.min(F.when(F.col("_block") == 0, F.col("_at"))).alias("first"),
        )
        .collect()
    )
    begins: dict[int, int] = {}
    for row in groups:
        if row["first"] is not None:
            begins[row["_place"]] = min(row["first"], begins.get(row["_place"], row["first"]))
    by_unit: dict[int, list[Count]] = {}
    for row in groups:
        head = heads[row["_place"]]
        is_header = head.has_header and row["first"] is not None and row["first"] == begins[row["_place"]]
        reasons = tuple(row["_reasons"].split(BETWEEN)) if row["_reasons"] else ()
        count = Count(reasons, row["_is_spare"], row["rows"] - is_header, row["cells"] - is_header * unread(contract))
        by_unit.setdefault(head.unit, []).append(count)
    good = [row for row in groups if not row["_reasons"]]
    spreads = len({row["_place"] for row in good}) > len({row[DATE_COLUMN] for row in good})
    return Counts(by_unit, begins, any(row["keys"] < row["rows"] for row in good), spreads)


def has_duplicates(contract: TableContract, judged: DataFrame, counts: Counts) -> bool:
    """Whether good rows of a date share a key, in whichever files; Spark is asked again only of rows in several files."""
    if counts.repeats or not counts.spreads:
        return counts.repeats
    by_date = judged.where(F.col("_reasons") == "").groupBy(DATE_COLUMN)
    keys = by_date.agg(F.count("*").alias("rows"), F.count_distinct(mark(contract.key)).alias("keys"))
    return not keys.where("keys < rows").isEmpty()


def account(counts: Sequence[Count]) -> RowAccount:
    """The account of a unit."""
    first, every = Counter[str](), Counter[str]()
    for one in (one for one in counts if one.rows):
        for at, reason in enumerate(one.reasons):
            every[reason] += one.rows
            if at == 0:
                first[reason] += one.rows
    spare = sum(one.rows for one in counts if one.is_spare)
    rows = sum(one.rows for one in counts)
    return RowAccount(
        rows_in=rows,
        published=rows - spare - first.total(),
        quarantined=first.total(),
        deduplicated=spare,
        by_first_reason=dict(first),
        by_any_reason=dict(every),
    )
