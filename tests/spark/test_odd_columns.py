"""Columns that are odd as a whole, row by row within the contract or not: what the audit of the flights case does with each."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import pytest
from pyspark.sql import SparkSession

from lakeloop.adapters.lakefs_lake import LakeFSLake
from lakeloop.core.reports import UnitAudit
from lakeloop.settings import Settings
from tests.spark.small_flights import KNOT, Rows, days, of, publish, world
from tests.spark.test_delivery_facts import audited

FIRST = date(2013, 3, 1)
Change = Callable[[int, dict[str, object]], None]


def number(row: dict[str, object], name: str) -> float:
    return float(str(row[name]))


ODD: dict[str, tuple[str, str, str, Change]] = {  # -> table, the check that does not pass, its severity, what is done to a row
    "sign flip, by an identity": (
        "weather", "fact:identity:relative_humidity", "critical", lambda _, row: row.update(temp=-number(row, "temp")),
    ),
    "sign flip, by a range": (
        "schedule", "rule_breaches", "critical", lambda _, row: row.update(distance=-number(row, "distance")),
    ),
    "unit": (
        "schedule", "fact:ratio:schedule.distance", "critical",
        lambda _, row: row.update(distance=1.61 * number(row, "distance")),
    ),
    "half null": (
        "weather", "fact:nulls:weather.wind_speed", "warning", lambda at, row: row.update(wind_speed=None) if at % 2 else None,
    ),
    "all null": ("weather", "fact:nulls:weather.pressure", "warning", lambda _, row: row.update(pressure=None)),
    "all null, of a text": ("schedule", "fact:nulls:schedule.tailnum", "warning", lambda _, row: row.update(tailnum=None)),
    "constant": ("weather", "fact:distinct:weather.wind_speed", "warning", lambda _, row: row.update(wind_speed=10 * KNOT)),
    "explosion": (
        "schedule", "fact:distinct:schedule.dest", "warning",
        lambda at, row: row.update(dest=f"{'ABC'[at % 3]}{chr(65 + at // 3)}X"),
    ),
    "re-cased": ("schedule", "rule_breaches", "critical", lambda _, row: row.update(dest=str(row["dest"]).lower())),
    "unseen": ("schedule", "", "", lambda at, row: row.update(dest="ZZZ") if not at else None),
}  # fmt: skip
DAYS = dict(zip(ODD, days(FIRST + timedelta(days=10), len(ODD)), strict=True))


@pytest.fixture(scope="module")
def found(spark: SparkSession, stack: Settings, shared_lake: LakeFSLake) -> dict[tuple[str, date], UnitAudit]:
    """A night for each oddity, with ten good ones before, audited in one run."""
    tables: dict[str, Rows] = world(days(FIRST, 10 + len(ODD)))
    del tables["outcomes"]
    for name, (table, _, _, change) in ODD.items():
        for at, row in enumerate(of(tables[table], [DAYS[name]])):
            change(at, row)
    report = audited(spark, shared_lake, publish(stack, shared_lake, tables), tables, list(DAYS.values()))
    return {(one.table, one.data_date): one for one in report.units}


@pytest.mark.parametrize("name", [name for name in ODD if name != "unseen"])
def test_an_odd_column_is_refused_or_marked(found: dict[tuple[str, date], UnitAudit], name: str) -> None:
    table, asked, severity, _ = ODD[name]
    missed = {check.name: check.severity for check in found[table, DAYS[name]].checks if not check.passed}
    assert missed.get(asked) == severity, missed


def test_a_category_that_nobody_saw_before_passes_without_a_mark(found: dict[tuple[str, date], UnitAudit]) -> None:
    missed = {check.name for check in found["schedule", DAYS["unseen"]].checks if not check.passed}
    assert not {name for name in missed if name.startswith("fact:")}
    assert "rule_breaches" not in missed
