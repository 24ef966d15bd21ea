"""`lakeloop deliveries` over a real lake and a real feed."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from lakeloop import wiring
from lakeloop.cli.main import app
from lakeloop.core.errors import NoSuchName
from tests.protocol.world import DAY_ONE, Address, deliver, found, ingest_all

D1, D2, D3 = (DAY_ONE + timedelta(days=n) for n in range(3))
A, B = {1: 1.0, 2: 2.0}, {1: 10.0, 2: 20.0}
Ask = Callable[..., Result]


@pytest.fixture
def ask(address: Address, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """Runs the command in a world."""
    monkeypatch.setattr(wiring, "case_names", lambda: ["toy"])
    monkeypatch.setattr(wiring, "case_ref", lambda name: f"tests.protocol.{name}:TOY")
    at = {
        "HOME": str(address.folder), "FEED": str(address.folder / "feed"), "REPOSITORY": address.repository,
        "LAKEFS_ENDPOINT": address.endpoint, "LAKEFS_ACCESS_KEY_ID": address.key, "LAKEFS_SECRET_ACCESS_KEY": address.secret,
    }  # fmt: skip
    env = {f"LAKELOOP_{name}": value for name, value in at.items()} | {"COLUMNS": "250"}
    return lambda *arguments: CliRunner().invoke(app, ["deliveries", *arguments], env=env)


def rows(answer: Result) -> list[tuple[Any, ...]]:
    return [(one["data_date"], one["delivery"], one["state"]) for one in json.loads(answer.stdout)]


def test_a_refused_file_and_its_correction_stand_side_by_side(address: Address, ask: Ask) -> None:
    p = found(address)
    deliver(address, D1, A, spoil=lambda body: body.replace(",", ";"))
    deliver(address, D2, A)
    ingest_all(p)
    deliver(address, D1, B, later=1)
    ingest_all(p, 2)
    deliver(address, D3, A)
    every = [
        (f"{D1}", 1, "refused"), (f"{D1}", 2, "published"), (f"{D2}", 1, "published"), (f"{D3}", None, "waiting"),
    ]  # fmt: skip
    assert rows(ask("--json")) == every
    assert rows(ask("--json", "--from", f"{D2}", "--to", f"{D2}")) == every[2:3]
    assert rows(ask("--json", "--state", "refused", "--case", "toy", "--table", "readings")) == every[:1]
    (refused,) = json.loads(ask("--json", "--state", "refused").stdout)
    assert "divides its columns by ';'" in refused["reason"]
    assert refused["next"].startswith("deliver it with ','")
    shown = ask()
    assert all(word in shown.stdout for word in ("toy readings", "refused", "published", "waiting", "divides its columns"))
    assert "1 refused, 2 published, 1 waiting" in shown.stderr


def test_what_is_no_delivery_is_named_and_an_unknown_case_is_a_sentence(address: Address, ask: Ask) -> None:
    found(address)
    deliver(address, D1, A)
    table = address.folder / "feed" / "toy" / "readings"
    (table / f"{D1}").rename(table / "tomorrow")
    (address.folder / "feed" / "tyo").mkdir()
    told = ask().stderr
    assert "2 folders in the feed of toy are no delivery:" in told
    assert "/tomorrow/1: tomorrow is no data date" in told
    assert "/tyo: there is no case tyo" in told
    for asked, words in (
        (("--case", "tpy"), "there is no case 'tpy', there are toy; nothing was listed"),
        (("--table", "reedings"), "toy has no table 'reedings'; it has readings, checks; nothing was listed"),
    ):
        done = ask(*asked)
        assert (type(done.exception), done.stdout, words in str(done.exception)) == (NoSuchName, "", True)
    assert ask("--table", "checks").stderr.endswith("no delivery\n")
