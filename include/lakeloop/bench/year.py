"""A year of flights through Airflow, against a bare Spark job over the same landed files."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import date
from statistics import median
from typing import NamedTuple

from lakeloop import wiring
from lakeloop.bench.machine import api_calls, spark_peak_mib, spark_seconds, spent
from lakeloop.bench.own_stack import CASE, REF, Say, feed
from lakeloop.bench.spark_jobs import jobs_of
from lakeloop.core.errors import OrchestratorFailed
from lakeloop.core.runs import SessionKey
from lakeloop.settings import Settings
from lakeloop.story.record import RunRecord
from lakeloop.story.stage import Stage

WARM = date(2013, 1, 1), date(2013, 1, 3)
YEAR = date(2013, 1, 4), date(2013, 12, 28)
QUARTER = date(2013, 1, 4), date(2013, 4, 3)
DAYS = (date(2013, 12, 29), date(2013, 12, 30), date(2013, 12, 31))
_LIMIT = 3600.0  # seconds that one run may take
_STEPS = ("intake", "write", "audit", "publish")


@dataclass(frozen=True)
class Year:
    """What a range of nights cost in one run, `times` as wide as they were."""

    times: int
    nights: int
    rows: int
    seconds: float
    bare_seconds: float
    read_back_seconds: float  # of the bare job's tables, once: no audit of a committed snapshot can be less
    ratio: float
    rows_a_second: int
    steps: dict[str, float]  # seconds of each of Airflow's tasks
    spark_jobs: dict[str, int]
    spark_processor_ratio: float  # of processor seconds of the Spark server: says more where the machine is shared
    spark_peak_mib: int  # of the one Spark server, until the run's end
    order_seconds: float  # of lakeFS: commits, merges, the gate, receipts
    moving_seconds: float  # of lakeFS, over all threads: landed bytes


class Bare(NamedTuple):
    """What the bare job cost over the same landed files."""

    seconds: float
    processor: float  # seconds of the Spark server
    read_back_seconds: float


@dataclass(frozen=True)
class Days:
    """What single nights cost, delivered and taken in one after the other on a warm stack."""

    seconds: list[float]
    median_seconds: float
    steps: dict[str, float]
    spark_jobs: dict[str, int]


def warm_up(settings: Settings, times: int, say: Say) -> Stage:
    """Three nights, so that nothing that is measured is done for the first time."""
    stage = Stage(settings, CASE, say, _LIMIT)
    feed(settings, times, say, nights=WARM)
    _ingest(stage, WARM)
    return stage


def measure(settings: Settings, stage: Stage, times: int, nights: tuple[date, date], say: Say) -> Year:
    """A range of nights in one run; then the yardstick over what it landed."""
    feed(settings, times, say, nights=nights)
    before, there, processor = api_calls(settings.lakefs_endpoint), _landed(stage), spark_seconds(settings.home)
    record = _ingest(stage, nights)
    computed, peak = spark_seconds(settings.home) - processor, spark_peak_mib(settings.home)
    order, moving = spent(before, api_calls(settings.lakefs_endpoint), _landed(stage) - there)
    say("the bare job: same files, same tables, a scratch branch")
    bare = _bare(settings, stage)
    rows = sum(counts["rows_in"] for counts in record.tables.values())
    return Year(
        times=times, nights=(nights[1] - nights[0]).days + 1, rows=rows, seconds=record.seconds,
        bare_seconds=round(bare.seconds, 1), read_back_seconds=round(bare.read_back_seconds, 1),
        ratio=round(record.seconds / bare.seconds, 2), rows_a_second=round(rows / record.seconds), steps=_steps(stage, record),
        spark_jobs=_jobs(settings, record), spark_processor_ratio=round(computed / max(bare.processor, 0.1), 2),
        spark_peak_mib=peak, order_seconds=round(order, 2), moving_seconds=round(moving, 2),
    )  # fmt: skip


def measure_days(settings: Settings, stage: Stage, say: Say) -> Days:
    """The last nights of the year, each in a run of its own."""
    records = []
    for night in DAYS:
        feed(settings, 1, say, nights=(night, night))
        records.append(_ingest(stage, (night, night)))
    seconds = [record.seconds for record in records]
    return Days(seconds, median(seconds), _steps(stage, records[-1]), _jobs(settings, records[-1]))


def _ingest(stage: Stage, nights: tuple[date, date]) -> RunRecord:
    record = stage.trigger("ingest", nights)
    if record.state != "success":
        raise OrchestratorFailed(stage.failure(record))
    return record


def _steps(stage: Stage, record: RunRecord) -> dict[str, float]:
    tasks = {task.task_id: task.seconds for task in stage.airflow.tasks(record.dag, record.run_id)}
    return {step: round(tasks[step], 1) for step in _STEPS}


def _jobs(settings: Settings, record: RunRecord) -> dict[str, int]:
    keys = {
        step: SessionKey(
            installation=settings.installation_id, database=settings.airflow_database_id, dag=record.dag,
            run=record.run_id, task=step,
        )
        for step in _STEPS
    }  # fmt: skip
    return {step: count for step, key in keys.items() if (count := jobs_of(settings, key))}


def _landed(stage: Stage) -> int:
    return sum(1 for _ in stage.lake.list("main", f"landing/{CASE}/"))


def _bare(settings: Settings, stage: Stage) -> Bare:
    from lakeloop.spark.bare import bare_ingest, bare_read_back
    from lakeloop.spark.connect import open_session

    case = wiring.load_case(REF)
    head = stage.lake.head("main")
    stage.lake.create_branch("bench-bare", head)
    key = SessionKey(installation=settings.installation_id, database="bench", dag="bench", run=head, task="bare")
    spark = open_session(settings, key)
    try:
        begun, processor = time.monotonic(), spark_seconds(settings.home)
        bare_ingest(spark, settings.repository, head, "bench-bare", CASE, case.tables)
        commit = stage.lake.commit("bench-bare", "bare job", {})
        written, computed = time.monotonic(), spark_seconds(settings.home) - processor
        bare_read_back(spark, settings.repository, commit, case.tables)
        return Bare(written - begun, computed, time.monotonic() - written)
    finally:
        spark.stop()
        stage.lake.delete_branch("bench-bare")
