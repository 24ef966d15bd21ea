"""Nights of the flights case through the real Airflow, and what may be done to their tasks."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

from lakeloop.adapters.airflow_api import TaskRun
from lakeloop.adapters.platform_db import PlatformDb
from lakeloop.settings import Settings
from lakeloop.steps.verify import verify
from lakeloop.story.stage import Stage, now
from use_cases.flights.feed import Feed

CASE = "flights"
STEPS = {
    "ingest": ("intake", "write", "audit", "publish"),
    "score": ("score", "audit_scores"),
    "watch": ("judge", "act"),
    "train": ("prepare", "fit", "gate", "promote"),
}
RUN_SECONDS = 600


class Nights:
    """Gives a fresh night to each test, and looks at what came of it."""

    def __init__(self, settings: Settings, after: date) -> None:
        self.stage = Stage(settings, CASE, lambda _words: None)
        self.airflow = self.stage.airflow
        self.feed = Feed(settings.home)
        self._last = after

    def next(self, **faults: Any) -> date:
        """The next night, its deliveries in the feed."""
        self._last += timedelta(days=1)
        self.feed.deliver(nights=(self._last, self._last), **faults)
        return self._last

    def start(self, stage: str, conf: dict[str, str] | None = None) -> str:
        """A run by hand, not waited for."""
        return self.airflow.trigger(f"{CASE}__{stage}", conf or {})

    def woken(self, stage: str, since: datetime) -> str:
        """The id of the run that an Asset woke after a moment, as soon as it is there."""
        dag = f"{CASE}__{stage}"

        def look() -> str:
            runs = [run for run in self.airflow.runs(dag) if run["run_type"] == "asset_triggered"]
            later = [run for run in runs if datetime.fromisoformat(run["run_after"]) >= since]
            return str(min(later, key=lambda run: run["run_after"])["dag_run_id"]) if later else ""

        return str(until(look, bool, f"an Asset wakes {dag}"))

    def ended(self, stage: str, run: str) -> str:
        """The last state of a run; a training's question is answered with a yes."""
        if stage == "train":
            self.stage.answer_when_asked(run)
        return self.airflow.wait(f"{CASE}__{stage}", run, RUN_SECONDS)

    def task(self, stage: str, run: str, task: str) -> TaskRun:
        """One task of a run, as it is now."""
        return next(each for each in self.airflow.tasks(f"{CASE}__{stage}", run) if each.task_id == task)

    def when_running(self, stage: str, run: str, task: str) -> TaskRun:
        """A task as soon as its process is there; a task that was quicker is given as it ended."""
        ended = {"success", "failed", "skipped", "upstream_failed"}
        found = until(
            lambda: self.task(stage, run, task),
            lambda each: each.state == "upstream_failed" or (bool(each.pid) and each.state in {"running", *ended}),
            f"{task} runs",
        )
        assert isinstance(found, TaskRun)
        assert found.state not in {"failed", "upstream_failed"}, f"{stage} {run}: {self.failed(stage, run)}"
        return found

    def failed(self, stage: str, run: str) -> list[str]:
        """What went wrong in a run: the last words of each try that failed."""
        tries = PlatformDb(self.stage.settings.platform_db_url).sessions.of(f"{CASE}__{stage}", run)
        return [f"{row.key.task} try {row.key.attempt}: {row.words}" for row in tries if row.words]

    def succeeds(self, stage: str, run: str) -> None:
        """Waits for the end of a run, which must be green."""
        assert self.ended(stage, run) == "success", f"{stage} {run}: {self.failed(stage, run)}"

    def kill(self, stage: str, run: str, task: str) -> None:
        """SIGKILL to the process of a running task."""
        running = self.when_running(stage, run, task)
        assert running.state == "running", f"{task} was over before it could be killed"
        os.kill(running.pid, signal.SIGKILL)

    def clear(self, stage: str, run: str, task: str) -> None:
        """*Clear task* as the UI does it, downstream included."""
        self.airflow.clear(f"{CASE}__{stage}", run, [task])

    def settle(self) -> None:
        """Waits until no run of the case is under way any more, those that Assets woke included."""

        def busy() -> list[str]:
            runs = [(stage, run) for stage in STEPS for run in self.airflow.runs(f"{CASE}__{stage}", 10)]
            return [f"{stage} {run['dag_run_id']}" for stage, run in runs if run["state"] in {"queued", "running"}]

        until(busy, lambda found: not found, "every run ends")

    def play(self, night: date) -> None:
        """An undisturbed night, start to end."""
        self.play_to(night)
        assert self.trust(night) in {"trusted", "provisional"}

    def play_to(self, night: date) -> None:
        """Every delivered night up to this one, start to end, whatever trust its scores get."""
        since = now()
        self.succeeds("ingest", self.start("ingest"))
        for stage in ("score", "watch"):
            self.succeeds(stage, self.woken(stage, since))
        assert self.trust(night)

    def trust(self, night: date) -> str:
        """How far the published scores of a night may be relied on; empty when none are visible."""
        held = self.stage.ledger().scores.get(night)
        return str(held.record.trust) if held and not held.recalled else ""

    def content(self) -> tuple[Any, Any, Any]:
        """What readers of main can see: who owns what, every score's record, every table's rows by hash."""
        ledger = self.stage.ledger()
        owners = {str(unit): ledger.owner(unit).run_key for unit in ledger.owners if ledger.owner(unit)}
        scores = {str(day): (held.record, held.recalled) for day, held in ledger.scores.items()}
        days = [self._last - timedelta(days=back) for back in range(3)]
        rows = {table: self.stage.fingerprints("main", table, days) for table in ("schedule", "weather", "outcomes")}
        return owners, scores, rows

    def attests(self) -> bool:
        """Whether every merge on main carries its receipt."""
        return not [finding for _, found in verify(self.stage.lake) for finding in found]

    def merges(self) -> int:
        """How many commits main has."""
        return sum(1 for _ in self.stage.lake.log("main"))


def until(look: Callable[[], Any], enough: Callable[[Any], bool], what: str) -> Any:
    """What is seen once it is enough; TimeoutError says what it was at last."""
    waiting = Retrying(
        retry=retry_if_result(lambda found: not enough(found)),
        wait=wait_fixed(0.3),
        stop=stop_after_delay(RUN_SECONDS),
        retry_error_callback=lambda state: _give_up(what, state.outcome.result() if state.outcome else None),
    )
    return waiting(look)


def _give_up(what: str, found: Any) -> None:
    message = f"{what}: not within {RUN_SECONDS} s, it is {found}"
    raise TimeoutError(message)
