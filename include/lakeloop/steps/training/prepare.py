"""Prepare: pin a commit, part its matured days, and freeze the training set on a branch of its own."""

import json
from collections.abc import Collection
from datetime import UTC, date, datetime
from typing import Any

from lakeloop.core.aliases import GATES, became
from lakeloop.core.checkpoints import reached
from lakeloop.core.holdout import Split, TooFewDays, split_days
from lakeloop.core.jobs import MatrixJob
from lakeloop.core.lake import MAIN, run_key
from lakeloop.core.ledger import Ledger
from lakeloop.core.reading import wanted
from lakeloop.core.receipts import PromotionReceipt, Reads
from lakeloop.core.reports import MatrixReport
from lakeloop.core.retraining import Asked, Cause, asked_by_verdict
from lakeloop.core.runs import Run
from lakeloop.core.scoring import late_tables, whole_days
from lakeloop.core.training import BY_HAND, VERDICT, Layout, TrainingSet
from lakeloop.core.use_case import UseCase
from lakeloop.core.words import counted
from lakeloop.steps.history import read_ledger
from lakeloop.steps.platform import Platform
from lakeloop.steps.training.record import TRAINING, keep
from lakeloop.steps.training.skew import skew, skewed_days

FILES = 1  # of each split: read back in one order, whatever the cluster


def prepare(p: Platform, run: Run) -> dict[str, Any]:
    """Write the newest matured days as a training set, its hold-out apart, and commit it.

    Raises:
        Frozen: whether the platform is frozen could not be read; nothing was trained.
        InvalidInput: the days have no labels, or labels of one class only, or a feature is infinite.
    """
    reason = p.lease.frozen()
    if reason is not None:
        return _nothing(f"training is frozen: {reason}; nothing was trained; `lakeloop unfreeze` lifts it")
    head = p.lake.head(MAIN)
    ledger = read_ledger(p.lake, p.case.name, head)
    asked = cause_of(ledger, p.case, run, p.runs.causes(p.case.name, besides=run.run_id) if run.cause else ())
    if not asked.cause:
        return _nothing(asked.words)
    split = split_days(
        matured_days(ledger, p.case, run), holdout_days=p.case.holdout_days, fewest_fit_days=p.case.fewest_training_days,
        most_fit_days=p.case.training_days, cut_off=ledger.cut_off,
    )  # fmt: skip
    if isinstance(split, TooFewDays):
        return _nothing(f"{split.words}; nothing was fitted")
    reads = training_reads(ledger, p.case, [*split.fit, *split.holdout])
    champion, made = ledger.champion, _making(ledger)
    key = _key(p, reads, split, champion.model_version if champion else None)
    if made and made.run_key == _key(p, reads, split, made.previous):
        return _nothing("the champion was trained on exactly this data and code")
    if before := _promoted_before(p, key, ledger) or (asked.cause != BY_HAND and _made_before(p, run, key)):
        return _nothing(before)
    branch = run.branch(p.case.name)
    p.lake.create_branch(branch, head)
    written = p.spark.run(
        MatrixJob(
            repository=p.lake.repository, case=p.case_ref, snapshot=head, branch=branch, fit_dates=split.fit,
            holdout_dates=split.holdout, files=FILES,
        )
    )  # fmt: skip
    assert isinstance(written, MatrixReport)  # noqa: S101  # a job answers with its own report
    training = _described(p, run, key, asked.cause, ledger, reads, split, written)
    keep(p.lake, branch, key, {TRAINING: training})
    reached("train.written")
    commit = p.lake.commit(branch, f"training set of {p.case.name}", {})
    reached("train.prepared")
    return {
        "nothing_to_do": False, "run_key": key, "branch": branch, "commit": commit, "data_commit": head, "sealed": False,
        "summary": _summary(training),
    }  # fmt: skip


def _key(p: Platform, reads: Reads, split: Split, compared: int | None) -> str:
    """The same data, code and parameters are other work beside another champion: their gates compare with it."""
    return run_key(
        case=p.case.name, stage="train",
        works=[json.dumps(reads, sort_keys=True, default=str), str(split.holdout[0]), f"beside {compared or 'no'} champion"],
        contract=p.case.contract_version(), code=p.code_version, model=_asked(p.case),
    )  # fmt: skip


def _promoted_before(p: Platform, key: str, ledger: Ledger) -> str:
    """Which version of the same work was champion before: what a rollback left is not promoted anew by a training."""
    done = next((one for one in ledger.promotions if one.run_key == key), None)
    if done is None:
        return ""
    return (
        f"version {done.model_version} is of exactly this data and code, and was champion before; nothing was fitted. "
        f"Next: new data; or, for a person who answers for it, `lakeloop models rollback {p.case.name} --to {done.model_version}`"
    )


def _made_before(p: Platform, run: Run, key: str) -> str:
    """Which version another run made of the same work, and what became of it: only a person has it judged once more.

    Empty where that run was this one, which was cleared; and where it ended before its gates: `fit` finds the version, and
    this run has it judged.
    """
    version = p.runs.made(p.case.name, key)
    if version is None or GATES not in version.tags or version.tags.get("airflow_run_id") == run.run_id:
        return ""
    return (
        f"version {version.version}, made by {version.tags.get('airflow_run_id', 'another run')}, is of exactly this data and "
        f"code, and {became(version.tags)}; nothing was fitted. Next: new data; or, for a person who answers for it, "
        f"`lakeloop models promote {p.case.name} {version.version}`"
    )


def _making(ledger: Ledger) -> PromotionReceipt | None:
    """The promotion that first made today's champion one; a rollback to it is not of its own data."""
    version = ledger.champion.model_version if ledger.champion else None
    return next((one for one in ledger.promotions if one.model_version == version), None)


def matured_days(ledger: Ledger, case: UseCase, run: Run) -> list[date]:
    """Dates inside the run's range whose label and own tables are published, these in time to be predicted; oldest first."""
    whole = [day for day in whole_days(ledger, {case.label.table, *case.required_on_day()}) if run.selects(day)]
    return [day for day in whole if not late_tables(ledger, case, day)]


def training_reads(ledger: Ledger, case: UseCase, days: list[date]) -> Reads:
    """Every (table, receipt, date) that training on these days reads."""
    read = wanted(ledger, case, days)
    read[case.label.table] = sorted({*read.get(case.label.table, ()), *days})
    return ledger.reads_of(read)


def cause_of(ledger: Ledger, case: UseCase, run: Run, causes: Collection[Cause]) -> Asked:
    """Why this run trains: somebody asked, a verdict asks, or a week of the case's own clock that was not trained for."""
    if not run.cause:
        return Asked(BY_HAND, "")
    asked = asked_by_verdict(ledger, case, causes)
    if asked.cause or run.cause == VERDICT:
        return asked
    year, week, _ = ledger.today(case, datetime.now(UTC)).isocalendar()
    weekly = f"weekly|{year}-W{week:02d}"
    is_answered = Cause(weekly, is_judged=True) in causes
    return Asked("", f"{weekly} was trained for already; {asked.words}") if is_answered else Asked(weekly, "")


def narrowed(ledger: Ledger, case: UseCase, run: Run, split: Split) -> str:
    """The range that was asked for, where it leaves out matured days that are newer than the hold-out; else empty."""
    newest = matured_days(ledger, case, run.model_copy(update={"date_from": None, "date_to": None}))[-1]
    return f"{run.date_from} to {run.date_to}" if newest > split.holdout[-1] else ""


def _described(
    p: Platform, run: Run, key: str, cause: str, ledger: Ledger, reads: Reads, split: Split, written: MatrixReport
) -> TrainingSet:
    skewed = skewed_days(ledger, [*split.fit, *split.holdout])
    return TrainingSet(
        run_key=key, repository=p.lake.repository, data_commit=ledger.head, fit_dates=split.fit,
        holdout_dates=split.holdout, fit=written.fit, holdout=written.holdout,
        reads=reads, features=p.case.feature_names, model=p.case.model,
        layout=Layout(files=FILES, workers=p.case.model.num_workers), code_version=p.code_version,
        contract_version=p.case.contract_version(), lock_digest=p.lock_digest, cause=cause,
        skewed=skewed, skew=skew(p, ledger, skewed),
        cut_off=ledger.cut_off, champion=ledger.champion.model_version if ledger.champion else None,
        narrowed=narrowed(ledger, p.case, run, split),
    )  # fmt: skip


def _asked(case: UseCase) -> str:
    """What decides the parameters: the model's own, and how better ones are looked for."""
    return case.model.model_dump_json() + (case.tuning.model_dump_json() if case.tuning else "")


def _summary(training: TrainingSet) -> str:
    fit, later = training.fit, training.holdout
    skewed = (
        [f"{counted(len(training.skewed), 'scored date')} of them had read what was restated since"] if training.skewed else []
    )
    restated = "".join(f"; {words}" for words in (*skewed, *(one.words for one in training.skew)))
    return (
        f"{counted(fit.days, 'day')} {fit.first} to {fit.last} to learn from ({fit.rows} rows, {fit.base_rate:.1%} positive), "
        f"{counted(later.days, 'day')} {later.first} to {later.last} held out ({later.rows} rows){restated}"
    )


def _nothing(why: str) -> dict[str, Any]:
    return {"nothing_to_do": True, "summary": why}
