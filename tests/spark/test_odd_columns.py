"""Columns that are odd as a whole: what the audit of the flights case does with each.

Those whose rows are within the contract stand in clean/ as a write leaves them; those that break a rule come as files, since
such rows are in quarantine before the audit looks.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import NamedTuple

import pytest
from pyspark.sql import SparkSession

from lakeloop.adapters.lakefs_lake import LakeFSLake
from lakeloop.core.reports import Fingerprint, UnitAudit, UnitWritten
from lakeloop.settings import REPO_ROOT, Settings
from lakeloop.spark.connect import ConnectRunner
from lakeloop.spark.profiles import Profile
from lakeloop.spark.suites import judge, load_suite
from tests.spark.audited_flights import audited
from tests.spark.landed_flights import audit, csv, land, write
from tests.spark.small_flights import KNOT, Rows, days, of, publish, schedule, world
from tests.spark.small_parcels import rows_of
from use_cases.flights import FLIGHTS

FIRST = date(2013, 3, 1)
Change = Callable[[int, dict[str, object]], None]


def number(row: dict[str, object], name: str) -> float:
    return float(str(row[name]))


ODD: dict[str, tuple[str, str, str, Change]] = {  # -> table, the check that does not pass, its severity, what is done to a row
    "sign flip, by an identity": (
        "weather", "fact:identity:relative_humidity", "critical", lambda _, row: row.update(temp=-number(row, "temp")),
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
    "unseen": ("schedule", "", "", lambda at, row: row.update(dest="ZZZ") if not at else None),
}  # fmt: skip
OUT_OF_RULE: dict[str, tuple[str, int, Change]] = {  # -> the reason of the rows, how many of 400, what is done to a row
    "sign flip, by a range": ("range:distance", 400, lambda _, row: row.update(distance=-number(row, "distance"))),
    "re-cased": ("pattern:dest", 400, lambda _, row: row.update(dest=str(row["dest"]).lower())),
    "re-cased, 21 in 400": ("pattern:dest", 21, lambda at, row: row.update(dest=str(row["dest"]).lower()) if at < 21 else None),
    "re-cased, 20 in 400": ("pattern:dest", 20, lambda at, row: row.update(dest=str(row["dest"]).lower()) if at < 20 else None),
}
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


@pytest.mark.parametrize(("column", "is_refused"), [("precip", True), ("visib", True), ("pressure", False), ("wind_gust", False)])
def test_of_the_weather_s_columns_that_may_be_null_the_suite_wants_some_half_filled(column: str, is_refused: bool) -> None:
    suite = load_suite(REPO_ROOT / "expectations", "flights", FLIGHTS.table("weather"))
    values = {one["kwargs"]["column"]: None for one in suite["expectations"]} | {f"completeness__{column}": 0.0}
    (checks,) = judge(suite, [Profile(FIRST, values, Fingerprint(rows=72, hash="0" * 32), "")]).values()
    failed = {check.name: check.severity for check in checks if not check.passed}
    assert failed == ({f"completeness__{column}": "critical"} if is_refused else {})


class Landed(NamedTuple):
    """What an ingest run of the files says of each date, and what it put into quarantine."""

    written: dict[date, UnitWritten]
    audited: dict[date, UnitAudit]
    kept: list[dict[str, object]]


NIGHTS = dict(zip(OUT_OF_RULE, days(FIRST, len(OUT_OF_RULE)), strict=True))


@pytest.fixture(scope="module")
def landed(stack: Settings, shared_lake: LakeFSLake, runner: ConnectRunner) -> Landed:
    """A night for each oddity that breaks a rule of its rows, from its file to its audit."""
    files = {}
    for name, (_, _, change) in OUT_OF_RULE.items():
        rows = schedule(NIGHTS[name], flights=400)
        for at, row in enumerate(rows):
            change(at, row)
        files["schedule", NIGHTS[name]] = csv("schedule", rows)
    shared_lake.create_branch("landed", [*shared_lake.log("main")][-1].id)  # from before the other nights stood there
    units = land(shared_lake, "landed", files)
    snapshot, written = write(shared_lake, runner, "landed", units, "b" * 64)
    audited = audit(shared_lake, runner, snapshot, units, written, "b" * 64)
    kept = rows_of(stack, shared_lake, "landed", "quarantine/flights/schedule")
    return Landed({one.data_date: one for one in written.units}, {one.data_date: one for one in audited.units}, kept)


@pytest.mark.parametrize("name", OUT_OF_RULE)
def test_rows_that_break_a_rule_are_quarantined_and_over_the_limit_their_date_is_refused(landed: Landed, name: str) -> None:
    reason, rows, _ = OUT_OF_RULE[name]
    account = landed.written[NIGHTS[name]].account
    assert (account.published, account.by_first_reason) == (400 - rows, {reason: rows})
    assert [row["reasons"] for row in landed.kept if row["data_date"] == NIGHTS[name]] == [[reason]] * rows
    failed = {check.name for check in landed.audited[NIGHTS[name]].failed("critical")}
    assert "quarantine_share" in failed if rows > 20 else failed == set(), failed
    assert failed <= {"quarantine_share"} or rows == 400, "its neighbours are sound"
