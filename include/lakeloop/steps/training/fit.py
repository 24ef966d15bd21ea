"""Fit: a challenger from a frozen training set, measured, registered, and its snapshot tagged."""

import tempfile
from collections.abc import Mapping
from datetime import date
from typing import Any

from lakeloop.core.checkpoints import reached
from lakeloop.core.curves import points
from lakeloop.core.errors import AlreadyExists, RegistryFailed
from lakeloop.core.evaluation import CHALLENGER, Evaluation
from lakeloop.core.gate_policy import Metric
from lakeloop.core.jobs import ChampionFile, TrainJob
from lakeloop.core.lake import model_tag, training
from lakeloop.core.metrics import CURVE_BINS
from lakeloop.core.reports import TrainReport
from lakeloop.core.resampling import day_bootstrap
from lakeloop.core.runs import Run
from lakeloop.core.training import Choice, Fitted, TrainingSet
from lakeloop.core.use_case import XGBoost
from lakeloop.ports import LearntFrom, ModelVersion, Pictures
from lakeloop.steps.history import read_ledger
from lakeloop.steps.platform import Platform
from lakeloop.steps.training.record import FITTED, keep, read_fitted, read_training, read_tuned

_METRICS: tuple[Metric, ...] = ("auc", "log_loss")
_TAGGED = {"auc": "holdout_auc", "auc_low": "holdout_auc_low", "auc_high": "holdout_auc_high"}  # to be listed without its run


def fit(p: Platform, run: Run, prepared: dict[str, Any]) -> dict[str, Any]:
    """Fit on the training set's commit, measure on its hold-out, register the version; a fit made before is found again.

    Raises:
        InvalidInput: a feature is the answer, or the fit cannot run here; the run in MLflow is failed, there is no version.
        RegistryFailed: MLflow did not answer, or counts versions anew; the champion is unchanged.
    """
    key, branch, commit = prepared["run_key"], prepared["branch"], prepared["commit"]
    version = p.runs.made(p.case.name, key)
    if version is None:
        version = _fitted(p, run, read_training(p.lake, commit, key), branch, commit)
    done = version.tags["training_commit"]
    _tag(p, version.version, done)
    reached("train.tagged")
    return {
        "nothing_to_do": False, "run_key": key, "branch": branch, "commit": done, "data_commit": prepared["data_commit"],
        "version": version.version, "sha256": read_fitted(p.lake, done, key).sha256, "sealed": False,
        "summary": f"version {version.version}: AUC {version.tags.get('auc', 'none')[:5]} on the hold-out",
    }  # fmt: skip


def _tag(p: Platform, version: int, commit: str) -> None:
    """Keep the record of a version under its number; a number that the lake knows otherwise tells of a registry that was lost."""
    name = model_tag(p.case.name, version)
    try:
        p.lake.tag(name, commit)
    except AlreadyExists as error:
        msg = (
            f"the registry counts the versions of {p.case.name} anew: version {version} is another training's in the lake, whose "
            f"tag {name} stays as it is; nothing was promoted, the champion is unchanged. Next: bring MLflow's database back "
            "from a backup (docs/troubleshooting.md says how), then clear the task `fit`."
        )
        raise RegistryFailed(msg) from error


def _fitted(p: Platform, run: Run, known: TrainingSet, branch: str, commit: str) -> ModelVersion:
    tags = {
        "data_commit": known.data_commit, "repository": known.repository, "code_version": known.code_version,
        "contract_version": known.contract_version, "lock_digest": known.lock_digest, "airflow_run_id": run.run_id,
        "cause": known.cause, "trained_from": known.fit.first.isoformat(), "trained_to": known.fit.last.isoformat(),
        "held_out_to": known.holdout.last.isoformat(), "training_set": known.fit.digest.hash, "matrix_commit": commit,
    }  # fmt: skip
    tuned = read_tuned(p.lake, commit, known.run_key)  # as it was frozen: what comes after it sees the hold-out
    model, choice = (tuned.model, tuned.choice) if tuned else (known.model, None)
    tags |= _tuning_tags(choice)
    with (
        p.runs.running(p.case.name, known.run_key, _params(model, known), tags) as run_id,
        tempfile.TemporaryDirectory() as workdir,
    ):
        report = _trained(p, commit, known, model, workdir)
        reached("train.fitted")
        fitted = Fitted(matrix_commit=commit, model=model, tuned=choice, **report.model_dump(exclude={"model_file"}))
        keep(p.lake, branch, known.run_key, {FITTED: fitted})
        done = p.lake.commit(branch, f"a challenger of {p.case.name} was fitted", {})
        measured = metrics_of(fitted, known)
        version = p.runs.record(
            run_id, model=p.case.name, model_file=report.model_file, sha256=report.sha256, metrics=measured,
            daily=_daily(report.evaluation), learnt=_learnt(p, known, commit),
            pictures=Pictures(
                f"{p.case.name}, {known.holdout.days} later days", points(report.histogram, 1 / CURVE_BINS),
                report.evaluation.calibration, report.importance,
            ),
            tags={
                **tags, "run_key": known.run_key, "training_commit": done, "features": ",".join(known.features),
                "measured_beside": report.evaluation.beside,
                **{tag: str(measured[name]) for tag, name in _TAGGED.items() if name in measured},
            },
        )  # fmt: skip
        reached("train.registered")
        return version


def _tuning_tags(choice: Choice | None) -> dict[str, str]:
    if choice is None:
        return {}
    return {
        "tuned": choice.words,
        "tuned_trial": str(choice.trial), "tuned_trials": str(choice.trials), f"tuned_{choice.metric}_gain": f"{choice.gain:.6f}",
        "tuning_run": choice.run_id,
    }  # fmt: skip


def _trained(p: Platform, commit: str, known: TrainingSet, model: XGBoost, workdir: str) -> TrainReport:
    report = p.spark.run(
        TrainJob(
            repository=p.lake.repository, case=p.case_ref, matrix=commit, features=known.features, model=model,
            champion=_champion(p, known, workdir), workdir=workdir,
        )
    )  # fmt: skip
    assert isinstance(report, TrainReport)  # noqa: S101  # a job answers with its own report
    return report


def _champion(p: Platform, known: TrainingSet, folder: str) -> ChampionFile | None:
    """The champion that the hold-out was cut for: one that came since may have learnt from its days."""
    champion = read_ledger(p.lake, p.case.name, known.data_commit).champion
    if champion is None:
        return None
    path = p.registry.download(champion.model_name, champion.model_version, champion.model_sha256, f"{folder}/champion")
    return ChampionFile(path=path, sha256=champion.model_sha256, version=champion.model_version)


def _params(model: XGBoost, known: TrainingSet) -> dict[str, str]:
    own = {name: str(value) for name, value in model.model_dump().items()}
    return {**own, "fit_days": str(known.fit.days), "holdout_days": str(known.holdout.days), "files": str(known.layout.files)}


def metrics_of(fitted: Fitted, known: TrainingSet) -> dict[str, float]:
    """What a run in MLflow shows: each metric of each model with its day-bootstrap interval, and the splits' facts."""
    found = {
        "fit_rows": known.fit.rows, "fit_base_rate": known.fit.base_rate, "fit_unlabelled": known.fit.unlabelled,
        "holdout_rows": known.holdout.rows, "holdout_base_rate": known.holdout.base_rate,
        "holdout_unlabelled": known.holdout.unlabelled, **{f"seconds_{name}": value for name, value in fitted.seconds.items()},
    }  # fmt: skip
    for split, evaluation in (("holdout", fitted.evaluation.days), ("fit", fitted.fit_days)):
        measured = Evaluation(days=evaluation)
        for model in sorted({one.model for one in evaluation}):
            for metric in _METRICS:
                name = f"{split}_{metric}" if model == CHALLENGER else f"{split}_{metric}_of_{model.replace(',', '_')}"
                found |= _with_interval(name, measured.daily(model, metric))
    return found


def _with_interval(name: str, daily: Mapping[date, float]) -> dict[str, float]:
    if not daily:
        return {}
    interval = day_bootstrap([daily[day] for day in sorted(daily)])
    return {name: interval.mean, f"{name}_low": interval.low, f"{name}_high": interval.high}


def _daily(evaluation: Evaluation) -> dict[str, dict[date, float]]:
    models = sorted({one.model for one in evaluation.days})
    return {
        f"daily_{metric}_of_{model.replace(',', '_')}": evaluation.daily(model, metric) for model in models for metric in _METRICS
    }


def _learnt(p: Platform, known: TrainingSet, commit: str) -> list[LearntFrom]:
    path = f"lakefs://{p.lake.repository}@{commit}/{training(p.case.name)}"
    splits = {"fit": (known.fit, "training"), "holdout": (known.holdout, "evaluation")}
    return [
        LearntFrom(f"{p.case.name} {name}", f"{path}/split={name}", facts.digest.hash, facts.rows, context)
        for name, (facts, context) in splits.items()
    ]
