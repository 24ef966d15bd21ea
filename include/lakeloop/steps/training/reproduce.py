"""Reproduce: a version made again from its own record, in a work area that is thrown away."""

import tempfile
from collections.abc import Callable

from lakeloop.core.errors import NotFound
from lakeloop.core.jobs import MatrixChangeJob, MatrixJob, TrainJob
from lakeloop.core.lake import model_tag
from lakeloop.core.ledger import Ledger
from lakeloop.core.reports import MatrixChangeReport, MatrixReport, TrainReport
from lakeloop.core.reproduction import Compared, Reproduction, causes, layout_cause, models_compared, not_fitted, sets_compared
from lakeloop.core.runs import Run
from lakeloop.core.training import TrainingSet
from lakeloop.core.use_case import XGBoost
from lakeloop.core.words import counted
from lakeloop.steps.history import read_ledger
from lakeloop.steps.platform import Platform
from lakeloop.steps.training.record import read_fitted, read_training
from lakeloop.steps.training.work_area import work_area

Say = Callable[[str], None]


def reproduce(p: Platform, run: Run, version: int, say: Say) -> Reproduction:
    """Write the training set again from the recorded commit, fit it in the recorded layout, and compare both with the record.

    Nothing is registered and nothing is kept: the branch and the files of the work go, whatever comes of it.

    Raises:
        NotFound: the version has no record in the lake: it was not made by a training run.
        SparkFailed: a job failed; nothing of it is left.
    """
    known, commit = _record(p, version)
    found = read_fitted(p.lake, commit, known.run_key)
    with work_area(p, run, known.data_commit) as branch:
        say(f"writing the training set of {known.fit.days} + {known.holdout.days} days again from {known.data_commit[:12]}")
        written = _written(p, known, branch)
        changes = _changes(p, known, found.matrix_commit, branch, written)
        done = p.lake.commit(branch, f"training set of version {version} again", {})
        model = found.model or known.model  # a tuned version's are those of the trial that won, not the case's own
        compared = sets_compared(known, written, changes)
        layout: tuple[str, ...] = ()
        if gone := [name for name in known.features if name not in p.case.feature_names]:
            compared.append(not_fitted(found, gone))
        else:
            say(f"fitting {model.n_estimators} trees on {known.fit.rows:,} rows again")
            again = _fitted(p, known, model, done)
            compared += models_compared(found, again)
            layout = layout_cause(found, again)
        if changes is not None:
            say("the rows differ, so the recorded ones are fitted too: that parts what the code did from what the libraries did")
            compared.append(_from_recorded(found.sha256, _fitted(p, known, model, found.matrix_commit)))
    now = {
        "code_version": p.code_version, "lock_digest": p.lock_digest, "contract_version": p.case.contract_version(),
        "features": ",".join(p.case.feature_names),
    }  # fmt: skip
    return Reproduction(
        model=p.case.name, version=version, compared=tuple(compared), causes=(*causes(known, now), *layout),
        restated=_restated(read_ledger(p.lake, p.case.name), known),
    )  # fmt: skip


def _record(p: Platform, version: int) -> tuple[TrainingSet, str]:
    tag = model_tag(p.case.name, version)
    try:
        commit = p.lake.commit_of(tag).id
        return read_training(p.lake, commit, p.registry.version(p.case.name, version).tags["run_key"]), commit
    except NotFound as error:
        message = (
            f"{p.case.name} version {version} has no record under the lake's tag {tag}: no training run made it; nothing was "
            "done. Next: `lakeloop models list`"
        )
        raise NotFound(message) from error


def _written(p: Platform, known: TrainingSet, branch: str) -> MatrixReport:
    report = p.spark.run(
        MatrixJob(
            repository=p.lake.repository, case=p.case_ref, snapshot=known.data_commit, branch=branch,
            fit_dates=known.fit_dates, holdout_dates=known.holdout_dates, files=known.layout.files,
        )
    )  # fmt: skip
    assert isinstance(report, MatrixReport)  # noqa: S101  # a job answers with its own report
    return report


def _changes(p: Platform, known: TrainingSet, recorded: str, branch: str, written: MatrixReport) -> MatrixChangeReport | None:
    """What differs, looked for only when something does."""
    if (written.fit.digest, written.holdout.digest) == (known.fit.digest, known.holdout.digest):
        return None
    report = p.spark.run(MatrixChangeJob(repository=p.lake.repository, case=p.case_ref, before=recorded, branch=branch))
    assert isinstance(report, MatrixChangeReport)  # noqa: S101  # a job answers with its own report
    return report


def _fitted(p: Platform, known: TrainingSet, model: XGBoost, matrix: str) -> TrainReport:
    with tempfile.TemporaryDirectory() as folder:
        report = p.spark.run(
            TrainJob(
                repository=p.lake.repository, case=p.case_ref, matrix=matrix, features=known.features, model=model,
                workdir=folder,
            )
        )  # fmt: skip
    assert isinstance(report, TrainReport)  # noqa: S101  # a job answers with its own report
    return report


def _from_recorded(sha256: str, again: TrainReport) -> Compared:
    differs = "" if again.sha256 == sha256 else "the libraries or their layout fit otherwise"
    return Compared(what="bytes from the recorded rows", recorded=sha256[:16], again=again.sha256[:16], difference=differs)


def _restated(ledger: Ledger, known: TrainingSet) -> str:
    lost = ledger.lost_reads(known.reads)
    if not lost:
        return ""
    return f"{counted(len(lost), 'table date')} of what it learnt from was restated or withdrawn since, first {min(lost)}"
