"""Training through Airflow, its version made again, and its fit beside native XGBoost on the same matrix and threads."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from statistics import median
from typing import Any

from lakeloop import wiring
from lakeloop.bench.own_stack import CASE, REF, Say, feed
from lakeloop.core.errors import OrchestratorFailed
from lakeloop.core.receipts import PromotionReceipt
from lakeloop.core.runs import Run, SessionKey
from lakeloop.core.use_case import UseCase, XGBoost
from lakeloop.settings import Settings
from lakeloop.steps.training.record import read_fitted
from lakeloop.steps.training.reproduce import reproduce
from lakeloop.story.stage import Stage

SPRING = date(2013, 1, 1), date(2013, 5, 31)
MODEL = XGBoost(max_depth=6, n_estimators=100, learning_rate=0.1, min_child_weight=100)
AGAIN = 10  # times that the version is made again from its record, each as `lakeloop reproduce` does; about a minute each
WITHIN = 0.002  # what the AUC of the two ways may differ by
_TIMES = (2, 20)  # of January to May without its hold-out, so 0.24 and 2.4 million rows
_ROUNDS = 3  # of both ways in turn, the medians of which are told: a machine that is shared has slow minutes
_PARTS = 4  # in which rows are brought to native
_LIMIT = 3600.0
_STEPS = ("prepare", "fit", "gate", "promote")  # the task `approve` waits
_MODELS = {"the model": "", "the carrier's rate": "_of_carrier", "a logistic regression": "_of_logistic"}


@dataclass(frozen=True)
class Fit:
    """One matrix fitted both ways, warm, in turn: the median of each."""

    times: int
    rows: int
    seconds: float  # through the warm server
    native_seconds: float
    auc_difference: float  # on the rows that both learnt from: through the server minus native
    later_difference: float  # on the hold-out: the same
    native_difference: float  # on the hold-out, of native with its rows in another order: what the order alone is worth


@dataclass(frozen=True)
class Training:
    """What training on January to May cost and gave."""

    wall: float  # seconds from the run's start to its end
    steps: dict[str, float]  # seconds of each task but the one that waits for a person
    parts: dict[str, float]  # seconds of each part of the fit
    scores: dict[str, tuple[float, float, float]]  # AUC on the later days: mean, low, high
    fits: list[Fit]
    reproduced: int  # equal to the byte, of AGAIN times
    otherwise: list[str]  # what differed in the other times
    again_seconds: float  # the median of making it again

    @property
    def between(self) -> float:
        """Seconds in which no task worked: Airflow between them, and the wait for an answer."""
        return round(self.wall - sum(self.steps.values()), 1)


def measure_training(settings: Settings, say: Say) -> Training:
    """Five months taken in, a first model trained and promoted, made again ten times, then the fit by itself."""
    stage = Stage(settings, CASE, say, _LIMIT)
    feed(settings, 1, say, nights=SPRING)
    for name, nights in (("ingest", SPRING), ("train", None)):
        record = stage.trigger(name, nights)
        if record.state != "success":
            raise OrchestratorFailed(stage.failure(record))
    found = {task.task_id: round(task.seconds, 1) for task in stage.airflow.tasks(record.dag, record.run_id)}
    champion: PromotionReceipt = stage.ledger().champion
    tag = f"model-{CASE}-v{champion.model_version}"
    fitted = read_fitted(stage.lake, tag, champion.run_key)
    scores = {
        model: (champion.metrics[name], champion.metrics[f"{name}_low"], champion.metrics[f"{name}_high"])
        for model, name in ((model, f"holdout_auc{suffix}") for model, suffix in _MODELS.items())
    }
    steps = {step: found[step] for step in _STEPS if step in found}
    say(f"version {champion.model_version} made again from its record, {AGAIN} times")
    made = [_again(settings, champion.model_version, number, say) for number in range(AGAIN)]
    otherwise = [words for words, _ in made if words]
    say("the fit by itself, beside native XGBoost on the same rows")
    fits = _fits(settings, fitted.matrix_commit)
    return Training(
        record.seconds, steps, fitted.seconds, scores, fits, AGAIN - len(otherwise), otherwise,
        round(median(seconds for _, seconds in made), 1),
    )  # fmt: skip


def _again(settings: Settings, version: int, number: int, say: Say) -> tuple[str, float]:
    """What differs when a version is made again, as `lakeloop reproduce` does it, empty where nothing does; and the seconds."""
    run = Run(case=REF, stage="train", run_id=f"reproduce-{version}-{number}", actor="bench")
    key = SessionKey(installation=settings.installation_id, database="bench", dag="reproduce", run=run.run_id, task="fit")
    begun = time.monotonic()
    with wiring.noted(key, settings), wiring.open_platform(REF, key, settings) as p:
        report = reproduce(p, run, version, lambda _: None)
    seconds = time.monotonic() - begun
    differing = [f"{one.what}: {one.difference}" for one in report.compared if not one.is_equal]
    words = "; ".join([*differing, *report.causes]) if differing else ""
    say(f"{number + 1} of {AGAIN}: {words or 'equal to the byte'} ({seconds:.0f} s)")
    return words, seconds


def _fits(settings: Settings, matrix: str) -> list[Fit]:
    from lakeloop.spark.connect import open_session

    case = wiring.placed(wiring.load_case(REF).model_copy(update={"model": MODEL}), settings)
    key = SessionKey(installation=settings.installation_id, database="bench", dag="bench", run=matrix, task="fit")
    with wiring.noted(key, settings):  # it rests while native works
        spark = open_session(settings, key)
        try:
            return [_both_ways(spark, settings, case, matrix, times) for times in _TIMES]
        finally:
            spark.stop()


def _both_ways(spark: Any, settings: Settings, case: UseCase, matrix: str, times: int) -> Fit:
    """The fit's rows, each `times` over with its numbers moved a little, held where either way reads them."""
    from lakeloop.spark.training.fit import fit
    from lakeloop.spark.training.matrix import FIT, HOLDOUT, read_split

    rows = _widened(read_split(spark, case, settings.repository, matrix, FIT), case, times).persist()
    later = _as_native_takes_it(_widened(read_split(spark, case, settings.repository, matrix, HOLDOUT), case, times), case)
    count = rows.count()
    fit(rows.limit(2000), case)  # the workers import xgboost
    frame = _as_native_takes_it(rows, case)
    through, alone = [], []
    for _ in range(_ROUNDS):
        ours, seconds = _timed(lambda: fit(rows, case))
        through.append(seconds)
        native, seconds = _timed(lambda: _native(frame, case))
        alone.append(seconds)
    rows.unpersist()
    turned = _native(frame.sample(frac=1, random_state=case.model.seed), case)
    pairs = (ours, frame), (ours, later), (turned, later)
    differences = [round(_auc(one, seen, case) - _auc(native, seen, case), 5) for one, seen in pairs]
    return Fit(times, count, round(median(through), 1), round(median(alone), 1), *differences)


def _timed(work: Callable[[], Any]) -> tuple[Any, float]:
    begun = time.monotonic()
    return work(), time.monotonic() - begun


def _as_native_takes_it(rows: Any, case: UseCase) -> Any:
    """Features and label in single precision, a part of them after the other, so that the server holds little of them at once."""
    import pandas as pd
    from pyspark.sql import functions as F

    names = (*case.feature_names, case.label.name)
    single = rows.select(*(F.col(f"`{name}`").cast("float").alias(name) for name in names))
    parts = (single.where(F.pmod(F.xxhash64(*names), F.lit(_PARTS)) == part).toPandas() for part in range(_PARTS))
    return pd.concat(parts, ignore_index=True)


def _widened(rows: Any, case: UseCase, times: int) -> Any:
    from pyspark.sql import functions as F

    if times == 1:
        return rows
    copies = rows.sparkSession.range(times).withColumnRenamed("id", "_copy")
    moved = {name: F.col(name) * (1 + (F.rand(7) - 0.5) / 100) for name in case.feature_names}
    return rows.crossJoin(copies).withColumns(moved).drop("_copy")


def _native(frame: Any, case: UseCase) -> Any:
    """The same parameters in one process, with as many threads as the server has workers."""
    import numpy as np
    import xgboost

    model = case.model
    data = xgboost.DMatrix(frame[list(case.feature_names)].to_numpy(np.float32), label=frame[case.label.name])
    params = {
        "objective": "binary:logistic", "tree_method": "hist", "max_depth": model.max_depth, "eta": model.learning_rate,
        "min_child_weight": model.min_child_weight, "subsample": model.subsample,
        "colsample_bytree": model.colsample_bytree, "seed": model.seed, "nthread": model.num_workers,
    }  # fmt: skip
    return xgboost.train(params, data, num_boost_round=model.n_estimators)


def _auc(booster: Any, rows: Any, case: UseCase) -> float:
    import numpy as np
    import xgboost
    from sklearn.metrics import roc_auc_score

    booster.feature_names = None
    scores = booster.predict(xgboost.DMatrix(rows[list(case.feature_names)].to_numpy(np.float32)))
    return float(roc_auc_score(rows[case.label.name], scores))
