"""The small world as deliveries: files in landing/ as the intake leaves them, written and audited as an ingest run does."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from lakeloop.adapters.lakefs_lake import LakeFSLake
from lakeloop.core.jobs import AuditJob, LandedUnit, WriteJob
from lakeloop.core.reports import AuditReport, WriteReport
from lakeloop.spark.connect import ConnectRunner
from tests.spark.small_flights import Rows, arrived, outcomes, schedule, weather
from use_cases.flights import FLIGHTS

CASE = "use_cases.flights:FLIGHTS"
Texts = dict[tuple[str, date], str]


def texts(days: Sequence[date], flights: int = 400) -> Texts:
    """Files of some dates: schedule and weather of each, outcomes of two days before."""
    found: Texts = {}
    for day in days:
        found |= {("schedule", day): csv("schedule", schedule(day, flights)), ("weather", day): csv("weather", weather(day))}
        flown = day - timedelta(days=2)
        if flown in days:
            found["outcomes", flown] = csv("outcomes", outcomes(schedule(flown, flights), weather(flown)))
    return found


def csv(table: str, rows: Rows) -> str:
    """Rows in the contract's columns; what they lack is empty."""
    names = [column.name for column in FLIGHTS.table(table).columns]
    lines = [",".join("" if row.get(name) is None else str(row[name]).replace(" ", "T") for name in names) for row in rows]
    return "\n".join([",".join(names), *lines, ""])


def land(lake: LakeFSLake, branch: str, files: Texts) -> tuple[LandedUnit, ...]:
    """Puts the files on a branch, to be committed."""
    units = []
    for (table, day), text in files.items():
        path = f"landing/flights/{table}/{day}/1-bbbbbbbbbbbb/"
        lake.put(branch, f"{path}{table}.csv", text.encode())
        at = arrived(day, FLIGHTS.table(table).lag_days)
        units.append(
            LandedUnit(
                table=table, data_date=day, delivery=1, sha256="b" * 64, path=path, files=(f"{table}.csv",),
                manifest_rows=text.count("\n") - 1, delivered_at=at, available_at=at,
            )
        )  # fmt: skip
    return tuple(units)


def write(
    lake: LakeFSLake, runner: ConnectRunner, branch: str, units: tuple[LandedUnit, ...], key: str
) -> tuple[str, WriteReport]:
    """The write of an ingest run: the commit that is to be audited, and what was done."""
    commit = lake.commit(branch, "landed", {})
    job = WriteJob(repository=lake.repository, case=CASE, landing_commit=commit, branch=branch, run_key=key, units=units)
    report = runner.run(job)
    assert isinstance(report, WriteReport)
    return lake.commit(branch, "written", {}), report


def audit(
    lake: LakeFSLake, runner: ConnectRunner, snapshot: str, units: tuple[LandedUnit, ...], written: WriteReport, key: str
) -> AuditReport:
    """The audit of an ingest run."""
    names = {"repository": lake.repository, "case": CASE, "run_key": key, "units": units}
    report = runner.run(AuditJob(snapshot=snapshot, base="main", written=written.units, **names))
    assert isinstance(report, AuditReport)
    return report


def of_night(files: Texts, night: date) -> Texts:
    """What one night brings."""
    return {unit: text for unit, text in files.items() if unit[1] + timedelta(days=FLIGHTS.table(unit[0]).lag_days) == night}
