"""Nights of the past through the real Airflow: its own backfill, and `lakeloop ingest`; killed, begun again, and done once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from datetime import date
from typing import Any

import pytest

from lakeloop.core.errors import OrchestratorFailed
from lakeloop.core.lake import UnitId
from lakeloop.settings import Settings
from tests.integration.nights import Nights, until
from use_cases.flights.feed import ZONE

pytestmark = [pytest.mark.more, pytest.mark.stack, pytest.mark.timeout(2400)]
DAG = "flights__ingest"
BEFORE = date(2013, 2, 1)  # nobody scores these nights: they are before any champion


@pytest.fixture(scope="module")
def past(stack: Settings) -> Nights:
    """Nights that no other test works."""
    return Nights(stack, after=BEFORE)


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


def test_a_backfill_works_each_night_by_itself_though_a_task_is_killed_and_again_changes_nothing(past: Nights) -> None:
    nights = deliver(past, 3)
    past.airflow.backfill(DAG, nights[0], nights[-1], ZONE)
    second = until(
        lambda: [run for run in past.airflow.runs(DAG) if str(run["logical_date"]).startswith(nights[1].isoformat())],
        bool, "the second night begins",
    )[0]["dag_run_id"]  # fmt: skip
    past.kill("ingest", second, "write")
    runs = backfilled(past, nights)
    assert [run["state"] for run in runs] == ["success"] * 3
    assert publishers(past, nights) == [run["dag_run_id"] for run in runs]
    merges = past.merges()
    until(lambda: asked_again(past, nights), bool, "the first backfill is closed, and another begins")
    past.settle()
    assert past.merges() == merges, "nights that are published are not published again"
    assert past.attests()


def test_a_range_from_the_command_line_is_killed_and_begun_again_and_every_chunk_has_one_run(
    past: Nights, stack: Settings
) -> None:
    nights = deliver(past, 4)
    command = [
        sys.executable,
        "-c",
        "from lakeloop.cli.main import main; main()",
        "ingest",
        "flights",
        "--chunk-days",
        "2",
        "--json",
    ]
    command += ["--from", nights[0].isoformat(), "--to", nights[-1].isoformat()]
    env = os.environ | {"LAKELOOP_HOME": str(stack.home)}
    planned = said(subprocess.run([*command, "--dry-run"], check=False, capture_output=True, text=True, env=env, timeout=120))
    assert {unit["doing"] for unit in planned["units"]} == {"publish"}
    first = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until(lambda: asked(past, nights), bool, "the first chunk has a run")
    first.send_signal(signal.SIGKILL)
    first.wait(timeout=30)
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=env, timeout=1200)
    ended = said(done)
    assert (done.returncode, ended["ok"]) == (0, True), done.stderr
    assert all(publishers(past, nights))
    assert len(asked(past, nights)) == 2, "a run still going is followed, not doubled"
    again = said(subprocess.run(command, check=False, capture_output=True, text=True, env=env, timeout=120))
    assert again["verdict"].endswith("2 chunks had nothing open")
    assert len(asked(past, nights)) == 2


def asked_again(past: Nights, nights: list[date]) -> int:
    """The id of another backfill of the same nights; Airflow closes the one before some seconds after its last run."""
    try:
        return past.airflow.backfill(DAG, nights[0], nights[-1], ZONE)
    except OrchestratorFailed as error:
        if "409" not in str(error):
            raise
        return 0


def asked(past: Nights, nights: list[date]) -> list[str]:
    """Runs by hand whose range lies within these nights."""
    first, last = nights[0].isoformat(), nights[-1].isoformat()
    found = [run for run in past.airflow.runs(DAG) if first <= (run["conf"] or {}).get("date_from", "") <= last]
    return [run["dag_run_id"] for run in found]


def said(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert done.stdout, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found
