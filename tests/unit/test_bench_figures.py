from __future__ import annotations

from pathlib import Path

from lakeloop.bench.curve import Day
from lakeloop.bench.figures import rows
from lakeloop.bench.parts import Figures
from lakeloop.bench.spark_jobs import jobs_of
from lakeloop.bench.year import Days, Year
from lakeloop.core.runs import SessionKey
from lakeloop.settings import Settings

YEAR = Year(
    times=10, nights=359, rows=7_000_000, seconds=300.0, bare_seconds=200.0, ratio=1.5, rows_a_second=23_333,
    steps={"write": 100.0}, spark_jobs={"audit": 5}, spark_processor_ratio=1.4,
    spark_peak_mib=3000, order_seconds=3.0, moving_seconds=9.0,
)  # fmt: skip


def key(task: str) -> SessionKey:
    return SessionKey(installation="i", database="d", dag="flights__ingest", run="r", task=task)


def test_every_figure_stands_beside_its_aim() -> None:
    days = [Day(number, "delta-rs", {"intake": 0.2}, 0.1, 63) for number in range(1, 51)]
    told = {
        what: (figure, aim)
        for what, figure, aim in rows(
            Figures(machine="m", years=(YEAR,), days=Days([11.0, 12.0], 11.5, {}, {"audit": 5}), curve=tuple(days))
        )
    }
    assert told["359 nights, 10x: ratio"] == ("1.50 : 1", "at most 1.5 : 1")
    assert told["a night through Airflow, warm"] == ("11.5 s", "under 20 s")
    told_jobs = told["a night: Spark jobs of ours; Delta has two for each table that it opens"]
    assert told_jobs == ("audit 5", "audit at most 6 with them")
    same = "0.20 s (0.10 s of the processor)"
    assert told["day 1 and day 50, by delta-rs"] == (f"{same} and {same}; 63 and 63 calls", "flat")


def test_the_jobs_of_a_session_are_counted_from_the_event_log(tmp_path: Path) -> None:
    begun = '{"Event":"SparkListenerJobStart","Properties":{"spark.job.tags":"…Session_%s_…"}}\n'
    log = tmp_path / "local-1"
    log.write_text(begun % key("audit").id + '{"Event":"SparkListenerJobEnd"}\n' + begun % key("write").id)
    assert jobs_of(Settings(spark_events=tmp_path), key("audit")) == 1
    assert jobs_of(Settings(spark_events=tmp_path), key("publish")) == 0
    assert jobs_of(Settings(), key("audit")) == 0
