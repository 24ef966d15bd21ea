"""`lakeloop alerts`: what on-call sees when the channel is silent."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lakeloop.adapters.platform_db import PlatformDb
from lakeloop.adapters.platform_db.alerts import PlatformOutbox
from lakeloop.cli.main import app


@pytest.fixture
def outbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PlatformOutbox:
    monkeypatch.setenv("LAKELOOP_HOME", str(tmp_path))
    outbox = PlatformDb(f"sqlite:///{tmp_path / 'platform.db'}").outbox
    outbox.enqueue(key="k", severity="critical", title="it failed", body={"cause": "c"}, channel="#x")
    return outbox


def _run(*words: str) -> str:
    done = CliRunner().invoke(app, ["alerts", *words], catch_exceptions=False)
    assert done.exit_code == 0
    return done.stdout


def test_the_list_says_what_waits_and_why(outbox: PlatformOutbox) -> None:
    assert "not tried yet" in _run("list")
    outbox.failed(outbox.claim()[0], "Slack did not answer")
    (alert,) = json.loads(_run("list", "--json"))
    assert (alert["title"], alert["sent_at"], alert["last_error"]) == ("it failed", None, "Slack did not answer")


def test_the_list_says_what_was_sent(outbox: PlatformOutbox) -> None:
    outbox.sent(outbox.claim()[0].id)
    assert "sent 20" in _run("list")


def test_flushing_makes_what_backs_off_due(outbox: PlatformOutbox) -> None:
    outbox.failed(outbox.claim()[0], "Slack did not answer")
    assert json.loads(_run("flush", "--json")) == {"due": 1}
