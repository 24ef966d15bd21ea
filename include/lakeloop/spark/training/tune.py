"""Trials of a tuning: fitted on the earlier days of the fit split, measured on its last ones; the hold-out is not opened."""

import math
from contextlib import ExitStack

from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from lakeloop.core.errors import InvalidInput
from lakeloop.core.evaluation import CHALLENGER, Evaluation
from lakeloop.core.jobs import TuneJob
from lakeloop.core.lake import DATE_COLUMN
from lakeloop.core.reports import TuneReport
from lakeloop.core.tuning import Parameters
from lakeloop.core.use_case import UseCase, XGBoost
from lakeloop.spark.encodings import encoded, keep, learn
from lakeloop.spark.leaks import aucs_alone, check_leaks
from lakeloop.spark.tables import one_of
from lakeloop.spark.training.fit import Watch, check_room, fit
from lakeloop.spark.training.matrix import FIT, read_split
from lakeloop.spark.training.measures import by_day
from lakeloop.spark.training.study import Heard, TrialFailed, search
from lakeloop.spark.training.train import held, with_model


def tune(job: TuneJob, spark: SparkSession, case: UseCase, heard: Heard) -> TuneReport:
    """Try parameters within the budget; both parts of the fit split are read once and stay in Spark's memory meanwhile.

    Raises:
        InvalidInput: a fit cannot run here, or the case's own parameters cannot be fitted or measured.
        LeakageFound: a feature alone ranks the label almost perfectly; nothing was tried.
    """
    case = case.model_copy(update={"model": job.model, "feature_names": job.features})
    watch = Watch()
    with ExitStack() as kept:
        past, later, rows = _parts(job, spark, case, kept)
        encodings = learn(past, [name for name in case.categories if name in case.feature_names])
        matrix = held(encoded(past, encodings), kept)
        check_leaks(aucs_alone(past, case, rows), case)
        validation = later.count()

        def attempt(params: Parameters) -> float:
            tried = case.model_copy(update={"model": with_params(job.model, params)})
            try:
                booster = fit(matrix, tried)
                keep(booster, encodings)
                scored = with_model(later, bytes(booster.save_raw("ubj")), CHALLENGER)
                days = by_day(scored, [CHALLENGER], case.label.name)
            except PySparkException as error:
                spark.range(1).count()  # a server that is gone fails this too, and with it the job: no parameter's fault
                raise TrialFailed(str(error).strip().splitlines()[0][:300]) from error
            return _measured(Evaluation(days=days).mean(CHALLENGER, job.tuning.metric), job)

        own = {name: getattr(job.model, name) for name in job.tuning.space.ranges}
        try:
            trials, stopped = search(job.tuning, own, attempt, heard)
        except TrialFailed as error:
            message = (
                f"the own parameters of {case.name} gave no {job.tuning.metric} on the validation days: {error}; nothing was "
                "tuned. Next: other `validation_days`, or another `model`"
            )
            raise InvalidInput(message) from error
        watch.lap("tuned")
    return TuneReport(trials=trials, stopped=stopped, fit_rows=rows, validation_rows=validation, seconds=watch.seconds["tuned"])


def with_params(model: XGBoost, params: Parameters) -> XGBoost:
    """The model with some of its parameters set."""
    return XGBoost.model_validate({**model.model_dump(), **params})


def _parts(job: TuneJob, spark: SparkSession, case: UseCase, kept: ExitStack) -> tuple[DataFrame, DataFrame, int]:
    """The days that trials learn from, the later ones that they are measured on, and the rows of the first."""
    whole = read_split(spark, case, job.repository, job.matrix, FIT)
    is_later = F.expr(one_of(DATE_COLUMN, job.validation_dates))
    rows = whole.where(~is_later).count()
    check_room(spark, rows, case)  # before a row of it is in memory
    past, later = held(whole.where(~is_later), kept), held(whole.where(is_later), kept)
    if not rows or later.isEmpty():
        message = f"tuning {case.name} needs labelled rows before and on its validation days; nothing was tuned"
        raise InvalidInput(message)
    return past, later, rows


def _measured(value: float | None, job: TuneJob) -> float:
    if value is None or not math.isfinite(value):
        message = f"no {job.tuning.metric} on {len(job.validation_dates)} validation days: each has labels of one class only"
        raise TrialFailed(message)
    return value
