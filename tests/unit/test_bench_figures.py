from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from lakeloop.bench.curve import Day
from lakeloop.bench.figures import keep, rows
from lakeloop.bench.parts import Figures
from lakeloop.bench.spark_jobs import jobs_of
from lakeloop.bench.training import Fit, Training
from lakeloop.bench.year import Days, Year
from lakeloop.core.runs import SessionKey
from lakeloop.settings import Settings

YEAR = Year(
    times=10, nights=359, rows=7_000_000, seconds=300.0, bare_seconds=200.0, ratio=1.5, rows_a_second=23_333,
    steps={"write": 100.0}, spark_jobs={"audit": 5}, spark_processor_ratio=1.4,
    spark_peak_mib=3000, order_seconds=3.0, moving_seconds=9.0,
)  # fmt: skip

TRAINING = Training(
    wall=80.0, steps={"prepare": 24.0, "fit": 26.0, "gate": 2.0, "promote": 2.0}, parts={"looked": 5.0, "fit": 10.0},
    scores={"the model": (0.699, 0.662, 0.737), "the carrier's rate": (0.573, 0.546, 0.598)},
    fits=[Fit(2, 240_000, 6.3, 1.4, -0.0004, 0.0001, 0.0002), Fit(20, 2_400_000, 18.0, 15.0, 0.0011, 0.0021, -0.0003)],
    reproduced=9, otherwise=["model bytes, sha256: 12 bytes, 11 recorded"], again_seconds=45.2,
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
    assert told["359 nights, 10x: ratio of the write alone"] == ("0.50 : 1", "at most 1.5 : 1")
    assert told["a night: Spark jobs"] == ("audit 5", "audit at most 6")
    same = "0.20 s (0.10 s of the processor)"
    assert told["day 1 and day 50, by delta-rs"] == (f"{same} and {same}; 63 and 63 calls", "flat")


def test_a_ratio_of_what_was_not_measured_is_no_figure() -> None:
    with pytest.raises(KeyError, match="write"):
        rows(Figures(machine="m", years=(replace(YEAR, steps={}),)))


def test_training_is_told_from_start_to_end_with_its_share_of_each_task() -> None:
    told = {what: (figure, aim) for what, figure, aim in rows(Figures(machine="m", training=TRAINING))}
    assert told["training on January to May, from the run's start to its end"] == ("80 s", "under 180 s")
    assert told["training: tasks"][0] == (
        "prepare 24.0 s (30%), fit 26.0 s (32%), gate 2.0 s (2%), promote 2.0 s (2%), "
        "between them, with the wait for an answer 26.0 s (32%)"
    )
    assert told["training: parts of the task fit"][0] == "looked 5.0 s, fit 10.0 s"


def test_a_model_stands_beside_its_baselines_with_intervals_beside_native_and_beside_itself_made_again() -> None:
    told = {what: (figure, aim) for what, figure, aim in rows(Figures(machine="m", training=TRAINING))}
    auc = "the model 0.699 [0.662, 0.737], the carrier's rate 0.573 [0.546, 0.598]"
    assert told["training: AUC on later days, with its interval"] == (auc, "the model above both")
    again = "9 of 10, 45 s each; model bytes, sha256: 12 bytes, 11 recorded"
    assert told["training: `lakeloop reproduce` gives equal bytes"] == (again, "10 of 10")
    wide = "fit of 2,400,000 rows, 100 trees"
    assert told[f"{wide}: beside native XGBoost"] == ("18.0 s, native 15.0 s: 1.20 : 1", "at most 1.5 : 1")
    assert told[f"{wide}: AUC minus native's, on the matrix"] == ("+0.00110", "within 0.002")
    assert told[f"{wide}: AUC minus native's, on later days"] == (
        "+0.00210; native with its rows in another order -0.00030", "what the order of rows makes",
    )  # fmt: skip
    assert told["fit of 240,000 rows, 100 trees: beside native XGBoost"][1] == "at most native + 15 s"


def test_the_jobs_of_a_session_are_counted_from_the_event_log(tmp_path: Path) -> None:
    begun = '{"Event":"SparkListenerJobStart","Properties":{"spark.job.tags":"…Session_%s_…"}}\n'
    log = tmp_path / "local-1"
    log.write_text(begun % key("audit").id + '{"Event":"SparkListenerJobEnd"}\n' + begun % key("write").id)
    assert jobs_of(Settings(spark_events=tmp_path), key("audit")) == 1
    assert jobs_of(Settings(spark_events=tmp_path), key("publish")) == 0
    assert jobs_of(Settings(), key("audit")) == 0


def test_what_is_kept_names_each_figure(tmp_path: Path) -> None:
    kept = keep(Figures(machine="m", years=(YEAR,), training=TRAINING), tmp_path / "bench") / "bench.json"
    told = json.loads(kept.read_text("utf-8"))
    assert (told["years"][0]["nights"], told["training"]["fits"][1]["auc_difference"]) == (359, 0.0011)
