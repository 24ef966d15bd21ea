"""The words of a DAG file: each is a chain of tasks, each task one step of the platform.

Task ids are plain verbs, different in every word, so that a DAG may be a sentence of several words.
"""

from datetime import timedelta
from typing import Any

from airflow.sdk import chain, task, teardown

from lakeloop.core.use_case import UseCase
from lakeloop_airflow.approval import approval_of
from lakeloop_airflow.assets import may_be_worn, published, scored, waking_training
from lakeloop_airflow.case_dag import tuning_limit
from lakeloop_airflow.cases import ref_of
from lakeloop_airflow.closing import close_run
from lakeloop_airflow.links import LINKS
from lakeloop_airflow.retries import RETRIES, RETRY_DELAY, RETRY_POLICY
from lakeloop_airflow.shell import Answer, perform

_TASK: dict[str, Any] = {
    "retries": RETRIES,
    "retry_delay": RETRY_DELAY,
    "retry_policy": RETRY_POLICY,
    "execution_timeout": timedelta(minutes=45),
}
_SPARK = _TASK | {"pool": "spark", "execution_timeout": timedelta(minutes=90)}  # one slot: its holder has all cores
_CLOSE = _TASK | {"execution_timeout": timedelta(minutes=5)}


@task(**_TASK)
def intake(case_ref: str) -> Answer:
    """Merges the bytes of new deliveries into landing."""
    return perform("ingest", "ingest.intake", case_ref)


@task(**_SPARK)
def write(case_ref: str, landed: Answer) -> Answer:
    """Writes landed deliveries as rows on a run branch; bad rows go to quarantine."""
    return perform("ingest", "ingest.write", case_ref, landed)


@task(**_SPARK)
def audit(case_ref: str, written: Answer) -> Answer:
    """Judges what was written; a delivery that fails leaves the branch."""
    return perform("ingest", "ingest_publish.audit", case_ref, written)


@task(**_SPARK)
def publish(case_ref: str, audited: Answer) -> Answer:
    """Merges what passed into main, through the gate."""
    return perform("ingest", "ingest_publish.publish_units", case_ref, audited)


@task(**_SPARK)
def score(case_ref: str) -> Answer:
    """Scores published dates with the champion, onto a candidate branch."""
    return perform("score", "score.score", case_ref)


@task(**_SPARK)
def audit_scores(case_ref: str, scored_dates: Answer) -> Answer:
    """Audits the scores; the candidate then waits for its verdict."""
    return perform("score", "score.audit", case_ref, scored_dates)


@task(**_SPARK)
def judge(case_ref: str) -> Answer:
    """Measures unjudged dates and decides on each, in date order."""
    return perform("watch", "watch.judge_dates", case_ref)


@task(**_SPARK)
def act(case_ref: str, judged: Answer) -> Answer:
    """Publishes, withdraws or holds, as the verdicts say: one gated merge; wakes the training where one asks for it."""
    return waking_training(case_ref, perform("watch", "act.act", case_ref, judged))


@task(**_SPARK)
def prepare(case_ref: str) -> Answer:
    """Freezes a training set at a commit: days to learn from, later ones to be judged on."""
    return perform("train", "training.prepare.prepare", case_ref)


@task(**_SPARK)
def tune(case_ref: str, prepared: Answer) -> Answer:
    """Looks for better parameters on the last days to learn from, and freezes the winner before the fit."""
    return perform("train", "training.tune.tune", case_ref, prepared)


@task(**_SPARK)
def fit(case_ref: str, prepared: Answer) -> Answer:
    """Fits a challenger, measures it on days it never saw, and registers it."""
    return perform("train", "training.fit.fit", case_ref, prepared)


@task(**_TASK)
def gate(case_ref: str, fitted: Answer) -> Answer:
    """Puts the challenger through the case's gates, on days it never saw."""
    return perform("train", "training.gate.gate", case_ref, fitted)


@task(**_TASK, trigger_rule="none_failed_min_one_success")  # an approval that was not asked for is skipped
def promote(case_ref: str, gated: Answer, approved: Any) -> Answer:
    """Makes the challenger champion by a gated merge of the promotion ledger."""
    return perform("train", "promotion.promote", case_ref, gated, approved or {})


@teardown(on_failure_fail_dagrun=True)
@task(**_CLOSE)
def close(verdict: str, steps: list[str]) -> Answer:
    """Ends what is left of the run; the run is green only if its last step succeeded, or had nothing to do."""
    return close_run(verdict, steps)


def write_audit_publish(case: UseCase) -> None:
    """Deliveries in, rows on main: intake, write, audit, publish."""
    ref = ref_of(case)
    landed = intake(ref)
    written = write(ref, landed)
    audited = audit(ref, written)
    _closed([landed, written, audited, publish.override(outlets=[published(case)])(ref, audited)], "ingest")


def score_batch(case: UseCase) -> None:
    """Published dates in, audited candidates out."""
    ref = ref_of(case)
    fresh = score(ref)
    _closed([fresh, audit_scores.override(outlets=[scored(case)])(ref, fresh)], "score")


def watch(case: UseCase) -> None:
    """Candidates in, verdicts out, and what they say done."""
    ref = ref_of(case)
    judged = judge(ref)
    _closed([judged, act.override(outlets=[may_be_worn(case)])(ref, judged)], "watch")


def train_and_promote(case: UseCase) -> None:
    """A commit in, perhaps a new champion out."""
    ref = ref_of(case)
    steps = [prepare(ref)]
    if case.tuning is not None:  # no task that is skipped each week, and each step's answer is what the next one is given
        steps.append(tune.override(execution_timeout=tuning_limit(case))(ref, steps[-1]))
    fitted = fit(ref, steps[-1])
    gated = gate(ref, fitted)
    approved = approval_of(case, ref, gated, **_TASK).output
    _closed([*steps, fitted, gated, approved, promote(ref, gated, approved)], "train")


def _closed(steps: list[Any], word: str) -> None:
    """Links each step to what it made, and ends the chain with its teardown."""
    for step in steps:
        step.operator.operator_extra_links = LINKS
    ids = [step.operator.task_id for step in steps]
    chain(steps[-1], close.override(task_id=f"close_{word}")(ids[-1], ids))
