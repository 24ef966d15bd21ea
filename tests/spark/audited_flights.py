"""Audits of a small flights world, and what they found: rows changed on purpose, dates by themselves and in ranges."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import pytest
from pyspark.sql import SparkSession

from lakeloop.adapters.lakefs_lake import LakeFSLake
from lakeloop.core.jobs import AuditJob, LandedUnit
from lakeloop.core.reports import AuditReport, Check
from lakeloop.settings import REPO_ROOT
from lakeloop.spark.audit import audit
from lakeloop.spark.profiles import Profile
from lakeloop.spark.suites import judge
from tests.spark.small_flights import Rows, arrived, of, ours, without
from use_cases.flights import FLIGHTS

Found = dict[tuple[str, date], tuple[Check, ...]]


def changed(rows: Rows, day: date, **change: object) -> Rows:
    """The rows with columns of one date changed: a factor, or None."""

    def value(row: dict[str, object], name: str) -> object:
        factor = change[name]
        return None if factor is None else type(row[name])(row[name] * factor)  # type: ignore[call-arg, operator]

    return [{**row, **{name: value(row, name) for name in change}} if row["data_date"] == day else row for row in rows]


def copied(rows: Rows, day: date, earlier: date) -> Rows:
    """The rows with one date replaced by what an earlier one was."""
    return [*without(rows, day), *({**row, **ours(day)} for row in of(rows, [earlier]))]


def in_celsius(sky: Rows) -> None:
    """These rows of the weather in Celsius, under the names of Fahrenheit."""
    for row in sky:
        row |= {name: (float(str(row[name])) - 32) / 1.8 for name in ("temp", "dewp")}


def moved_back(sky: Rows, by: int) -> None:
    """These rows of the weather so many days earlier by their own hour, under the dates that they have."""
    for row in sky:
        row["time_hour"] = row["time_hour"] - timedelta(days=by)  # type: ignore[operator]


def audited(spark: SparkSession, lake: LakeFSLake, commit: str, tables: dict[str, Rows], dates: list[date]) -> AuditReport:
    """The audit of these dates of these tables, each as if it had come whole and as the first of its date."""
    nothing = list(lake.log("main"))[-1].id
    return audited_units(spark, lake, nothing, commit, tables, [(table, day) for table in tables for day in dates])


def audited_units(
    spark: SparkSession,
    lake: LakeFSLake,
    base: str,
    commit: str,
    tables: dict[str, Rows],
    came: Sequence[tuple[str, date]],
    held: dict[str, Rows] | None = None,
) -> AuditReport:
    """The audit of what came, on top of what main held."""
    units = tuple(
        LandedUnit(
            table=table, data_date=day, delivery=1, sha256="b" * 64, path="", files=(),
            manifest_rows=len(of(tables[table], [day])), delivered_at=arrived(day), available_at=arrived(day),
            restates=bool(held and of(held[table], [day])),
        )
        for table, day in came
    )  # fmt: skip
    job = AuditJob(
        repository=lake.repository, case="use_cases.flights:FLIGHTS", snapshot=commit, base=base, run_key="a" * 64, units=units,
        written=(),
    )  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lakeloop.spark.audit.judge", only_breaches)
        return audit(job, spark, FLIGHTS, REPO_ROOT / "expectations")


def only_breaches(suite: Mapping[str, Any], found: Sequence[Profile]) -> dict[date, list[Check]]:
    """Of the suite only this: its volume refuses every night of so small a world, and then there is no history."""
    return {day: [each for each in checks if each.name == "rule_breaches"] for day, checks in judge(suite, found).items()}


def facts(report: AuditReport) -> Found:
    return {
        (one.table, one.data_date): tuple(each for each in one.checks if each.name.startswith("fact:")) for one in report.units
    }


def broken(checks: tuple[Check, ...], severity: str = "critical") -> set[str]:
    return {each.name.removeprefix("fact:") for each in checks if not each.passed and each.severity == severity}
