"""`lakeloop deliveries` over a real lake and a real feed."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from typer.testing import CliRunner, Result

from lakeloop import wiring
from lakeloop.adapters.s3_source import S3Source
from lakeloop.cli.main import app
from lakeloop.core.errors import ConfigurationError, NoSuchName
from lakeloop.core.words import spelled
from lakeloop.settings import Settings
from lakeloop.stack.lakefs import LakefsServer
from tests.naughty import NO_TEXT, PLAIN_TEXT, is_plain
from tests.protocol.feeds import Feed, s3_feed
from tests.protocol.toy import TOY
from tests.protocol.world import DAY_ONE, Address, assert_whole, clean_rows, deliver, found, ingest_all

D1, D2, D3 = (DAY_ONE + timedelta(days=n) for n in range(3))
A, B = {1: 1.0, 2: 2.0}, {1: 10.0, 2: 20.0}
Ask = Callable[..., Result]
WITHOUT_CHECKS = TOY.model_copy(update={"tables": TOY.tables[:1]})


@pytest.fixture
def ask(address: Address, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """Runs the command in a world."""
    monkeypatch.setattr(wiring, "case_names", lambda: ["toy"])
    monkeypatch.setattr(wiring, "case_ref", lambda name: f"tests.protocol.{name}:TOY")
    at = {
        "HOME": str(address.folder), "FEED": str(address.folder / "feed"), "REPOSITORY": address.repository,
        "LAKEFS_ENDPOINT": address.endpoint, "LAKEFS_ACCESS_KEY_ID": address.key, "LAKEFS_SECRET_ACCESS_KEY": address.secret,
    }  # fmt: skip
    for name, value in at.items():
        monkeypatch.setenv(f"LAKELOOP_{name}", value)
    return lambda *arguments: CliRunner().invoke(app, ["deliveries", *arguments], env={"COLUMNS": "250"})


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


def test_a_table_that_left_the_contract_is_listed_with_what_it_brought(
    address: Address, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    p = found(address)
    deliver(address, D1, A)
    deliver(address, D1, A, table="checks")
    ingest_all(p)
    monkeypatch.setattr(wiring, "case_ref", lambda name: f"{__name__}:WITHOUT_CHECKS")
    assert rows(ask("--json", "--table", "checks")) == [(f"{D1}", 1, "published")]
    for words in (PLAIN_TEXT["SQL"], PLAIN_TEXT["traversal"], NO_TEXT["a title"], NO_TEXT["5 MB"]):
        done = ask("--table", words)
        assert isinstance(done.exception, NoSuchName), done.output
        assert is_plain(spelled(str(done.exception)))
    assert "toy has no table 'cheks'; it has readings, checks; nothing" in str(ask("--table", "cheks").exception)


@pytest.mark.parametrize("option", [(), ("--table", "readings")])
def test_another_case_that_cannot_be_loaded_is_not_asked(
    ask: Ask, monkeypatch: pytest.MonkeyPatch, address: Address, option: tuple[str, ...]
) -> None:
    found(address)
    monkeypatch.setattr(wiring, "case_names", lambda: ["broken", "toy"])
    assert ask("--case", "toy", *option).exception is None
    assert isinstance(ask(*option).exception, ConfigurationError)


def test_what_arrives_in_a_bucket_is_landed_published_and_listed_as_from_a_folder(
    address: Address, ask: Ask, lakefs_server: LakefsServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    bucket = s3_feed(lakefs_server, tmp_path / "feed.db")
    for name, value in in_bucket(address, bucket).items():
        monkeypatch.setenv(f"LAKELOOP_FEED{name}", value)
    p = replace(found(address), source=wiring.source_of(Settings.load()))
    send(address, bucket, D1, A)
    send(address, bucket, D2, A, damaged=True)
    done = ingest_all(p)
    assert (done["published"], done["refused"], clean_rows(p)) == (1, 1, {D1: A})
    assert "bytes" in done["refusals"][0]
    kept = f"landing/toy/readings/{D1}/"
    assert {path.rpartition("/")[2] for path in p.lake.list("main", kept)} == {"readings.csv", "manifest.json"}
    assert ingest_all(p, 2)["nothing_to_do"]
    send(address, bucket, D3, B)
    assert rows(ask("--json")) == [(f"{D1}", 1, "published"), (f"{D2}", 1, "refused"), (f"{D3}", None, "waiting")]
    ingest_all(p, 3)
    assert clean_rows(p) == {D1: A, D3: B}
    assert_whole(p)


def in_bucket(address: Address, bucket: Feed) -> dict[str, str]:
    """The settings of a feed that is a bucket."""
    root = cast("S3Source", bucket.source)._bucket.root
    keys = {"_ACCESS_KEY_ID": address.key, "_SECRET_ACCESS_KEY": address.secret, "_REGION": "us-east-1"}
    return {"": f"s3://{root}", "_ENDPOINT": address.endpoint, **keys}


def send(address: Address, bucket: Feed, day: date, values: dict[int, float], *, damaged: bool = False) -> None:
    """The delivery as a folder would have it, its manifest last."""
    deliver(address, day, values, damaged=damaged)
    feed = address.folder / "feed"
    for name in ("readings.csv", "manifest.json"):
        (file,) = (feed / "toy" / "readings" / f"{day}").glob(f"*/{name}")
        bucket.write(str(file.relative_to(feed)), file.read_bytes())
