"""The audit judges each date for itself, says what it could not judge, and bites when quarantine is switched off."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from html import escape
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import functions as F
from use_cases.tiny import TINY

from lakeloop.adapters.lakefs_lake import LakeFSLake
from lakeloop.adapters.spark_tables import JobTables
from lakeloop.core.errors import ConfigurationError
from lakeloop.core.jobs import AuditJob, LandedUnit, Slice, WriteJob
from lakeloop.core.reports import AuditReport, Check, Fingerprint, UnitAudit, WriteReport
from lakeloop.core.runs import SessionKey
from lakeloop.settings import REPO_ROOT, Settings
from lakeloop.spark import read
from lakeloop.spark.connect import ConnectRunner
from lakeloop.spark.profiles import Profile
from lakeloop.spark.suites import judge, load_suite
from use_cases.flights import FLIGHTS

CASE = "use_cases.tiny:TINY"
DAYS = [date(2024, 5, 1) + timedelta(days=day) for day in range(4)]
FORECASTS = {
    DAYS[0]: "harbour,20,1,\nmarket,21,,\nstation,22,3,\n",
    DAYS[1]: "harbour,20,1,\nmarket,99,2,\nstation,hot,3,\n",  # two of three rows in quarantine
    DAYS[2]: "harbour,20,1,\n",  # a third of the keys
    DAYS[3]: "harbour,20,1,\nmarket,21,2,\nstation,22,3,\n",
}
SALES = {DAYS[0]: "harbour,0\nmarket,1\nstation,0\n", DAYS[1]: "harbour,1\n", date(2024, 4, 30): "harbour,1\n"}
HEADERS = {"forecasts": "shop,celsius,visitors,opens\n", "sales": "shop,sold_out\n"}


def units() -> list[tuple[LandedUnit, str]]:
    at = datetime(2024, 4, 30, 20, tzinfo=UTC)
    return [
        (
            LandedUnit(
                table=table,
                data_date=day,
                delivery=1,
                sha256="b" * 64,
                path=f"landing/tiny/{table}/{day}/1-bbbbbbbbbbbb/",
                files=("all.csv",),
                manifest_rows=rows.count("\n"),
                delivered_at=at,
                available_at=at,
            ),
            HEADERS[table] + rows,
        )
        for table, days in (("forecasts", FORECASTS), ("sales", SALES))
        for day, rows in days.items()
    ]


def written_and_audited(lake: LakeFSLake, runner: ConnectRunner, branch: str, key: str) -> tuple[str, WriteReport, AuditReport]:
    """The jobs of one ingest run: landing, write, commit, audit of that commit."""
    lake.create_branch(branch, "main")
    for each, text in units():
        lake.put(branch, f"{each.path}all.csv", text.encode())
    landed = tuple(each for each, _ in units())
    commit = lake.commit(branch, "landed", {})
    names = {"repository": lake.repository, "case": CASE, "run_key": key, "units": landed}
    report = runner.run(WriteJob(landing_commit=commit, branch=branch, **names))
    assert isinstance(report, WriteReport)
    snapshot = lake.commit(branch, "written", {})
    audit = runner.run(AuditJob(snapshot=snapshot, base=commit, written=report.units, **names))
    assert isinstance(audit, AuditReport)
    return snapshot, report, audit


@pytest.fixture(scope="module")
def tiny_runner(stack: Settings, new_key: Callable[[], SessionKey]) -> Iterator[ConnectRunner]:
    suites = REPO_ROOT / "tests" / "use_cases" / "tiny" / "expectations"
    with ConnectRunner(stack.model_copy(update={"expectations": suites}), new_key()) as opened:
        yield opened


@pytest.fixture(scope="module")
def audited(shared_lake: LakeFSLake, tiny_runner: ConnectRunner) -> tuple[str, WriteReport, AuditReport]:
    return written_and_audited(shared_lake, tiny_runner, "audited", "a" * 64)


def of(report: AuditReport, table: str, day: date) -> UnitAudit:
    return next(one for one in report.units if (one.table, one.data_date) == (table, day))


def failed(one: UnitAudit) -> set[str]:
    return {check.name for check in one.failed("critical")}


def test_a_second_case_is_written_and_audited_by_the_platform_as_it_is(audited: tuple[str, WriteReport, AuditReport]) -> None:
    _, written, report = audited
    assert [(one.table, one.data_date) for one in report.units] == [(one.table, one.data_date) for one in written.units]
    assert all(one.refusal is None for one in written.units)
    assert {(one.table, one.data_date.day) for one in report.units if one.passed} == {
        ("forecasts", 1), ("forecasts", 4), ("sales", 1), ("sales", 2), ("sales", 30),
    }  # fmt: skip


def test_each_date_fails_for_its_own_reason(audited: tuple[str, WriteReport, AuditReport]) -> None:
    report = audited[2]
    assert failed(of(report, "forecasts", DAYS[1])) == {"quarantine_share", "key_coverage"}
    assert failed(of(report, "forecasts", DAYS[2])) == {"key_coverage"}
    assert check_of(of(report, "forecasts", DAYS[1]), "quarantine_share").observed == pytest.approx(2 / 3, abs=1e-6)


def test_what_could_not_be_judged_is_said(audited: tuple[str, WriteReport, AuditReport]) -> None:
    coverage = check_of(of(audited[2], "sales", date(2024, 4, 30)), "key_coverage")
    assert coverage.passed
    assert coverage.observed is None
    assert "not judged" in coverage.expected
    assert "forecasts of the same date" in check_of(of(audited[2], "sales", DAYS[1]), "key_coverage").expected


def test_the_fingerprint_is_the_one_that_a_replay_is_compared_with(
    audited: tuple[str, WriteReport, AuditReport], shared_lake: LakeFSLake, tiny_runner: ConnectRunner
) -> None:
    snapshot, _, report = audited
    table = "clean/tiny/forecasts"
    tables = JobTables(tiny_runner, shared_lake.repository, CASE)
    found = tables.fingerprints(snapshot, [Slice(table=table, values=tuple(day.isoformat() for day in DAYS))])
    assert found == {(table, day.isoformat()): of(report, "forecasts", day).fingerprint for day in DAYS}


def test_the_pages_show_every_refused_date_and_need_nothing_from_outside(
    audited: tuple[str, WriteReport, AuditReport],
) -> None:
    pages = audited[2].pages
    numbers = json.loads(pages["audit.json"])
    assert {(one["table"], one["data_date"]) for one in numbers["units"] if not one["passed"]} == {
        ("forecasts", "2024-05-02"), ("forecasts", "2024-05-03"),
    }  # fmt: skip
    assert "2 of 7 refused" in pages["audit.html"]
    assert "forecasts of 2024-05-02" in pages["audit.html"]
    assert not [word for word in ("http:", "https:", "<script", "src=", "@import", "url(") if word in pages["audit.html"]]


def shown(report: AuditReport, table: str, day: date, check: str) -> list[str]:
    """The rows that the pages show for a check that did not pass."""
    units = json.loads(report.pages["audit.json"])["units"]
    (unit,) = (one for one in units if (one["table"], one["data_date"]) == (table, str(day)))
    rows: list[str] = next(each["rows"] for each in unit["failed"] if each["name"] == check)
    assert all(escape(row) in report.pages["audit.html"] for row in rows)
    return rows


def test_too_much_in_quarantine_shows_a_few_of_its_rows_and_why_they_are_there(
    audited: tuple[str, WriteReport, AuditReport],
) -> None:
    assert shown(audited[2], "forecasts", DAYS[1], "quarantine_share") == [
        "line=3, reasons=range:celsius, row=market,99,2,", "line=4, reasons=type:celsius, row=station,hot,3,",
    ]  # fmt: skip


def test_the_pages_count_quarantine_by_reason_for_each_date(audited: tuple[str, WriteReport, AuditReport]) -> None:
    units = json.loads(audited[2].pages["audit.json"])["units"]
    found = {(one["table"], one["data_date"]): one["reasons"] for one in units if one["reasons"]}
    assert found == {("forecasts", str(DAYS[1])): {"range:celsius": 1, "type:celsius": 1}}
    page = " ".join(audited[2].pages["audit.html"].split())
    assert f'<td>{DAYS[1]}</td><td><code>range:celsius</code></td><td class="n">1</td><td class="n">0.3333</td>' in page


def test_the_audit_turns_red_when_quarantine_is_switched_off(
    shared_lake: LakeFSLake, tiny_runner: ConnectRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read, "broken_rules", lambda contract, cells: F.lit(""))
    _, written, report = written_and_audited(shared_lake, tiny_runner, "unguarded", "c" * 64)
    assert sum(one.account.quarantined for one in written.units) == 0
    assert failed(of(report, "forecasts", DAYS[1])) == {"completeness__celsius", "max__celsius", "rule_breaches", "cells_lost"}
    assert shown(report, "forecasts", DAYS[1], "rule_breaches") == [
        "shop=market, what breaks a rule=celsius (99.0)", "shop=station, what breaks a rule=celsius (null)",
    ]  # fmt: skip


def check_of(one: UnitAudit, name: str) -> Check:
    return next(check for check in one.checks if check.name == name)


# The judge alone, over profiles made by hand: no Spark.


def profile(day: date, **values: float | None) -> Profile:
    usual = {"row_count": 3.0, "completeness__shop": 1.0, "quarantine_share": 0.0, "own_share": 1.0, "key_coverage": 1.0}
    usual |= {"rule_breaches": 0.0, "key_repeats": 0.0, "cells_lost": 0.0, "rows_unaccounted": 0.0}
    return Profile(day, usual | values, Fingerprint(rows=3, hash="0" * 32), "of 3 keys")


def suite(tmp_path: Path, *columns: str, **more: Any) -> dict[str, Any]:
    asked = [{"type": "expect_column_values_to_be_between", "kwargs": {"column": name, "min_value": 1}} for name in columns]
    (tmp_path / "tiny").mkdir()
    (tmp_path / "tiny" / "sales.json").write_text(json.dumps({"name": "tiny.sales", "expectations": asked} | more))
    return load_suite(tmp_path, "tiny", TINY.table("sales"))


@pytest.mark.parametrize("columns", [("row_count",), ("completeness__shop",), ()])
def test_a_suite_without_volume_or_completeness_refuses_the_run(tmp_path: Path, columns: tuple[str, ...]) -> None:
    with pytest.raises(ConfigurationError, match=r"expectations/tiny/sales.json has no expectation on .*run is refused"):
        suite(tmp_path, *columns)


def test_a_missing_suite_refuses_the_run(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"expectations/tiny/sales.json is no suite"):
        load_suite(tmp_path, "tiny", TINY.table("sales"))


def test_only_the_dates_that_break_an_expectation_fail(tmp_path: Path) -> None:
    asked = suite(tmp_path, "row_count", "completeness__shop")
    found = judge(asked, [profile(DAYS[0]), profile(DAYS[1], row_count=0.0), profile(DAYS[2], own_share=0.5)])
    assert {day: {check.name for check in checks if not check.passed} for day, checks in found.items()} == {
        DAYS[0]: set(), DAYS[1]: {"row_count"}, DAYS[2]: {"own_share"},
    }  # fmt: skip


def test_an_expectation_that_is_a_warning_marks_the_date(tmp_path: Path) -> None:
    asked = suite(tmp_path, "row_count", "completeness__shop")
    asked["expectations"][0]["severity"] = "warning"
    checks = judge(asked, [profile(DAYS[0], row_count=0.0)])[DAYS[0]]
    one = UnitAudit(table="sales", data_date=DAYS[0], checks=tuple(checks), fingerprint=Fingerprint(rows=0, hash=""))
    assert (one.passed, [check.name for check in one.failed("warning")]) == (True, ["row_count"])


def test_a_severity_that_there_is_not_refuses_the_run(tmp_path: Path) -> None:
    asked = {"type": "expect_column_values_to_be_between", "kwargs": {"column": "row_count"}, "severity": "fatal"}
    with pytest.raises(ConfigurationError, match=r"sales.json has severity fatal; .*there are critical, warning, info"):
        suite(tmp_path, "row_count", "completeness__shop", expectations=[asked])


def test_an_expectation_that_cannot_be_asked_is_named(tmp_path: Path) -> None:
    asked = suite(tmp_path, "row_count", "completeness__shop", "no_such_number")
    with pytest.raises(ConfigurationError, match="'no_such_number' cannot be judged"):
        judge(asked, [profile(DAYS[0])])


@pytest.mark.parametrize("contract", FLIGHTS.tables, ids=lambda contract: contract.name)
def test_every_suite_of_the_flights_case_speaks_of_its_own_table(contract: Any) -> None:
    columns = {column.name for column in contract.columns}
    asked = load_suite(REPO_ROOT / "expectations", "flights", contract)["expectations"]
    named = {each["kwargs"]["column"].partition("__")[2] for each in asked if "__" in each["kwargs"]["column"]}
    assert named <= columns | {"type", "duplicate_key"}
