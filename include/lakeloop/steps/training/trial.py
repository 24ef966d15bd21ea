"""Try: today's code on the data of a commit, beside the champion's record, in a work area that is thrown away."""

import tempfile
from collections.abc import Callable, Iterator
from datetime import date
from typing import NamedTuple

from lakeloop.core.errors import InvalidInput, NotFound
from lakeloop.core.gates import judge_gates
from lakeloop.core.holdout import Split, TooFewDays, split_days
from lakeloop.core.jobs import MatrixChangeJob, MatrixJob, ModelFile, ScoredBy, ScoreMovesJob, TrainJob
from lakeloop.core.lake import MAIN, UnitId, model_tag
from lakeloop.core.ledger import Ledger
from lakeloop.core.reports import MatrixChangeReport, MatrixReport, SplitFacts, TrainReport
from lakeloop.core.runs import Run
from lakeloop.core.score_moves import ScoreMovesReport
from lakeloop.core.scoring import whole_days
from lakeloop.core.training import Fitted, TrainingSet
from lakeloop.core.trial import (
    SplitRows,
    Trial,
    days_beside,
    features_moved,
    metrics_beside,
    settings_changed,
    slices_beside,
    with_champion,
)
from lakeloop.core.use_case import UseCase, XGBoost
from lakeloop.core.words import counted
from lakeloop.steps.history import read_ledger
from lakeloop.steps.platform import Platform
from lakeloop.steps.training.contract_trial import try_contract
from lakeloop.steps.training.judging import as_of
from lakeloop.steps.training.prepare import FILES, matured_days, training_reads
from lakeloop.steps.training.record import read_fitted, read_training
from lakeloop.steps.training.work_area import work_area

Say = Callable[[str], None]


class _Record(NamedTuple):
    """The champion as its training run wrote it down."""

    version: int
    known: TrainingSet
    found: Fitted


class _Made(NamedTuple):
    """What today's code makes of the days."""

    written: MatrixReport
    fitted: TrainReport
    changes: MatrixChangeReport | None = None
    scores: ScoreMovesReport | None = None


def try_out(p: Platform, run: Run, ref: str, days: int, say: Say) -> Trial:
    """Write the champion's days with today's code, fit, measure and score them, and put all of it beside the champion's record.

    Nothing is registered and nothing is kept: the branch and the files of the work go, whatever comes of it.

    Raises:
        InvalidInput: there is no such ref, or it does not hold the days.
    """
    commit, head = _commit(p, ref), p.lake.head(MAIN)
    say(f"reading what {ref} ({commit[:12]}) holds of {p.case.name}, and the champion's record")
    now, ledger = read_ledger(p.lake, p.case.name, head), read_ledger(p.lake, p.case.name, commit)
    record, why = _record(p, now)
    split, left = _split(p, run, ledger, record)
    with work_area(p, run, commit) as branch, tempfile.TemporaryDirectory() as folder:
        contract, snapshot = try_contract(p, ledger, branch, split.holdout[-1], days, say)
        made = _made(p, record, split, branch, snapshot, folder, say)
    before, version = (record.found.evaluation, record.version) if record else (None, None)
    evaluation = with_champion(made.fitted.evaluation, before, version)
    reads = training_reads(ledger, p.case, [*split.fit, *split.holdout])
    return Trial(
        model=p.case.name, commit=commit, champion=record.version if record else None, splits=_splits(record, made.written),
        rows=made.changes.rows if made.changes else None,
        features=features_moved(record.known.features, p.case.feature_names, made.changes) if record and made.changes else (),
        settings=_settings(p.case, record), metrics=metrics_beside(evaluation), days=days_beside(evaluation),
        gates=judge_gates(p.case.gates, as_of(evaluation, made.written.fit.last, reads, now, p)),
        slices=slices_beside(evaluation),
        scores=made.scores, sha256=made.fitted.sha256, contract=contract,
        is_same_model=made.fitted.sha256 == record.found.sha256 if record else None,
        notes=tuple(filter(None, (why, left, *_data_notes(p, ledger, head, record, split)))),
    )  # fmt: skip


def _commit(p: Platform, ref: str) -> str:
    try:
        return p.lake.commit_of(ref).id
    except NotFound as error:
        message = f"the lake has no commit, branch or tag {ref!r}; nothing was tried. Next: `--on main`, or a commit of a receipt"
        raise InvalidInput(message) from error


def _record(p: Platform, ledger: Ledger) -> tuple[_Record | None, str]:
    """The champion's record, or why there is none to stand beside."""
    fresh = "the days are split anew, and only what this code gives is shown"
    if ledger.champion is None:
        return None, f"{p.case.name} has no champion: {fresh}"
    version = ledger.champion.model_version
    try:
        commit = p.lake.commit_of(model_tag(p.case.name, version)).id
        key = p.registry.version(p.case.name, version).tags["run_key"]
        return _Record(version, read_training(p.lake, commit, key), read_fitted(p.lake, commit, key)), ""
    except NotFound:
        return (
            None,
            f"the champion, version {version}, has no record under the lake's tag {model_tag(p.case.name, version)}: {fresh}",
        )


def _split(p: Platform, run: Run, ledger: Ledger, record: _Record | None) -> tuple[Split, str]:
    """The champion's days as far as the commit holds them, and in words what it does not hold; a fresh split without it."""
    case = p.case
    if record is None:
        found = split_days(
            matured_days(ledger, case, run), holdout_days=case.holdout_days, fewest_fit_days=case.fewest_training_days,
            most_fit_days=case.training_days, cut_off=None,
        )  # fmt: skip
        if isinstance(found, TooFewDays):
            message = (
                f"{ledger.head[:12]} does not hold enough of {case.name}: {found.words}; nothing was tried. Next: another `--on`"
            )
            raise InvalidInput(message)
        return found, ""
    whole = set(whole_days(ledger, {case.label.table, *case.required_on_day()}))
    known = Split(record.known.fit_dates, record.known.holdout_dates)
    held = Split(*(tuple(day for day in days if day in whole) for days in known))
    if not held.fit or not held.holdout:
        message = (
            f"{ledger.head[:12]} does not hold the days of version {record.version} of {case.name}, {known.fit[0]} to "
            f"{known.holdout[-1]}; nothing was tried. Next: `--on {record.known.data_commit[:12]}`, which it learnt from"
        )
        raise InvalidInput(message)
    gone = sorted({*known.fit, *known.holdout} - whole)
    return held, f"{counted(len(gone), 'day')} of the record {_are(gone)} not published there, first {gone[0]}" if gone else ""


def _made(p: Platform, record: _Record | None, split: Split, branch: str, snapshot: str, folder: str, say: Say) -> _Made:
    at = {"repository": p.lake.repository, "case": p.case_ref}
    say(f"writing {len(split.fit)} + {len(split.holdout)} days with today's code from {snapshot[:12]}")
    files = record.known.layout.files if record else FILES
    written = p.spark.run(
        MatrixJob(**at, snapshot=snapshot, branch=branch, fit_dates=split.fit, holdout_dates=split.holdout, files=files)
    )
    assert isinstance(written, MatrixReport)  # noqa: S101  # a job answers with its own report
    matrix = p.lake.commit(branch, "a training set that is tried", {})
    changes = _changes(p, record, matrix, say) if record else None
    model = _parameters(p.case, record)
    say(f"fitting {model.n_estimators} trees on {written.fit.rows:,} rows")
    fitted = p.spark.run(TrainJob(**at, matrix=matrix, features=p.case.feature_names, model=model, workdir=folder))
    assert isinstance(fitted, TrainReport)  # noqa: S101  # a job answers with its own report
    scores = _scores(p, record, fitted, matrix, folder, say) if record else None
    return _Made(written, fitted, changes, scores)


def _parameters(case: UseCase, record: _Record | None) -> XGBoost:
    """The case's own; those that a tuning chose for the champion while the case declares what it declared then."""
    tuned = record.found.model if record and record.known.model == case.model else None
    return tuned or case.model


def _changes(p: Platform, record: _Record, matrix: str, say: Say) -> MatrixChangeReport:
    say("putting its rows beside those that were recorded")
    job = MatrixChangeJob(repository=p.lake.repository, case=p.case_ref, before=record.found.matrix_commit, branch=matrix)
    report = p.spark.run(job)
    assert isinstance(report, MatrixChangeReport)  # noqa: S101  # a job answers with its own report
    return report


def _scores(p: Platform, record: _Record, fitted: TrainReport, matrix: str, folder: str, say: Say) -> ScoreMovesReport:
    say("scoring the hold-out with both models")
    path = p.registry.download(p.case.name, record.version, record.found.sha256, f"{folder}/champion")
    before = ModelFile(path=path, sha256=record.found.sha256)
    after = ModelFile(path=fitted.model_file, sha256=fitted.sha256)
    report = p.spark.run(
        ScoreMovesJob(
            repository=p.lake.repository, case=p.case_ref,
            before=ScoredBy(matrix=record.found.matrix_commit, model=before, features=record.known.features),
            after=ScoredBy(matrix=matrix, model=after, features=p.case.feature_names),
        )
    )  # fmt: skip
    assert isinstance(report, ScoreMovesReport)  # noqa: S101  # a job answers with its own report
    return report


def _splits(record: _Record | None, written: MatrixReport) -> tuple[SplitRows, ...]:
    was = (record.known.fit, record.known.holdout) if record else (None, None)
    named = zip(("learnt from", "held out"), was, (written.fit, written.holdout), strict=True)
    return tuple(_rows(name, before, after) for name, before, after in named)


def _rows(name: str, before: SplitFacts | None, after: SplitFacts) -> SplitRows:
    return SplitRows(
        split=name, first=after.first, last=after.last, days=after.days, before=before.rows if before else None, after=after.rows,
        positives_before=before.positives if before else None, positives_after=after.positives,
        is_same=before.digest == after.digest if before else None,
    )  # fmt: skip


def _settings(case: UseCase, record: _Record | None) -> tuple[str, ...]:
    if record is None:
        return ()
    known = record.known
    moved = set(known.features) == set(case.feature_names) and known.features != case.feature_names
    order = ("the features come in another order",) if moved else ()
    return (*settings_changed(known.model.model_dump(), case.model.model_dump()), *order)


def _data_notes(p: Platform, ledger: Ledger, head: str, record: _Record | None, split: Split) -> Iterator[str]:
    """What of a difference may come from the data and not from the code."""
    if ledger.head not in {one.id for one in p.lake.log(head)}:
        yield f"{ledger.head[:12]} is not of main's own line: what its branch wrote is in the difference, told by no receipt"
    if record is None:
        return
    then = read_ledger(p.lake, p.case.name, record.known.data_commit)
    reads = (record.known.reads, training_reads(ledger, p.case, [*split.fit, *split.holdout]))
    units = {UnitId(table, day) for read in reads for table, keys in read.items() for days in keys.values() for day in days}
    moved = sorted(unit for unit in units if _owner(then, unit) != _owner(ledger, unit))
    if moved:
        yield (
            f"{counted(len(moved), 'table date')} of what it reads changed since the record was made, first {moved[0]}: that is "
            f"in the difference too; `--on {record.known.data_commit[:12]}` shows the code's part alone"
        )


def _owner(ledger: Ledger, unit: UnitId) -> str:
    owner = ledger.owner(unit)
    return owner.run_key if owner else ""


def _are(days: list[date]) -> str:
    return "is" if len(days) == 1 else "are"
