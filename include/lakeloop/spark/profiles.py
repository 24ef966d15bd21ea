"""What a committed snapshot holds of each (table, data date), in numbers: one pass a table, one small row a date."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from statistics import median
from typing import NamedTuple

from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F

from lakeloop.core.jobs import AuditJob, LandedUnit
from lakeloop.core.lake import DATE_COLUMN, clean, quarantine
from lakeloop.core.reports import Fingerprint
from lakeloop.core.use_case import ExpectedKeys, TableContract, UseCase
from lakeloop.spark.slices import fingerprint_of, hashes
from lakeloop.spark.tables import find_table, one_of

NUMBERS = ("int", "double")
_FAMILIES = ("missing", "type", "range", "allowed", "pattern", "malformed", "duplicate_key", "refused")
_NOTHING = Fingerprint(rows=0, hash="0" * 32)


class Profile(NamedTuple):
    """One data date of a table: its numbers by name (None = there is none), its fingerprint, what its keys were held against."""

    data_date: date
    values: dict[str, float | None]
    fingerprint: Fingerprint
    expected_keys: str


def profiles(
    spark: SparkSession, job: AuditJob, case: UseCase, contract: TableContract, units: Sequence[LandedUnit]
) -> list[Profile]:
    """A profile a unit, in the units' order; a date without a row has one too, full of zeros."""
    dates = [unit.data_date for unit in units]
    rows = _published(spark, job, case, contract, dates)
    bad = _quarantined(spark, job, case, contract)
    expected = _expected_keys(spark, job, case, contract, dates)
    found = []
    for day in dates:
        keys, words = expected[day]
        values = _values(contract, rows.get(day), bad.get(day, {}), keys)
        print_ = fingerprint_of(rows[day], rows[day]["row_count"]) if day in rows else _NOTHING
        found.append(Profile(day, values, print_, words))
    return found


def _published(
    spark: SparkSession, job: AuditJob, case: UseCase, contract: TableContract, dates: Sequence[date]
) -> dict[date, Row]:
    frame = find_table(spark, job.repository, job.snapshot, clean(case.name, contract.name))
    if frame is None:
        return {}
    by_date = frame.where(one_of(DATE_COLUMN, dates)).groupBy(DATE_COLUMN)
    rows = by_date.agg(*_aggregates(contract, job.run_key), *hashes(frame)).collect()
    return {row[DATE_COLUMN]: row for row in rows}


def _aggregates(contract: TableContract, run_key: str) -> list[SparkColumn]:
    counted = [
        F.count("*").alias("row_count"),
        F.count_distinct(F.xxhash64(*contract.key)).alias("key_count"),
        F.count_if(F.col("run_key") == run_key).alias("own_count"),
    ]
    filled = [F.count(column.name).alias(f"filled__{column.name}") for column in contract.columns]
    numbers = [
        function(column.name).alias(f"{name}__{column.name}")
        for column in contract.columns
        if column.type in NUMBERS
        for name, function in (("min", F.min), ("mean", F.avg), ("max", F.max))
    ]
    return [*counted, *filled, *numbers]


def _quarantined(spark: SparkSession, job: AuditJob, case: UseCase, contract: TableContract) -> dict[date, dict[str, int]]:
    """Rows of this run in quarantine, by date and by the family of their first reason."""
    frame = find_table(spark, job.repository, job.snapshot, quarantine(case.name, contract.name))
    if frame is None:
        return {}
    family = F.split(F.get("reasons", F.lit(0)), ":")[0].alias("family")
    counts = frame.where(F.col("run_key") == job.run_key).groupBy(DATE_COLUMN, family).count()
    found: dict[date, dict[str, int]] = {}
    for row in counts.collect():
        found.setdefault(row[DATE_COLUMN], {})[row["family"]] = row["count"]
    return found


def _values(contract: TableContract, row: Row | None, bad: Mapping[str, int], keys: float | None) -> dict[str, float | None]:
    published = float(row["row_count"]) if row else 0.0
    refused = float(sum(bad.values()))
    every = published + refused
    values: dict[str, float | None] = {
        "row_count": published,
        "key_count": float(row["key_count"]) if row else 0.0,
        "key_uniqueness": row["key_count"] / published if row else 0.0,
        "key_coverage": (row["key_count"] if row else 0.0) / keys if keys else None,
        "own_share": row["own_count"] / published if row else 0.0,
        "quarantine_count": refused,
        "quarantine_share": refused / every if every else 0.0,
    }
    values |= {f"quarantine_share__{family}": bad.get(family, 0) / every if every else 0.0 for family in _FAMILIES}
    for column in contract.columns:
        values[f"completeness__{column.name}"] = row[f"filled__{column.name}"] / published if row else 0.0
        if column.type in NUMBERS:
            values |= {name: _number(row, name) for name in (f"{kind}__{column.name}" for kind in ("min", "mean", "max"))}
    return values


def _number(row: Row | None, name: str) -> float | None:
    return None if row is None or row[name] is None else float(row[name])


def _expected_keys(
    spark: SparkSession, job: AuditJob, case: UseCase, contract: TableContract, dates: Sequence[date]
) -> dict[date, tuple[float | None, str]]:
    """How many keys each date should bring, and in words where that number comes from."""
    rule = contract.expected
    if rule is None or not dates:
        return {day: (None, "not judged: the contract expects no number of keys") for day in dates}
    if rule.source == "fixed":
        return {day: (float(rule.count or 0), f"of {rule.count} keys") for day in dates}
    if rule.source == "table":
        counts = _counts(spark, job, case, rule.table or "", min(dates), max(dates))
        return {day: _or_unknown(counts.get(day), f"{rule.table} of the same date") for day in dates}
    earlier = _counts(spark, job, case, contract.name, min(dates) - timedelta(days=rule.days), max(dates))
    return {day: _or_unknown(_trailing(earlier, day, rule), f"the median of {rule.days} days before") for day in dates}


def _counts(spark: SparkSession, job: AuditJob, case: UseCase, table: str, first: date, last: date) -> dict[date, int]:
    frame: DataFrame | None = find_table(spark, job.repository, job.snapshot, clean(case.name, table))
    if frame is None:
        return {}
    rows = frame.where(F.col(DATE_COLUMN).between(F.lit(first), F.lit(last))).groupBy(DATE_COLUMN).count()
    return {row[DATE_COLUMN]: row["count"] for row in rows.collect()}


def _trailing(counts: Mapping[date, int], day: date, rule: ExpectedKeys) -> float | None:
    past = [counts[at] for back in range(1, rule.days + 1) if (at := day - timedelta(days=back)) in counts]
    return median(past) if past else None


def _or_unknown(keys: float | None, source: str) -> tuple[float | None, str]:
    return (keys, f"of {keys:g} keys, {source}") if keys else (None, f"not judged: there is nothing to compare with ({source})")
