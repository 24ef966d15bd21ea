"""Tasks killed, cleared and marked at every step, before and after the merge: the night comes out the same, once."""

from __future__ import annotations

from datetime import datetime

import pytest

from lakeloop.adapters.platform_db import PlatformDb
from lakeloop.core.lake import UnitId
from lakeloop.settings import Settings
from lakeloop.story.stage import now
from tests.integration.nights import STEPS, Nights

pytestmark = [pytest.mark.more, pytest.mark.stack, pytest.mark.timeout(2400)]
KILLED = (("ingest", "write"), ("score", "score"), ("watch", "judge"))


def _begin(nights: Nights, stage: str, since: datetime) -> str:
    return nights.start(stage) if stage in {"ingest", "train"} else nights.woken(stage, since)


def test_one_task_of_each_dag_is_killed_and_the_night_is_published_once(nights: Nights, stack: Settings) -> None:
    night, since = nights.next(), now()
    for stage, task in KILLED:
        run = _begin(nights, stage, since)
        nights.kill(stage, run, task)
        nights.succeeds(stage, run)
        assert nights.task(stage, run, task).attempt == 2, stage
    run = nights.start("train")
    nights.kill("train", run, "fit")
    nights.succeeds("train", run)
    nights.settle()
    assert nights.trust(night) in {"trusted", "provisional"}
    assert nights.attests()
    assert PlatformDb(stack.platform_db_url).sessions.open_since(-60) == [], "the retry ended what the killed try left"


def test_every_step_is_cleared_while_it_runs_and_the_night_is_published_once(nights: Nights) -> None:
    night, since = nights.next(), now()
    for stage in ("ingest", "score", "watch"):
        run = _begin(nights, stage, since)
        for task in STEPS[stage]:
            nights.when_running(stage, run, task)
            nights.clear(stage, run, task)
        nights.succeeds(stage, run)
    nights.settle()
    assert nights.trust(night) in {"trusted", "provisional"}
    assert nights.attests()


def test_every_step_is_cleared_after_the_merge_and_nothing_changes(nights: Nights) -> None:
    since = now()
    nights.play(nights.next())
    runs = {"ingest": nights.airflow.runs("flights__ingest", 1)[0]["dag_run_id"]}
    runs |= {stage: nights.woken(stage, since) for stage in ("score", "watch")}
    nights.settle()
    before, merges = nights.content(), nights.merges()
    for stage, run in runs.items():
        for task in STEPS[stage]:
            nights.clear(stage, run, task)
            nights.succeeds(stage, run)
    nights.settle()
    assert nights.content() == before
    assert nights.merges() == merges, "work that is done is not merged again"


def test_training_is_cleared_at_every_step_and_promotes_once(nights: Nights) -> None:
    run = nights.start("train")
    for task in STEPS["train"]:
        nights.when_running("train", run, task)
        nights.clear("train", run, task)
    nights.succeeds("train", run)
    champion = nights.stage.ledger().champion
    for task in STEPS["train"]:
        nights.clear("train", run, task)
        nights.succeeds("train", run)
    assert nights.stage.ledger().champion == champion


def test_a_run_marked_as_failed_is_red_and_the_next_sweep_does_its_work(nights: Nights, stack: Settings) -> None:
    night, began = nights.next(), now()
    run = nights.start("ingest")
    nights.when_running("ingest", run, "write")
    nights.airflow.mark_failed("flights__ingest", run)
    assert nights.ended("ingest", run) == "failed", "a mark by hand must not end green"
    assert nights.task("ingest", run, "close_ingest").state == "failed", "the teardown ran, and found no evidence"
    assert nights.stage.ledger().owner(UnitId("weather", night)) is None
    nights.play(night)
    alerts = [each for each in PlatformDb(stack.platform_db_url).outbox.all() if each.created_at >= began.timestamp()]
    assert any(run in each.body.get("run", "") for each in alerts)
