"""What the audit refuses, through Spark: off the clean tables, into quarantine, every row where its account says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from use_cases.tiny import TINY

from lakeloop.adapters.lakefs_lake import LakeFSLake
from lakeloop.adapters.spark_tables import JobTables
from lakeloop.core.jobs import LandedUnit, Slice, WriteJob
from lakeloop.core.receipts import PublishedRecord, RefusedRecord
from lakeloop.core.reports import Refusal, WriteReport
from lakeloop.core.runs import Run
from lakeloop.spark.connect import ConnectRunner
from lakeloop.steps.ingest import Written
from lakeloop.steps.platform import Platform
from lakeloop.steps.set_aside import Judged, set_aside

CASE, KEY = "use_cases.tiny:TINY", "a" * 64
CLEAN, QUARANTINE = "clean/tiny/forecasts", "quarantine/tiny/forecasts"
GOOD, BAD = date(2024, 5, 1), date(2024, 5, 2)
AT = datetime(2024, 4, 30, 20, tzinfo=UTC)
ROWS = {
    GOOD: "harbour,20,1,\nmarket,99,2,\nstation,22,3,\n",  # one row in quarantine by its own fault
    BAD: "harbour,20,1,\nmarket,hot,2,\n",
}


@dataclass
class Nobody:
    """Stands for the ports that are not asked."""


def landed(lake: LakeFSLake) -> tuple[LandedUnit, ...]:
    units = []
    for day, rows in ROWS.items():
        path = f"landing/tiny/forecasts/{day}/1-bbbbbbbbbbbb/"
        lake.put("run", f"{path}all.csv", f"shop,celsius,visitors,opens\n{rows}".encode())
        units.append(
            LandedUnit(
                table="forecasts", data_date=day, delivery=1, sha256="b" * 64, path=path, files=("all.csv",),
                manifest_rows=rows.count("\n"), delivered_at=AT, available_at=AT,
            )
        )  # fmt: skip
    return tuple(units)


def test_refused_rows_are_set_aside_and_the_others_stay_what_they_are(lake: LakeFSLake, runner: ConnectRunner) -> None:
    lake.create_branch("run", "main")
    units = landed(lake)
    base = lake.commit("run", "landed", {})
    job = WriteJob(repository=lake.repository, case=CASE, landing_commit=base, branch="run", run_key=KEY, units=units)
    report = runner.run(job)
    assert isinstance(report, WriteReport)
    snapshot = lake.commit("run", "written", {})
    tables, nobody = JobTables(runner, lake.repository, CASE), Nobody()
    ports: dict[str, Any] = dict.fromkeys(("registry", "runs", "lease", "outbox", "source", "inspector"), nobody)
    here = {"code_version": "c", "lock_digest": "d"}
    p = Platform(case=TINY, case_ref=CASE, lake=lake, tables=tables, spark=runner, **here, **ports)
    days = [Slice(table=CLEAN, values=(GOOD.isoformat(), BAD.isoformat()))]
    prints = tables.fingerprints(snapshot, days)
    accounts = {one.data_date: one.account for one in report.units}
    names = {"table": "forecasts", "delivery": 1, "sha256": "b" * 64}
    good = PublishedRecord(
        **names,
        data_date=GOOD,
        account=accounts[GOOD],
        fingerprint=prints[CLEAN, GOOD.isoformat()],
        delivered_at=AT,
        available_at=AT,
    )
    refused = RefusedRecord(**names, data_date=BAD, account=accounts[BAD], refusal=Refusal(code="audit", message="m"))
    judged = set_aside(
        p, Run(case=CASE, stage="ingest", run_id="r"), Written(base=base, units=units, refused=(), report=report),
        Judged("run", snapshot, (good,), (refused,)), KEY,
    )  # fmt: skip
    account = judged.refused[0].account
    assert account is not None
    assert (account.rows_in, account.published, account.by_first_reason) == (2, 0, {"refused:audit": 1, "type:celsius": 1})
    assert tables.fingerprints(judged.commit, days) == {(CLEAN, GOOD.isoformat()): good.fingerprint}
    kept = tables.fingerprints(judged.commit, [Slice(table=QUARANTINE, values=(GOOD.isoformat(), BAD.isoformat()))])
    assert {day: one.rows for (_, day), one in kept.items()} == {GOOD.isoformat(): 1, BAD.isoformat(): 2}
    parts = [path.split("/")[3] for path in lake.list(judged.commit, f"{QUARANTINE}/data_date=")]
    assert sorted(parts) == [f"data_date={GOOD}", f"data_date={BAD}"], "or what was written first came with it"
