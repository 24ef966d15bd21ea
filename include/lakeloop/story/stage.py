"""The stage: Airflow runs triggered and awaited, and the lake read for what they did."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime
from typing import Any

from tenacity import RetryError, Retrying, retry_if_result, stop_after_delay, wait_fixed

from lakeloop import wiring
from lakeloop.adapters.airflow_api import AirflowApi
from lakeloop.adapters.delta_tables import DeltaRsTables
from lakeloop.core.errors import OrchestratorFailed
from lakeloop.core.jobs import Slice
from lakeloop.core.reports import Fingerprint
from lakeloop.core.verdict import CONSEQUENCES
from lakeloop.settings import Settings
from lakeloop.steps.history import read_ledger
from lakeloop.story.record import RunRecord

Say = Callable[[str], None]
IDLE = "nothing to do"
APPROVE = "approve"  # the task that asks
_REASON = "its gates passed on days it never saw"
_RUN_LIMIT = 900  # seconds; a run that takes longer has gone wrong
_WAKE_LIMIT = 120
_TASKS = {
    "ingest": ("intake", "write", "audit", "publish"),
    "score": ("score", "audit_scores"),
    "watch": ("judge", "act"),
    "train": ("prepare", "fit", "gate", "approve", "promote"),
}


class Stage:
    """One case's DAGs on a running stack."""

    def __init__(self, settings: Settings, case: str, say: Say, limit: float = _RUN_LIMIT) -> None:
        self.settings, self.case, self._say, self._limit = settings, case, say, limit
        self.lake = wiring.lake_of(settings)
        self.tables = DeltaRsTables(
            settings.lakefs_endpoint,
            settings.lakefs_access_key_id,
            settings.lakefs_secret_access_key.get_secret_value(),
            settings.repository,
        )
        self.airflow = AirflowApi(settings.airflow_url, settings.airflow_username, settings.airflow_password.get_secret_value())
        password = settings.airflow_approver_password.get_secret_value()
        self.approver = AirflowApi(settings.airflow_url, settings.airflow_approver, password)
        self._parked: dict[str, str] = {}  # run -> the scheduler's last word when its question was first seen parked

    def trigger(self, stage: str, nights: tuple[date, date] | None = None) -> RunRecord:
        """Start a run by hand, wait for its end, and read what it did."""
        conf = {} if nights is None else {"date_from": nights[0].isoformat(), "date_to": nights[1].isoformat()}
        dag = f"{self.case}__{stage}"
        run_id = self.airflow.trigger(dag, conf, note="the demo's story")
        return self._ended(stage, run_id, nights)

    def woken(self, stage: str, since: datetime) -> RunRecord:
        """Wait for the run that an Asset woke after a moment, and for its end."""
        dag = f"{self.case}__{stage}"
        waiting = Retrying(retry=retry_if_result(lambda found: not found), wait=wait_fixed(1), stop=stop_after_delay(_WAKE_LIMIT))
        try:
            run_id = waiting(self._woken_since, dag, since)
        except RetryError as late:
            message = f"no Asset woke {dag} within {_WAKE_LIMIT} s of {since.isoformat()}; see `lakeloop logs airflow-scheduler`"
            raise OrchestratorFailed(message) from late
        return self._ended(stage, run_id, None)

    def _woken_since(self, dag: str, since: datetime) -> str:
        found = [
            run
            for run in self.airflow.runs(dag)
            if run["run_type"] == "asset_triggered" and datetime.fromisoformat(run["run_after"]) >= since
        ]
        return str(min(found, key=lambda run: run["run_after"])["dag_run_id"]) if found else ""

    def _ended(self, stage: str, run_id: str, nights: tuple[date, date] | None) -> RunRecord:
        dag = f"{self.case}__{stage}"
        self._say(f"{dag} {run_id}")
        if stage == "train":
            self.answer_when_asked(run_id)
        state = self.airflow.wait(dag, run_id, self._limit)
        run = next(each for each in self.airflow.runs(dag) if each["dag_run_id"] == run_id)
        record = RunRecord(
            dag=dag,
            run_id=run_id,
            state=state,
            seconds=_seconds(run),
            date_from=nights[0] if nights else None,
            date_to=nights[1] if nights else None,
        )
        answers = {task: self.airflow.xcom(dag, run_id, task) or {} for task in _TASKS[stage]}
        _READERS[stage](record, answers)
        if state != "success":
            record.verdict = "failed"
        self._say(f"{dag} {record.state}: {record.verdict} ({record.seconds:.0f} s)")
        return record

    def answer_when_asked(self, run_id: str, choice: str = "Approve", reason: str = _REASON) -> None:
        """Answer a training run's question as the approver until the run ends; one that asks nothing is left alone.

        An answer that meets Airflow still parking the task makes it ask again in another try, or loses the answer; so it
        is given once the task is seen parked, and the scheduler has gone round since.
        """
        waiting = Retrying(retry=retry_if_result(lambda ended: not ended), wait=wait_fixed(1), stop=stop_after_delay(self._limit))
        with suppress(RetryError):  # whoever waits for the run's end says so
            waiting(self._answered, run_id, choice, reason)

    def _answered(self, run_id: str, choice: str, reason: str) -> bool:
        dag, asked = f"{self.case}__train", self.question(run_id)
        if asked and not asked["response_received"] and self._is_parked(dag, run_id):
            self._say(f"{dag} asks: {asked['subject']} {self.settings.airflow_approver}: {choice}, {reason}")
            self.approver.answer(dag, run_id, APPROVE, choice, reason=reason)
        return self.airflow.state(dag, run_id) in {"success", "failed"}

    def _is_parked(self, dag: str, run_id: str) -> bool:
        states = {task.state for task in self.airflow.tasks(dag, run_id) if task.task_id == APPROVE}
        if states & {"running", "queued", "scheduled", "up_for_retry"}:
            self._parked.pop(run_id, None)
            return False
        beat = self.airflow.scheduler_beat()
        return self._parked.setdefault(run_id, beat) != beat

    def question(self, run_id: str) -> Any:
        """What a training run asks the approver; empty before it does."""
        return self.approver.question(f"{self.case}__train", run_id, APPROVE)

    def failure(self, record: RunRecord) -> str:
        """The last words of a run that failed, for the screen."""
        failed = [task.task_id for task in self.airflow.tasks(record.dag, record.run_id) if task.state == "failed"]
        page = self.airflow.run_page(record.dag, record.run_id)
        return f"{record.dag} {record.run_id} is {record.state}, failed tasks {failed}: {page}"

    def ledger(self) -> Any:
        """What main says now."""
        return read_ledger(self.lake, self.case)

    def fingerprints(self, ref: str, table: str, days: Sequence[date]) -> dict[tuple[str, str], Fingerprint]:
        """Rows and hashes of a clean table's dates at a ref, read by delta-rs."""
        piece = Slice(table=f"clean/{self.case}/{table}", values=tuple(day.isoformat() for day in days))
        return self.tables.fingerprints(ref, [piece])


def now() -> datetime:
    """The moment, as Airflow writes it."""
    return datetime.now(UTC)


def _seconds(run: dict[str, Any]) -> float:
    start, end = run.get("start_date"), run.get("end_date")
    if not start or not end:
        return 0.0
    return round((datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds(), 1)


def _read_ingest(record: RunRecord, answers: dict[str, Any]) -> None:
    done = answers["publish"]
    record.branch = answers["write"].get("branch", "")
    record.commit, record.tables = done.get("commit", ""), done.get("tables", {})
    published, refused = done.get("published", 0), done.get("refused", 0)
    words = [f"{published} published"] if published else []
    record.verdict = ", ".join([*words, *([f"{refused} refused"] if refused else [])]) or IDLE


def _read_score(record: RunRecord, answers: dict[str, Any]) -> None:
    scored, sealed = answers["score"], answers["audit_scores"]
    record.branch, record.commit = scored.get("branch", ""), sealed.get("commit", "")
    record.verdict = "candidate" if record.commit else IDLE
    if scored.get("dates"):
        record.date_from, record.date_to = (date.fromisoformat(day) for day in scored["dates"])
        rows = int(scored["rows"])
        record.tables = {"scores": {"rows_in": rows, "published": 0, "quarantined": 0, "deduplicated": 0}}


def _read_watch(record: RunRecord, answers: dict[str, Any]) -> None:
    done = answers["act"]
    verdicts: dict[str, str] = done.get("verdicts", {})
    record.branch, record.commit = answers["judge"].get("branch", ""), done.get("commit", "")
    record.verdict = ", ".join(_counted(list(verdicts.values()))) or IDLE
    trusts: list[str] = [CONSEQUENCES[word].trust or "none" for word in verdicts.values()]  # type: ignore[index]
    record.trust = ", ".join(_counted(trusts))
    if verdicts:
        record.date_from, record.date_to = (date.fromisoformat(day) for day in (min(verdicts), max(verdicts)))


def _read_train(record: RunRecord, answers: dict[str, Any]) -> None:
    fitted, done = answers["fit"], answers["promote"]
    record.commit = done.get("commit", "")
    record.verdict = f"version {done['version']} promoted" if done.get("version") else "not promoted"
    if fitted.get("days"):
        record.date_from, record.date_to = (date.fromisoformat(day) for day in fitted["days"])


def _counted(words: list[str]) -> list[str]:
    kinds = dict.fromkeys(words)
    return [word if words.count(word) == len(words) == 1 else f"{words.count(word)} {word}" for word in kinds]


_READERS: dict[str, Callable[[RunRecord, dict[str, Any]], None]] = {
    "ingest": _read_ingest,
    "score": _read_score,
    "watch": _read_watch,
    "train": _read_train,
}
