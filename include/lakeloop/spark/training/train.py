"""Fit on a frozen training set, then measure on its hold-out; only the model and numbers leave Spark."""

import hashlib
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import xgboost
from pyspark.sql import DataFrame, SparkSession

from lakeloop.core.curves import calibration
from lakeloop.core.errors import ConfigurationError, InvalidInput
from lakeloop.core.evaluation import CHALLENGER, CHAMPION, DayMetrics, Evaluation
from lakeloop.core.gate_policy import LOGISTIC, BeatsBaseline, HoldsInSlices
from lakeloop.core.jobs import ModelFile, TrainJob
from lakeloop.core.lake import DATE_COLUMN
from lakeloop.core.metrics import CURVE_BINS
from lakeloop.core.reports import TrainReport
from lakeloop.core.signature import Signature, names, signature_of
from lakeloop.core.use_case import UseCase
from lakeloop.spark.booster import learnt_by, with_scores
from lakeloop.spark.encodings import encoded, keep, kept_in, learn, unseen
from lakeloop.spark.leaks import aucs_alone, check_leaks
from lakeloop.spark.training.baselines import with_logistic, with_rate
from lakeloop.spark.training.fit import Watch, check_room, fit, threads
from lakeloop.spark.training.importance import importance
from lakeloop.spark.training.matrix import FIT, HOLDOUT, read_split
from lakeloop.spark.training.measures import by_day, histogram, slices

MODEL_FILE = "model.ubj"
_BASELINE = "_baseline_"


def train(job: TrainJob, spark: SparkSession, case: UseCase) -> TrainReport:
    """A challenger, and what was measured of it beside the champion and the baselines that the gates name.

    Raises:
        ConfigurationError: a gate names a column that the case does not have.
        InvalidInput: the fit cannot run here; nothing was fitted.
        LeakageFound: a feature alone ranks the label almost perfectly; nothing was fitted.
    """
    case = case.model_copy(update={"model": job.model, "feature_names": job.features})
    watch = Watch()
    with ExitStack() as kept:
        past = read_split(spark, case, job.repository, job.matrix, FIT)
        case = _as_recorded(case, past) if job.is_rebuild else _checked(case)
        rows = past.count()
        check_room(spark, rows, case)  # before a row of it is in memory
        past = held(past, kept)
        later = held(read_split(spark, case, job.repository, job.matrix, HOLDOUT), kept)
        encodings = learn(past, [name for name in case.categories if name in case.feature_names])
        aucs = aucs_alone(past, case, rows)
        if not job.is_rebuild:  # it was let through when it was made; today's bound and measure may be others
            check_leaks(aucs, case)
        watch.lap("looked")
        booster = fit(encoded(past, encodings), case)
        keep(booster, encodings)
        content, path = _saved(booster, Path(job.workdir))
        watch.lap("fit")
        scored, models = _scored(past, later, case, content, job.champion)
        scored = held(scored, kept)
        days = tuple(_unmarked(one) for one in by_day(scored, models, case.label.name))
        learnt = by_day(with_model(past, content, CHALLENGER), [CHALLENGER], case.label.name)
        bins = histogram(scored, CHALLENGER, case.label.name)
        groups = slices(scored, sliced_by(case), [name for name in models if name in {CHALLENGER, CHAMPION}], case.label.name)
        asked = _asked(content, later)
        moved, sampled = importance(encoded(later, encodings), [*case.entity, DATE_COLUMN], names(asked), content)
        watch.lap("measured")
    evaluation = Evaluation(
        days=days, calibration=calibration(bins, 1 / CURVE_BINS), slices=groups, feature_auc=aucs,
        model_features=asked, fit_seconds=watch.seconds["fit"],
        model_bytes=len(content), champion=job.champion.version if job.champion else None,
        champion_gap=_gap(job.champion, case),
    )  # fmt: skip
    return TrainReport(
        model_file=str(path), sha256=hashlib.sha256(content).hexdigest(), evaluation=evaluation, fit_days=learnt, histogram=bins,
        importance=moved, sampled=sampled, threads=threads(spark), libraries=_libraries(spark), seconds=watch.seconds,
    )  # fmt: skip


def _libraries(spark: SparkSession) -> dict[str, str]:
    return {
        "xgboost": xgboost.__version__, "spark": spark.version, "pyarrow": pa.__version__, "pandas": pd.__version__,
        "numpy": np.__version__,
    }  # fmt: skip


def _as_recorded(case: UseCase, rows: DataFrame) -> UseCase:
    """Today's case as far as rows of another day have its columns; what is a text among them was one when they were written."""
    kinds = dict(rows.dtypes)
    return case.model_copy(
        update={
            "entity": tuple(name for name in case.entity if name in kinds),
            "categories": tuple(name for name in case.feature_names if kinds.get(name) == "string"),
            "gates": tuple(gate for gate in case.gates if kinds.keys() >= set(gate.columns())),
        }
    )


def _checked(case: UseCase) -> UseCase:
    known = {*case.entity, *case.feature_names, DATE_COLUMN}
    if missing := {name for gate in case.gates for name in gate.columns()} - known:
        message = f"a gate of {case.name} asks for {sorted(missing)}, not an entity or feature column; nothing was fitted"
        raise ConfigurationError(message)
    return case


def held(frame: DataFrame, kept: ExitStack) -> DataFrame:
    """Held in Spark's memory until `kept` is left: it is read more than once."""
    held = frame.persist()
    kept.callback(held.unpersist)
    return held


def _saved(booster: xgboost.Booster, folder: Path) -> tuple[bytes, Path]:
    path = folder / MODEL_FILE
    booster.save_model(path)
    return path.read_bytes(), path


def _asked(content: bytes, later: DataFrame) -> Signature:
    """What the file itself asks for, and how much of its texts it does not know of later rows."""
    strange = unseen(later, kept_in(content))
    return tuple(one.model_copy(update={"unseen": strange.get(one.name)}) for one in learnt_by(content))


def _scored(
    past: DataFrame, later: DataFrame, case: UseCase, challenger: bytes, champion: ModelFile | None
) -> tuple[DataFrame, list[str]]:
    """The hold-out with one column of scores a model."""
    models = [CHALLENGER]
    scored = with_model(later, challenger, CHALLENGER)
    if champion and not _gap(champion, case):
        scored, models = with_model(scored, _bytes(champion), CHAMPION), [*models, CHAMPION]
    for name in dict.fromkeys(gate.baseline for gate in case.gates if isinstance(gate, BeatsBaseline)):
        column = f"{_BASELINE}{name}"  # `carrier` is a column of the rows already, by which they may be grouped
        if name == LOGISTIC:
            numbers = [feature for feature in case.feature_names if feature not in case.categories]
            if not numbers:
                continue  # nothing to regress on: its gate says that the two are not comparable
            scored = with_logistic(past, scored, numbers, case.label.name, column)
        else:
            scored = with_rate(past, scored, name.split(","), case.label.name, column)
        models.append(column)
    return scored, models


def _unmarked(one: DayMetrics) -> DayMetrics:
    return one.model_copy(update={"model": one.model.removeprefix(_BASELINE)})


def with_model(frame: DataFrame, model: bytes, name: str) -> DataFrame:
    """The frame, every column kept, with a model's scores under its name."""
    features = xgboost.Booster(model_file=bytearray(model)).feature_names or []
    kept = {f"_kept_{each}": frame[each] for each in features}
    scored = with_scores(frame.withColumns(kept), features, model).withColumnRenamed("score", name)
    return scored.withColumnsRenamed({copy: each for copy, each in zip(kept, features, strict=True)})


def _gap(champion: ModelFile | None, case: UseCase) -> str:
    """What keeps the champion from scoring the hold-out: features that the case does not compute any more, or otherwise."""
    if champion is None:
        return ""
    asked, live = ({one.name: one.kind for one in each} for each in (learnt_by(_bytes(champion)), signature_of(case)))
    if missing := sorted(asked.keys() - live.keys()):
        return f"the champion asks for {', '.join(missing)}, which the case does not compute any more"
    if other := sorted(name for name in asked if asked[name] != live[name]):
        return f"of {', '.join(other)} the champion learnt as a number what the case gives as a text now, or the other way"
    return ""


def _bytes(model: ModelFile) -> bytes:
    content = Path(model.path).read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != model.sha256:
        message = f"model file {model.path} has sha256 {found[:12]}, {model.sha256[:12]} was recorded; it was not loaded"
        raise InvalidInput(message)
    return content


def sliced_by(case: UseCase) -> dict[str, int]:
    """The columns that gates name, with every group; for a gate that names none the entity and the categories, large groups."""
    gates = [gate for gate in case.gates if isinstance(gate, HoldsInSlices)]
    others = [name for name in case.categories if name in case.feature_names]
    unnamed = {name: gate.fewest_rows for gate in gates if not gate.by for name in (*case.entity, *others)}
    return unnamed | {name: 1 for gate in gates for name in gate.by}
