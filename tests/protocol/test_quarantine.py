"""`lakeloop quarantine` after the past was corrected: only what is still out stands there, the rest is told of."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from lakeloop.cli.main import app
from tests.protocol.test_restatement import with_contract
from tests.protocol.world import DAY_ONE, Address, assert_accounted, clean_rows, deliver, found, ingest_all

D1, D2 = (DAY_ONE + timedelta(days=n) for n in range(2))
COLD, WARM = {1: 1.0, 2: 2.0, 3: -3.0}, {1: 1.0, 2: 2.0}
Ask = Callable[..., Result]


@pytest.fixture
def ask(address: Address, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """Runs the command in a world, in which a value under zero breaks a rule."""
    at = {
        "HOME": str(address.folder), "REPOSITORY": address.repository, "LAKEFS_ENDPOINT": address.endpoint,
        "LAKEFS_ACCESS_KEY_ID": address.key, "LAKEFS_SECRET_ACCESS_KEY": address.secret,
    }  # fmt: skip
    for name, value in at.items():
        monkeypatch.setenv(f"LAKELOOP_{name}", value)
    monkeypatch.setattr("tests.protocol.delta_runner.LOWEST", 0.0)
    return lambda *arguments: CliRunner().invoke(app, ["quarantine", *arguments], env={"COLUMNS": "200"})


def listed(done: Result) -> list[tuple[Any, ...]]:
    assert done.exit_code == 0, done.output
    return [(one["data_date"], one["standing"]) for one in json.loads(done.stdout)]


def test_what_a_replay_published_is_left_out_and_told_of(address: Address, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    p = found(address)
    deliver(address, D1, COLD)
    deliver(address, D2, COLD)
    key = ingest_all(p)["run_key"]
    before = p.lake.head("main")
    assert listed(ask("list", "--json")) == [(f"{D1}", "current"), (f"{D2}", "current")]
    monkeypatch.setattr("tests.protocol.delta_runner.LOWEST", -5.0)  # the mended rule
    ingest_all(with_contract(p, 2), replay="a freezer may be colder", date_from=D1, date_to=D1, actor="ann")
    assert clean_rows(p) == {D1: COLD, D2: WARM}
    assert_accounted(p)
    for what in ("list", "show"):
        done = ask(what, "--json")
        assert listed(done) == [(f"{D2}", "current")]
        assert "left out: 1 row no longer standing (1 replaced); --all shows them" in done.stderr
        every = ask(what, "--json", "--all")
        assert listed(every) == [(f"{D1}", "replaced"), (f"{D2}", "current")]
        assert "left out" not in every.stderr
        assert key[:12] in ask(what).stdout
        assert "replaced" in ask(what, "--all").stdout
        assert listed(ask(what, "--json", "--ref", before)) == [(f"{D1}", "current"), (f"{D2}", "current")]


def test_a_refused_delivery_stands_until_its_repair_and_a_reason_that_was_left_out_is_no_mistake(
    address: Address, ask: Ask
) -> None:
    p = found(address)
    deliver(address, D1, {1: 1.0})
    ingest_all(p)
    assert listed(ask("show", "--json")) == [(f"{D1}", "refused")]
    deliver(address, D1, WARM, later=1)
    ingest_all(p, 2)
    done = ask("list", "--json", "--reason", "refused")
    assert listed(done) == []
    assert "1 row no longer standing (1 replaced)" in done.stderr
    assert "the reasons they have are" not in done.stderr
