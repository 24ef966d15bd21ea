"""Reproduce: a version made again from its own record, in a work area that is thrown away."""

import tempfile
from collections.abc import Callable
from datetime import date
from typing import NamedTuple

from lakeloop.core.errors import ConfigurationError, InvalidInput, NotFound, SparkFailed
from lakeloop.core.jobs import ChangeJob, MatrixChangeJob, MatrixJob, TrainJob
from lakeloop.core.lake import DATE_COLUMN, model_tag
from lakeloop.core.reports import ChangeReport, MatrixChangeReport, MatrixReport, TrainReport
from lakeloop.core.reproduction import (
    Compared,
    Reproduction,
    Today,
    causes,
    causes_in_fit,
    left_out,
    models_compared,
    not_fitted,
    not_written,
    restated,
    sets_compared,
)
from lakeloop.core.runs import Run
from lakeloop.core.training import Fitted, TrainingSet
from lakeloop.core.use_case import XGBoost
from lakeloop.steps.history import read_ledger
from lakeloop.steps.platform import Platform
from lakeloop.steps.training.record import read_fitted, read_training, recorded_key
from lakeloop.steps.training.work_area import work_area

Say = Callable[[str], None]


def reproduce(p: Platform, run: Run, version: int, say: Say) -> Reproduction:
    """Write the training set again from the recorded commit, fit it in the recorded layout, and compare both with the record.

    The record is the lake's; MLflow is not asked, so a version that it lost can be made again. Nothing is registered and
    nothing is kept: the branch and the files of the work go, whatever comes of it.

    Raises:
        NotFound: the version has no record in the lake: it was not made by a training run.
        SparkFailed: a job failed; nothing of it is left.
    """
    known, found = _record(p, version)
    now = Today(p.code_version, p.lock_digest, p.case.contract_version(), p.case.feature_names)
    with work_area(p, run, known.data_commit) as branch:
        rows = _rows_again(p, known, found, branch, say)
        compared, made = _models_again(p, known, found, rows.commit, say)
        if not rows.are_equal:
            say("the rows differ, so the recorded ones are fitted too: that parts what the code did from what the libraries did")
            made = _fitted(p, known, found, found.matrix_commit)
            compared.append(_from_recorded(found.sha256, made))
    return Reproduction(
        model=p.case.name, version=version, compared=(*rows.compared, *compared),
        causes=(*causes(known, now), *(causes_in_fit(found, made) if made else ())),
        left_out=left_out(p.case.gates, known, p.case.entity, DATE_COLUMN), restated=_restated(p, known),
    )  # fmt: skip


class _Rows(NamedTuple):
    """The training set made again."""

    compared: list[Compared]
    commit: str | None  # where it stands; None where it could not be written, or not be set beside the recorded one
    are_equal: bool


def _record(p: Platform, version: int) -> tuple[TrainingSet, Fitted]:
    tag = model_tag(p.case.name, version)
    try:
        commit = p.lake.commit_of(tag).id
        key = recorded_key(p.lake, commit)
        return read_training(p.lake, commit, key), read_fitted(p.lake, commit, key)
    except NotFound as error:
        message = (
            f"{p.case.name} version {version} has no record under the lake's tag {tag}: no training run made it; nothing was "
            "done. Next: `lakeloop models list`"
        )
        raise NotFound(message) from error


def _rows_again(p: Platform, known: TrainingSet, found: Fitted, branch: str, say: Say) -> _Rows:
    """What today's code refuses to write is a difference like any other, and is told as one."""
    say(f"writing the training set of {known.fit.days} + {known.holdout.days} days again from {known.data_commit[:12]}")
    try:
        written = _written(p, known, branch)
        changes = _changes(p, known, found.matrix_commit, branch, written)
    except (ConfigurationError, InvalidInput, NotFound) as error:
        return _Rows([not_written(known, error)], None, are_equal=False)
    commit = p.lake.commit(branch, f"training set of {p.case.name} again", {})
    return _Rows(sets_compared(known, written, changes), commit, are_equal=changes is None)


def _models_again(
    p: Platform, known: TrainingSet, found: Fitted, matrix: str | None, say: Say
) -> tuple[list[Compared], TrainReport | None]:
    gone = [name for name in known.features if name not in p.case.feature_names]
    if gone or matrix is None:
        return [not_fitted(found, gone)], None
    say(f"fitting {_model(known, found).n_estimators} trees on {known.fit.rows:,} rows again")
    made = _fitted(p, known, found, matrix)
    return models_compared(found, made), made


def _model(known: TrainingSet, found: Fitted) -> XGBoost:
    """A tuned version's parameters are those of the trial that won, not the case's own."""
    return found.model or known.model


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


def _fitted(p: Platform, known: TrainingSet, found: Fitted, matrix: str) -> TrainReport:
    with tempfile.TemporaryDirectory() as folder:
        report = p.spark.run(
            TrainJob(
                repository=p.lake.repository, case=p.case_ref, matrix=matrix, features=known.features,
                model=_model(known, found), workdir=folder, is_rebuild=True,
            )
        )  # fmt: skip
    assert isinstance(report, TrainReport)  # noqa: S101  # a job answers with its own report
    return report


def _from_recorded(sha256: str, again: TrainReport) -> Compared:
    differs = "" if again.sha256 == sha256 else "the libraries or their layout fit otherwise"
    return Compared(what="bytes from the recorded rows", recorded=sha256[:16], again=again.sha256[:16], difference=differs)


def _restated(p: Platform, known: TrainingSet) -> tuple[str, ...]:
    """What main holds otherwise now than the record read it, of the tables that the case still has."""
    ledger, tables = read_ledger(p.lake, p.case.name), {table.name for table in p.case.tables}
    units: dict[str, tuple[date, ...]] = {}
    for unit in ledger.lost_reads(known.reads):
        if unit.table in tables:
            units[unit.table] = (*units.get(unit.table, ()), unit.data_date)
    if not units:
        return ()
    asked = ChangeJob(
        repository=p.lake.repository, case=p.case_ref, before=known.data_commit, snapshot=ledger.head, units=units,
    )  # fmt: skip
    try:
        report = p.spark.run(asked)
    except (SparkFailed, NotFound) as error:  # it is beside the comparison, which stands
        return (f"restated since, and it could not be counted by how much: {error}",)
    assert isinstance(report, ChangeReport)  # noqa: S101  # a job answers with its own report
    return restated(report.units)
