"""What a committed snapshot holds of each (table, data date), in numbers: one small row a date."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from statistics import median
from types import MappingProxyType
from typing import Any, NamedTuple

from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakeloop.core.contract import FAMILIES, ExpectedKeys, TableContract
from lakeloop.core.jobs import LandedUnit
from lakeloop.core.lake import DATE_COLUMN, UnitId
from lakeloop.core.nights import RowCounts, night_of
from lakeloop.core.reports import Fingerprint, UnitWritten
from lakeloop.spark.marks import mark
from lakeloop.spark.questions import Answer
from lakeloop.spark.rules import breaches
from lakeloop.spark.slices import fingerprint_of, hashes
from lakeloop.spark.tables import among

NUMBERS = ("int", "double", "decimal")
_NOTHING = Fingerprint(rows=0, hash="0" * 32)


class Profile(NamedTuple):
    """One data date of a table: its numbers by name (None = there is none), its fingerprint, what its keys were held against."""

    data_date: date
    values: dict[str, float | None]
    fingerprint: Fingerprint
    expected_keys: str
    reasons: Mapping[str, int] = MappingProxyType({})  # rows in quarantine by their first reason


def profile_frame(frame: DataFrame, contract: TableContract, run_key: str, dates: Iterable[date]) -> DataFrame:
    """The numbers of some dates of a table."""
    by_date = frame.where(among(DATE_COLUMN, dates)).groupBy(DATE_COLUMN)
    return by_date.agg(*_aggregates(contract, run_key), *hashes(frame))


def keys_frame(frame: DataFrame, contract: TableContract, dates: Iterable[date]) -> DataFrame:
    """How many keys some dates of a table have; apart from its numbers, which would be kept for every key otherwise."""
    marked = frame.where(among(DATE_COLUMN, dates)).select(DATE_COLUMN, mark(contract.key).alias("mark"))
    return marked.groupBy(DATE_COLUMN).agg(F.count_distinct("mark").alias("key_count"))


def reasons_frame(kept: DataFrame) -> DataFrame:
    """Rows in quarantine, by date and by their first reason."""
    return kept.groupBy(DATE_COLUMN, F.get("reasons", F.lit(0)).alias("reason")).agg(F.count("*").alias("rows"))


def profiles(
    contract: TableContract,
    units: Sequence[LandedUnit],
    written: Sequence[UnitWritten],
    rows: Sequence[tuple[date, Answer]],
    bad: Sequence[tuple[date, Answer]],
    counts: RowCounts,
) -> list[Profile]:
    """A profile a unit, in the units' order; a date without a row has one too, full of zeros.

    `written` is what the write says of all units of the run; `counts` are there for what is expected of the keys.
    """
    held, refused = dict(rows), _by_reason(bad)
    told = {one.data_date: one for one in written if one.table == contract.name}
    found = []
    for unit in units:
        day = unit.data_date
        row = held.get(day)
        keys, words = _expected_keys(contract, counts, day)
        values = _values(contract, row, refused.get(day, {}), keys)
        values |= _lost(unit, told.get(day), row, values)
        fingerprint = fingerprint_of(row, row["row_count"]) if row else _NOTHING
        found.append(Profile(day, values, fingerprint, words, refused.get(day, {})))
    return found


def _aggregates(contract: TableContract, run_key: str) -> list[SparkColumn]:
    counted = [
        F.count("*").alias("row_count"),
        F.count_if(F.col("run_key") == run_key).alias("own_count"),
        F.count_if(breaches(contract)).alias("rule_breaches"),
    ]
    filled = [F.count(column.name).alias(f"filled__{column.name}") for column in contract.columns]
    numbers = [
        function(column.name).alias(f"{name}__{column.name}")
        for column in contract.columns
        if column.type in NUMBERS and not column.personal
        for name, function in (("min", F.min), ("mean", F.avg), ("max", F.max))
    ]
    return [*counted, *filled, *numbers]


def _by_reason(bad: Sequence[tuple[date, Answer]]) -> dict[date, dict[str, int]]:
    found: dict[date, dict[str, int]] = {}
    for day, answer in bad:
        found.setdefault(day, {})[answer["reason"]] = answer["rows"]
    return found


def _values(contract: TableContract, row: Answer | None, bad: Mapping[str, int], keys: float | None) -> dict[str, float | None]:
    published = float(row["row_count"]) if row else 0.0
    refused = float(sum(bad.values()))
    every = published + refused
    values: dict[str, float | None] = {
        "row_count": published,
        "key_count": float(row["key_count"]) if row else 0.0,
        "key_uniqueness": row["key_count"] / published if row else 0.0,
        "key_coverage": (row["key_count"] if row else 0.0) / keys if keys else None,
        "key_repeats": published - row["key_count"] if row else 0.0,
        "rule_breaches": float(row["rule_breaches"]) if row else 0.0,
        "own_share": row["own_count"] / published if row else 0.0,
        "quarantine_count": refused,
        "quarantine_share": refused / every if every else 0.0,
    }
    for limited in dict.fromkeys([*FAMILIES, *contract.quarantine_limits]):
        rows = sum(count for reason, count in bad.items() if limited in {reason, reason.partition(":")[0]})
        values[f"quarantine_share__{limited}"] = rows / every if every else 0.0
    for column in contract.columns:
        is_hidden = column.personal and column.type != "string"  # a mask tells what is filled, a null does not
        filled = row[f"filled__{column.name}"] / published if row else 0.0
        values[f"completeness__{column.name}"] = None if is_hidden else filled
        if column.type in NUMBERS:
            values |= {
                name: None if is_hidden else _number(row, name)
                for name in (f"{kind}__{column.name}" for kind in ("min", "mean", "max"))
            }
    return values


def _lost(
    unit: LandedUnit, told: UnitWritten | None, row: Answer | None, values: Mapping[str, float | None]
) -> dict[str, float | None]:
    """What came and stands nowhere: cells of the published rows, and rows."""
    if told is None:
        return {"cells_lost": None, "rows_unaccounted": None}
    filled = sum(row[name] for name in row if name.startswith("filled__")) if row else 0
    stand = (values["row_count"] or 0) + (values["quarantine_count"] or 0)
    return {
        "cells_lost": float(told.cells - filled),
        "rows_unaccounted": unit.manifest_rows - stand - told.account.deduplicated,
    }


def _number(row: Mapping[str, Any] | None, name: str) -> float | None:
    return None if row is None or row[name] is None else float(row[name])


def _expected_keys(contract: TableContract, counts: RowCounts, day: date) -> tuple[float | None, str]:
    """How many keys a date should bring, and in words where that number comes from."""
    rule, night = contract.expected, night_of(counts.case, UnitId(contract.name, day))
    if rule is None:
        return None, "not judged: the contract expects no number of keys"
    if rule.source == "fixed":
        return float(rule.count or 0), f"of {rule.count} keys"
    if rule.source == "table":
        return _or_unknown(counts.of(rule.table or "", day, night), f"{rule.table} of the same date")
    return _or_unknown(_trailing(contract.name, counts, day, rule), f"the median of {rule.days} days before")


def _trailing(table: str, counts: RowCounts, day: date, rule: ExpectedKeys) -> float | None:
    night = night_of(counts.case, UnitId(table, day))
    past = (counts.of(table, day - timedelta(days=back), night) for back in range(1, rule.days + 1))
    known = [rows for rows in past if rows is not None]
    return median(known) if known else None


def _or_unknown(keys: float | None, source: str) -> tuple[float | None, str]:
    return (keys, f"of {keys:g} keys, {source}") if keys else (None, f"not judged: there is nothing to compare with ({source})")
