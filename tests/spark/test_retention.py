"""Retention of tables that Spark wrote: what it drops, and what it takes for dead, are what Spark's own log says."""

from lakeloop import wiring
from lakeloop.adapters.lakefs_lake import LakeFSLake
from lakeloop.adapters.spark_tables import JobTables
from lakeloop.core.jobs import Slice, WriteJob
from lakeloop.core.tombstones import dropped
from lakeloop.settings import Settings
from lakeloop.spark.connect import ConnectRunner
from lakeloop.steps.delta_logs import tombstones_of
from tests.spark.test_set_aside import BAD, CASE, CLEAN, GOOD, KEY, QUARANTINE, landed


def test_rows_that_spark_quarantined_go_by_an_entry_that_does_nothing_else(
    stack: Settings, lake: LakeFSLake, runner: ConnectRunner
) -> None:
    lake.create_branch("run", "main")
    units = landed(lake)
    base = lake.commit("run", "landed", {})
    job = WriteJob(repository=lake.repository, case=CASE, landing_commit=base, branch="run", run_key=KEY, units=units)
    runner.run(job)
    runner.run(job.model_copy(update={"run_key": "b" * 64}))  # its partitions of clean/ replace those of the first
    commit = lake.commit("run", "written", {})
    files = wiring.table_files_of(stack.model_copy(update={"repository": lake.repository}))
    held = files.files(commit, QUARANTINE)
    old = {name for name in held if name.startswith(f"data_date={GOOD}/")}
    assert set() < old < held
    files.drop("run", Slice(table=QUARANTINE, values=(GOOD.isoformat(),)))
    new = [change.path for change in lake.uncommitted("run")]
    assert len(new) == 1
    assert set(dropped(lake.get("run", new[0])) or ()) == old
    assert files.files("run", QUARANTINE) == held - old
    tables = JobTables(runner, lake.repository, CASE)
    left = tables.fingerprints("run", [Slice(table=QUARANTINE, values=(GOOD.isoformat(), BAD.isoformat()))])
    assert left.keys() == {(QUARANTINE, BAD.isoformat())}
    dead, living = tombstones_of(lake, commit, f"{CLEAN}/_delta_log/").keys(), files.files(commit, CLEAN)
    data = {path.removeprefix(f"{CLEAN}/") for path in lake.list(commit, f"{CLEAN}/data_date=")}
    assert dead
    assert data == dead | living
    assert not dead & living
