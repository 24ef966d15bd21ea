"""Lineage of a real night: as OpenLineage's events tell it, and as the command line does."""

from __future__ import annotations

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from lakeloop.cli.main import app
from lakeloop.core.lake import UnitId
from lakeloop.settings import Settings
from tests.integration.nights import CASE, Nights

pytestmark = [pytest.mark.stack, pytest.mark.timeout(1800)]


def told(stack: Settings, task: str) -> list[dict[str, Any]]:
    """What the file transport was given of a task's ends."""
    lines = (stack.home / "lineage" / "events.jsonl").read_text().splitlines()
    events = [json.loads(line) for line in lines]
    return [each for each in events if each["eventType"] == "COMPLETE" and each["job"]["name"] == f"{CASE}__{task}"]


def versions(datasets: list[dict[str, Any]]) -> dict[str, str]:
    """Dataset to the version it stands for."""
    return {each["name"]: each["facets"]["version"]["datasetVersion"] for each in datasets}


def test_events_name_each_table_version_that_a_night_read_and_wrote(nights: Nights, stack: Settings) -> None:
    night = nights.next()
    nights.play(night)
    owner = nights.stage.ledger().owner(UnitId("weather", night))
    assert owner is not None
    written = [
        each for each in told(stack, "ingest.publish") if versions(each["outputs"]).get("clean/flights/weather") == owner.commit
    ]
    assert len(written) == 1
    assert "landing/flights/weather" in versions(written[0]["inputs"])
    weather = next(each for each in written[0]["outputs"] if each["name"] == "clean/flights/weather")
    assert {each["name"]: each["type"] for each in weather["facets"]["schema"]["fields"]}["humid"] == "double"
    assert weather["facets"]["lakeloop"]["rows"] == owner.record.account.published
    scored = told(stack, "score.audit_scores")[-1]
    assert "clean/flights/weather" in versions(scored["inputs"])
    acted = told(stack, "watch.act")[-1]
    compared = {"clean/flights/schedule", "clean/flights/outcomes"}  # where the night's outcomes settle a date
    assert set(versions(acted["inputs"])) - compared == {"scores/flights"}
    assert set(versions(acted["outputs"])) == {"scores/flights", "watch/flights/verdicts", "watch/flights/profiles"}
    assert stack.lakefs_secret_access_key.get_secret_value() not in json.dumps([written, scored])


def test_the_command_goes_both_ways_from_a_table_and_from_a_commit(
    nights: Nights, stack: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAKELOOP_HOME", str(stack.home))
    ledger = nights.stage.ledger()
    night = max(ledger.scores)
    run_key = ledger.owners[UnitId("weather", night)][-1].run_key

    def asked(*words: str) -> list[dict[str, Any]]:
        answer = CliRunner().invoke(app, ["lineage", *words, "--json"])
        assert answer.exit_code == 0, answer.output
        found: list[dict[str, Any]] = json.loads(answer.stdout)
        return found

    links = asked("flights.weather", "--from", night.isoformat(), "--to", night.isoformat())
    assert {"from", "to"} == {each["way"] for each in links}
    assert any(each["what"].startswith(f"landing/flights/weather/{night}/1-") for each in links)
    assert any(each["what"] == "scores/flights" and each["dates"] == [night.isoformat()] for each in links)
    assert {each["run_key"] for each in asked(run_key[:12])} >= {run_key}
    assert any(each["what"] == "clean/flights/weather" for each in asked("flights.scores", "--from", night.isoformat()))
    acted, act = told(stack, "watch.act")[-1], ledger.scores[night].act
    for way, side in (("from", "inputs"), ("to", "outputs")):
        own = [each for each in acted[side] if each["facets"]["lakeloop"]["run_key"] == act]  # a task may merge more than once
        assert versions(own) == {each["what"]: each["commit"] for each in asked(act) if each["way"] == way}
