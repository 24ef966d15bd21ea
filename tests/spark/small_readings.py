"""A made-up case whose key may be null, and how a delivery of it is landed, written and audited."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import NamedTuple

from lakeloop.adapters.lakefs_lake import LakeFSLake
from lakeloop.core.contract import Column, TableContract
from lakeloop.core.jobs import AuditJob, LandedUnit, WriteJob
from lakeloop.core.reports import AuditReport, UnitAudit, UnitWritten, WriteReport
from lakeloop.core.use_case import DriftPolicy, Label, Lookback, UseCase
from lakeloop.spark.connect import ConnectRunner

CASE = "tests.spark.small_readings:READINGS"
CONTRACT = TableContract(
    name="readings",
    columns=(
        Column(name="site", type="string"),
        Column(name="sensor", type="string"),
        Column(name="temp", type="double", minimum=-60, maximum=60),
    ),
    key=("site", "sensor"),
    quarantine_limit=0.5,
)
NAMES = tuple(column.name for column in CONTRACT.columns)
READINGS = UseCase(
    name="readings",
    tables=(CONTRACT,),
    features="nowhere:features",
    feature_names=("temp",),
    entity=("site", "sensor"),
    reads=(Lookback(table="readings", first=0, last=0),),
    label=Label(table="readings", expression="1"),
    drift=DriftPolicy(minimum_history=0, partial_share=0),
    clock="feed",
)


class Delivered(NamedTuple):
    """The files of a date, and the rows in all of them."""

    files: Mapping[str, bytes]
    rows: int


class TakenIn(NamedTuple):
    """What write and audit say of each date."""

    written: dict[date, UnitWritten]
    audited: dict[date, UnitAudit]


def take_in(lake: LakeFSLake, runner: ConnectRunner, branch: str, delivered: Mapping[date, Delivered]) -> TakenIn:
    """The jobs of one ingest run, on a new branch."""
    lake.create_branch(branch, "main")
    for day, one in delivered.items():
        for name, content in one.files.items():
            lake.put(branch, f"{_folder(day)}{name}", content)
    commit = lake.commit(branch, "landed", {})
    units = tuple(_unit(day, one) for day, one in delivered.items())
    names = {"repository": lake.repository, "case": CASE, "run_key": "a" * 64, "units": units}
    written = runner.run(WriteJob(landing_commit=commit, branch=branch, **names))
    assert isinstance(written, WriteReport)
    audited = runner.run(AuditJob(snapshot=lake.commit(branch, "written", {}), base=commit, written=written.units, **names))
    assert isinstance(audited, AuditReport)
    return TakenIn({one.data_date: one for one in written.units}, {one.data_date: one for one in audited.units})


def csv_of(*rows: str) -> bytes:
    """Rows of CSV behind their header."""
    return "".join(f"{row}\n" for row in (",".join(NAMES), *rows)).encode()


def suites(folder: Path) -> Path:
    """The least that a suite must ask."""
    (folder / "readings").mkdir(parents=True)
    asked = [{"column": "row_count", "min_value": 1}, {"column": "completeness__temp", "min_value": 0}]
    kind = "expect_column_values_to_be_between"
    text = json.dumps({"expectations": [{"type": kind, "kwargs": kwargs} for kwargs in asked]})
    (folder / "readings" / "readings.json").write_text(text)
    return folder


def _folder(day: date) -> str:
    return f"landing/readings/readings/{day}/1-bbbbbbbbbbbb/"


def _unit(day: date, one: Delivered) -> LandedUnit:
    at = datetime(2024, 4, 30, 20, tzinfo=UTC)
    return LandedUnit(
        table="readings", data_date=day, delivery=1, sha256="b" * 64, path=_folder(day), files=tuple(one.files),
        manifest_rows=one.rows, delivered_at=at, available_at=at,
    )  # fmt: skip
