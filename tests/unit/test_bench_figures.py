from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xgboost

from lakeloop.bench.curve import Day
from lakeloop.bench.figures import AIMS, keep, rows
from lakeloop.bench.parts import Figures
from lakeloop.bench.spark_jobs import jobs_of
from lakeloop.bench.training import MODEL, Difference, Fit, Training, difference, native
from lakeloop.bench.year import Days, Year
from lakeloop.core.runs import SessionKey
from lakeloop.settings import REPO_ROOT, Settings
from use_cases.flights import FLIGHTS

YEAR = Year(
    times=10, nights=359, rows=7_000_000, seconds=300.0, bare_seconds=200.0, read_back_seconds=60.0, ratio=1.5,
    rows_a_second=23_333, steps={"write": 100.0}, spark_jobs={"audit": 5}, spark_processor_ratio=1.4,
    spark_peak_mib=3000, order_seconds=3.0, moving_seconds=9.0,
)  # fmt: skip

TRAINING = Training(
    wall=80.0, steps={"prepare": 24.0, "fit": 26.0, "gate": 2.0, "promote": 2.0}, parts={"looked": 5.0, "fit": 10.0},
    scores={"the model": (0.699, 0.662, 0.737), "the carrier's rate": (0.573, 0.546, 0.598)},
    fits=[
        Fit(2, 240_000, 5, 6.3, 1.4, Difference(-0.0004, 0.0001, 0.0002), Difference(0.0001, 0.001, 0.003)),
        Fit(20, 2_400_000, 3, 18.0, 15.0, Difference(0.0011, 0.0001, 0.0002), Difference(-0.0021, 0.0015, 0.0044)),
    ],
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
    assert told["359 nights, 10x: reading back what it wrote, once"] == ("60 s: 1.30 : 1 in all", "")
    assert told["a night: Spark jobs"] == ("audit 5", "audit at most 6")
    same = "0.20 s (0.10 s of the processor)"
    assert told["day 1 and day 50, by delta-rs"] == (f"{same} and {same}; 63 and 63 calls", "flat")


@pytest.mark.parametrize(("times", "aim"), [(1, "at most 2 : 1"), (10, "at most 1.5 : 1"), (30, "")])
def test_a_year_is_held_to_the_aim_of_its_own_width_and_thirty_times_to_none(times: int, aim: str) -> None:
    told = {what: (figure, aim) for what, figure, aim in rows(Figures(machine="m", years=(replace(YEAR, times=times),)))}
    assert told[f"359 nights, {times}x: ratio"] == ("1.50 : 1", aim)
    assert told[f"359 nights, {times}x: peak memory of the Spark server alone"] == ("3,000 MiB", "")


def test_the_docs_state_the_aims_that_the_bench_prints() -> None:
    written = (REPO_ROOT / "docs" / "performance.md").read_text("utf-8").splitlines()
    for times, row in (
        (1, "a year at its own width"),
        (10, "the year at 10 times its width"),
        (30, "the year at 30 times its width"),
    ):
        (line,) = (one for one in written if one.startswith(f"| {row}"))
        assert line.split("|")[-2].strip() == AIMS.get(times, "none")


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
    moved = "over 3 orders of the rows, which move native's own by"
    assert told[f"{wide}: mean AUC minus native's, on the matrix"] == (f"+0.00110 ± 0.00010 {moved} 0.00020", "within 0.002")
    assert told[f"{wide}: mean AUC minus native's, on later days"] == (f"-0.00210 ± 0.00150 {moved} 0.00440", "within 0.002")
    assert told["fit of 240,000 rows, 100 trees: beside native XGBoost"][1] == "at most native + 15 s"


def test_a_difference_of_means_has_the_error_of_both() -> None:
    found = difference([0.71, 0.72, 0.73], [0.70, 0.70, 0.73])
    assert (found.mean, found.error, found.order) == (0.01, pytest.approx((0.0001 / 3 + 0.0003 / 3) ** 0.5, abs=1e-5), 0.03)


def test_native_learns_from_quantiles_as_the_workers_of_the_server_do(monkeypatch: pytest.MonkeyPatch) -> None:
    draw = np.random.default_rng(3)
    frame = pd.DataFrame(draw.random((5000, 2)), columns=["a", "b"], dtype="float32").assign(late=draw.integers(0, 2, 5000))
    case = FLIGHTS.model_copy(update={"feature_names": ("a", "b"), "model": MODEL.model_copy(update={"num_workers": 2})})
    learnt, train = [], xgboost.train
    monkeypatch.setattr(xgboost, "train", lambda params, data, **more: learnt.append(data) or train(params, data, **more))
    assert native(frame, case).num_boosted_rounds() == 100
    assert [type(one) for one in learnt] == [xgboost.QuantileDMatrix]
    assert (learnt[0].num_row(), learnt[0].get_label().sum()) == (5000, frame["late"].sum())


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
    assert (told["years"][0]["nights"], told["training"]["fits"][1]["learnt"]["mean"]) == (359, 0.0011)
