"""A full year of flights through Airflow, against a bare Spark job over the same files."""

import os
import tempfile
import time
from collections.abc import Callable
from datetime import date
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

from lakeloop import wiring
from lakeloop.bench.machine import api_calls, machine, spent
from lakeloop.core.runs import SessionKey
from lakeloop.settings import Settings
from lakeloop.stack.lifecycle import Lifecycle
from lakeloop.story.stage import Stage

CASE, REF = "flights", "use_cases.flights:FLIGHTS"
WARM = date(2013, 1, 1), date(2013, 1, 3)
YEAR = date(2013, 1, 4), date(2014, 1, 2)  # the last outcomes come two nights later


class Figures(NamedTuple):
    """Seconds and ratios of one run of the bench."""

    machine: str
    rows: int
    platform_seconds: float
    bare_seconds: float
    ratio: float
    keeping_order_seconds: float
    keeping_order_share: float
    moving_bytes_seconds: float


def run(say: Callable[[str], None]) -> Figures:
    """Bring a stack of its own up, measure, and leave nothing behind."""
    with tempfile.TemporaryDirectory(prefix="lakeloop-bench-") as folder:
        lifecycle = Lifecycle(Settings(home=Path(folder) / "home", tied_to=os.getpid()), wiring.bootstrap_lake, say)
        try:
            return _measure(lifecycle.up(), say)
        finally:
            lifecycle.down()


def _measure(settings: Settings, say: Callable[[str], None]) -> Figures:
    stage = Stage(settings, CASE, say)
    import_module(f"use_cases.{CASE}.feed").Feed(settings.home).deliver(until=YEAR[1])
    stage.trigger("ingest", WARM)
    before, there = api_calls(settings.lakefs_endpoint), _landed(stage)
    record = stage.trigger("ingest", YEAR)
    order, moving = spent(before, api_calls(settings.lakefs_endpoint), _landed(stage) - there)
    say("the bare job: same files, same tables, a scratch branch")
    bare = _bare(settings, stage)
    rows = sum(counts["rows_in"] for counts in record.tables.values())
    return Figures(
        machine(), rows, record.seconds, round(bare, 1), round(record.seconds / bare, 2),
        round(order, 2), round(order / record.seconds, 4), round(moving, 2),
    )  # fmt: skip


def _landed(stage: Stage) -> int:
    return sum(1 for _ in stage.lake.list("main", f"landing/{CASE}/"))


def _bare(settings: Settings, stage: Stage) -> float:
    from lakeloop.spark.bare import bare_ingest
    from lakeloop.spark.connect import open_session

    case = wiring.load_case(REF)
    head = stage.lake.head("main")
    stage.lake.create_branch("bench-bare", head)
    key = SessionKey(installation=settings.installation_id, database="bench", dag="bench", run=head, task="bare")
    spark = open_session(settings, key)
    try:
        begun = time.monotonic()
        bare_ingest(spark, settings.repository, head, "bench-bare", CASE, case.tables)
        stage.lake.commit("bench-bare", "bare job", {})
        return time.monotonic() - begun
    finally:
        spark.stop()
