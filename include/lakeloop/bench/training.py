"""Training through Airflow, its version made again, and its fit beside native XGBoost on the same matrix and threads."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from math import nan, sqrt
from statistics import fmean, median, variance
from typing import Any

from lakeloop import wiring
from lakeloop.bench.own_stack import CASE, REF, Say, feed
from lakeloop.core.errors import OrchestratorFailed
from lakeloop.core.lake import DATE_COLUMN
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
_ORDERS = {2: 24, 20: 3}  # how often January to May without its hold-out, 0.24 and 2.4 million rows: in how many orders of them
_PARTS = 4  # in which rows are brought to native
_STEPS_APART = 1_000_000  # by which a copy's numbers may be moved
_LIMIT = 3600.0
_STEPS = ("prepare", "fit", "gate", "promote")  # the task `approve` waits
_MODELS = {"the model": "", "the carrier's rate": "_of_carrier", "a logistic regression": "_of_logistic"}


@dataclass(frozen=True)
class Difference:
    """Of the mean AUC, through the server minus native: rows in another order give another model either way."""

    mean: float
    error: float  # standard error of it
    order: float  # the highest of native's AUCs minus its lowest: what the order alone moves


@dataclass(frozen=True)
class Fit:
    """One matrix fitted both ways, warm, in turn, each time in another order: the median of the seconds."""

    times: int
    rows: int
    orders: int
    seconds: float  # through the warm server
    native_seconds: float
    learnt: Difference  # on the rows that both learnt from
    later: Difference  # on the hold-out


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
            return [_both_ways(spark, settings, case, matrix, times) for times in _ORDERS]
        finally:
            spark.stop()


def _both_ways(spark: Any, settings: Settings, case: UseCase, matrix: str, times: int) -> Fit:
    """The fit's rows, each `times` over with its numbers moved a little, held where either way reads them."""
    from lakeloop.spark.training.fit import fit
    from lakeloop.spark.training.matrix import FIT, HOLDOUT, read_split

    rows, later = (_widened(read_split(spark, case, settings.repository, matrix, split), case, times) for split in (FIT, HOLDOUT))
    frame, seen = _as_native_takes_it(rows, case), _as_native_takes_it(later, case)
    fit(rows.limit(2000), case)  # the workers import xgboost
    through, alone = [], []
    for order in range(_ORDERS[times]):
        held = _in_order(rows, case, order).persist()
        held.count()
        through.append(_timed(partial(fit, held, case)))
        held.unpersist()
        turned = frame.sample(frac=1, random_state=order, ignore_index=True)
        alone.append(_timed(partial(native, turned, case)))
    learnt, later_days = (
        difference(*([_auc(booster, one, case) for booster, _ in way] for way in (through, alone))) for one in (frame, seen)
    )
    ours, natives = (round(median(seconds for _, seconds in way), 1) for way in (through, alone))
    return Fit(times, len(frame), _ORDERS[times], ours, natives, learnt, later_days)


def difference(ours: Sequence[float], natives: Sequence[float]) -> Difference:
    """Of the means of two samples that have no order in common, so their variances add up (Welch)."""
    error = sqrt(variance(ours) / len(ours) + variance(natives) / len(natives))
    return Difference(round(fmean(ours) - fmean(natives), 5), round(error, 5), round(max(natives) - min(natives), 5))


def _in_order(rows: Any, case: UseCase, order: int) -> Any:
    """The rows mixed anew, in as many parts as there are workers."""
    from pyspark.sql import functions as F

    place = F.xxhash64(F.lit(order), *case.feature_names)
    return rows.repartition(case.model.num_workers, place).sortWithinPartitions(place)


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
    """Each row so many times; which copy of which row says by how much it is moved, so each reading has the same ones."""
    from pyspark.sql import functions as F

    copies = rows.sparkSession.range(times).withColumnRenamed("id", "_copy")
    moved = F.pmod(F.xxhash64("_copy", *case.entity, DATE_COLUMN), F.lit(_STEPS_APART)) / _STEPS_APART - 0.5
    widened = rows.crossJoin(copies).withColumn("_moved", 1 + moved / 100)
    return widened.withColumns({name: F.col(name) * F.col("_moved") for name in case.feature_names}).drop("_copy", "_moved")


def native(frame: Any, case: UseCase) -> Any:
    """The same parameters in one process, with as many threads as the server has workers.

    Its matrix is made by what makes xgboost.spark's of the batches of a worker: quantiles, not the rows themselves.
    """
    import xgboost
    from xgboost.spark.data import alias, create_dmatrix_from_partitions

    from lakeloop.spark.training.fit import BATCH

    model, names = case.model, list(case.feature_names)
    named = frame.rename(columns={case.label.name: alias.label})
    data, _ = create_dmatrix_from_partitions(
        iterator=(named[at : at + BATCH] for at in range(0, len(named), BATCH)), feature_cols=names, dev_ordinal=None,
        use_qdm=True, kwargs={"missing": nan, "nthread": model.num_workers}, enable_sparse_data_optim=False,
        has_validation_col=False,
    )  # fmt: skip
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
