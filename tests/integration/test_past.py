"""Nights of the past through the real Airflow: its own backfill, and `lakeloop ingest`; killed, begun again, and done once."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
from datetime import date, timedelta
from typing import Any

import pytest

from lakeloop.core.errors import OrchestratorFailed
from lakeloop.core.lake import UnitId
from lakeloop.settings import Settings
from lakeloop.story.stage import now
from tests.integration.nights import Nights, until
from use_cases.flights.feed import ZONE

pytestmark = [pytest.mark.stack, pytest.mark.timeout(2400)]
DAG = "flights__ingest"
BEFORE = date(2013, 2, 1)  # nobody scores these nights: they are before any champion
TICK = timedelta(minutes=30)  # after midnight, by the DAG's clock


@pytest.fixture(scope="module")
def past(stack: Settings) -> Nights:
    """Nights that no other test works, on a clock that has ticked.

    Where it never did, Airflow takes a backfill for its last tick and runs the newest one that passed: a sweep, in the way.
    That backfill is closed while the range is played, so that no other has to wait for it.
    """
    past = Nights(stack, after=BEFORE)
    ticked = (now().astimezone(ZONE) - TICK).date()
    backfill(past, [ticked])
    past.settle()
    return past


def deliver(past: Nights, count: int) -> list[date]:
    return [past.next() for _ in range(count)]


def publishers(past: Nights, nights: list[date]) -> list[str]:
    """Which run published each night's weather."""
    ledger = past.stage.ledger()
    owners = [ledger.owner(UnitId("weather", night)) for night in nights]
    return [ledger.entries[owner.run_key].receipt.run_id if owner else "" for owner in owners]


def backfilled(past: Nights, nights: list[date]) -> list[dict[str, Any]]:
    """The backfill's runs of these nights, oldest first, once they have ended."""

    def look() -> list[dict[str, Any]]:
        found = [run for run in past.airflow.runs(DAG) if run["run_type"] == "backfill"]
        return [run for run in found if nights[0].isoformat() <= str(run["logical_date"])[:10] <= nights[-1].isoformat()]

    ended = until(
        look, lambda runs: len(runs) == len(nights) and all(run["state"] in {"success", "failed"} for run in runs), "a backfill"
    )
    return sorted(ended, key=lambda run: str(run["logical_date"]))


def test_a_range_from_the_command_line_is_killed_and_begun_again_and_every_chunk_has_one_run(
    past: Nights, stack: Settings
) -> None:
    nights = deliver(past, 2)
    command = [sys.executable, "-c", "from lakeloop.cli.main import main; main()", "ingest", "flights", "--json"]
    command += ["--from", nights[0].isoformat(), "--to", nights[-1].isoformat(), "--chunk-days", "1"]
    env = os.environ | {"LAKELOOP_HOME": str(stack.home), "COLUMNS": "200"}
    head = past.stage.lake.head("main")
    planned, _ = at_a_terminal([*command, "--dry-run"], env)
    assert {(unit["doing"], unit["data_date"]) for unit in planned["units"] if unit["table"] == "weather"} == {
        ("publish", night.isoformat()) for night in nights
    }
    assert (asked(past, nights), past.stage.lake.head("main")) == ([], head), "a dry run does nothing"
    killed = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    first = until(lambda: asked(past, nights), bool, "the first chunk has a run")
    killed.send_signal(signal.SIGKILL)
    assert killed.wait(timeout=30) == -signal.SIGKILL
    done, shown = at_a_terminal(command, env)
    runs = asked(past, nights)
    assert done["ok"], done
    assert len(runs) == 2, "a run still going is followed, not doubled"
    assert set(first) < set(runs)
    assert publishers(past, nights) == sorted(runs)
    assert all(words in shown for words in ("1/2", f"{nights[1]} to {nights[1]}: {runs[0]}"))
    again, _ = at_a_terminal(command, env)
    assert again["verdict"] == "0 units published, 0 refused, in 0 runs, 2 chunks had nothing open"
    assert asked(past, nights) == runs
    assert past.attests()
    past.settle()


def test_a_backfill_of_a_night_publishes_it_and_leaves_the_next_one_alone(past: Nights) -> None:
    night, other = deliver(past, 2)
    backfill(past, [night])
    (run,) = backfilled(past, [night])
    assert run["state"] == "success", past.failed("ingest", run["dag_run_id"])
    assert publishers(past, [night, other]) == [run["dag_run_id"], ""]
    assert UnitId("weather", other) not in past.stage.ledger().landed, "its bytes are not taken in either"
    assert past.attests()
    past.settle()


@pytest.mark.more
def test_a_backfill_works_each_night_by_itself_though_a_task_is_killed_and_again_changes_nothing(past: Nights) -> None:
    nights = deliver(past, 3)
    backfill(past, nights)
    second = until(
        lambda: [run for run in past.airflow.runs(DAG) if str(run["logical_date"]).startswith(nights[1].isoformat())],
        bool, "the second night begins",
    )[0]["dag_run_id"]  # fmt: skip
    past.kill("ingest", second, "write")
    runs = backfilled(past, nights)
    assert [run["state"] for run in runs] == ["success"] * 3
    assert publishers(past, nights) == [run["dag_run_id"] for run in runs]
    merges = past.merges()
    tries = tries_of(past, runs)
    backfill(past, nights)
    again = backfilled(past, nights)
    past.settle()
    assert [(run["dag_run_id"], run["state"]) for run in again] == [(run["dag_run_id"], "success") for run in runs]
    assert all(after > before for before, after in zip(tries, tries_of(past, again), strict=True)), "each is worked once more"
    assert past.merges() == merges, "nights that are published are not published again"
    assert past.attests()


def tries_of(past: Nights, runs: list[dict[str, Any]]) -> list[int]:
    """How often the first task of each run was begun."""
    return [past.task("ingest", run["dag_run_id"], "intake").attempt for run in runs]


def backfill(past: Nights, nights: list[date]) -> None:
    """Asks for a backfill of these nights, as soon as the one before is closed: some seconds after its last run."""

    def ask() -> int:
        try:
            return past.airflow.backfill(DAG, nights[0], nights[-1], ZONE)
        except OrchestratorFailed as error:
            if not any(words in str(error) for words in ("409", "Database error")):
                raise
            return 0  # nothing was begun

    until(ask, bool, "the backfill before is closed, and another begins")


def asked(past: Nights, nights: list[date]) -> list[str]:
    """Runs by hand whose range lies within these nights."""
    first, last = nights[0].isoformat(), nights[-1].isoformat()
    found = [run for run in past.airflow.runs(DAG) if first <= (run["conf"] or {}).get("date_from", "") <= last]
    return [run["dag_run_id"] for run in found]


def at_a_terminal(command: list[str], env: dict[str, str]) -> tuple[dict[str, Any], str]:
    """What a command that ends well answers, and what a person sees meanwhile."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=theirs) as child:
        os.close(theirs)
        seen = b"".join(iter(lambda: read(ours), b"")).decode()
        os.close(ours)
        answer = child.stdout.read() if child.stdout else b""
    assert child.returncode == 0, seen
    found: dict[str, Any] = json.loads(answer)
    return found, seen


def read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # which is how Linux says that the other side is closed
        return b""
