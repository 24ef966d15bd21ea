"""Tune: better parameters, looked for on the last days that are learnt from, and frozen before the hold-out is opened."""

from typing import Any

from lakeloop.core.checkpoints import reached
from lakeloop.core.errors import ConfigurationError
from lakeloop.core.jobs import TuneJob
from lakeloop.core.lake import evidence_path
from lakeloop.core.reports import TuneReport
from lakeloop.core.runs import Run
from lakeloop.core.training import TrainingSet, Tuned
from lakeloop.core.tuning import Trial, Tuning, best
from lakeloop.core.use_case import XGBoost
from lakeloop.steps.platform import Platform
from lakeloop.steps.training.record import TUNED, keep, read_training, read_tuned

_FROZEN = "tuned"  # of the commit that holds the winner: the run key


def tune(p: Platform, run: Run, prepared: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG001  # a step's shape
    """Choose parameters for the training set's fit and commit them beside it; a choice made before is found, not made again.

    Raises:
        ConfigurationError: the case declares no tuning.
        InvalidInput: the case's own parameters could not be fitted or measured; nothing was frozen.
        LeakageFound: a feature is the answer; nothing was tried.
    """
    key, branch = prepared["run_key"], prepared["branch"]
    made = p.runs.made(p.case.name, key)
    if made is not None:
        return {**prepared, "summary": f"version {made.version} was fitted from this already; nothing was tuned"}
    commit = _frozen(p, prepared)
    if commit is None:
        if not p.lake.exists(branch, evidence_path(key, TUNED)):  # staged by a try that was killed before its commit
            keep(p.lake, branch, key, {TUNED: _tuned(p, read_training(p.lake, prepared["commit"], key), prepared["commit"])})
            reached("train.chosen")
        commit = p.lake.commit(branch, f"parameters of {p.case.name} were tuned", {_FROZEN: key})
    reached("train.tuned")
    found = read_tuned(p.lake, commit, key)
    assert found is not None  # noqa: S101  # it was committed above, or by an earlier try
    return {**prepared, "commit": commit, "summary": found.choice.words}


def _frozen(p: Platform, prepared: dict[str, Any]) -> str | None:
    """The commit of a choice that an earlier try froze: it stands above that of the training set."""
    for commit in p.lake.log(prepared["branch"]):
        if commit.metadata.get(_FROZEN) == prepared["run_key"]:
            return commit.id
        if commit.id == prepared["commit"]:
            return None
    return None


def _tuned(p: Platform, known: TrainingSet, matrix: str) -> Tuned:
    tuning = p.case.tuning
    if tuning is None:
        message = f"{p.case.name} declares no tuning; nothing was tuned. Next: give its UseCase `tuning`, or go on to the fit"
        raise ConfigurationError(message)
    days = known.fit_dates[-tuning.validation_days :]
    tags = {
        "data_commit": known.data_commit, "matrix_commit": matrix, "code_version": known.code_version,
        "validated_from": days[0].isoformat(), "validated_to": days[-1].isoformat(),
    }  # fmt: skip
    with p.runs.tuning(p.case.name, known.run_key, _params(tuning), tags) as run_id:

        def heard(trial: Trial) -> None:
            p.runs.tried(run_id, trial, tuning.metric)

        job = TuneJob(
            repository=p.lake.repository, case=p.case_ref, matrix=matrix, features=known.features, model=known.model,
            tuning=tuning, validation_dates=days,
        )  # fmt: skip
        report = p.spark.run(job, heard)
        assert isinstance(report, TuneReport)  # noqa: S101  # a job answers with its own report
        chosen = best(report.trials, tuning.metric)
        assert chosen is not None  # noqa: S101  # the job ends in an error where trial 0 has no value
        model = XGBoost.model_validate({**known.model.model_dump(), **chosen.params})
        tuned = Tuned(
            run_key=known.run_key, tuning=tuning, validation_dates=days, model=model, run_id=run_id, **report.model_dump(),
        )  # fmt: skip
        p.runs.tag(run_id, {"won": f"trial {chosen.number}", "summary": tuned.choice.words, "stopped": report.stopped})
    return tuned


def _params(tuning: Tuning) -> dict[str, str]:
    """What was looked for, as MLflow shows it."""
    ranges = {name: f"{one.low:g} to {one.high:g}" + (", log" if one.log else "") for name, one in tuning.space.ranges.items()}
    own = {name: str(value) for name, value in tuning.model_dump(exclude={"space"}).items()}
    return {**own, **ranges}
