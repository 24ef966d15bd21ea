"""`lakeloop retention` on a real lake: what is said and what is done are the same, and dead bytes are what storage holds."""

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from lakeloop import wiring
from lakeloop.cli.main import app
from lakeloop.settings import Settings
from lakeloop.stack.lakefs import LakefsServer
from lakeloop.stack.storage import storage_of
from lakeloop.steps.platform import Platform
from tests.protocol.test_retention import keeping, lake_of
from tests.protocol.test_retention import p as p  # the fixture
from tests.protocol.world import Address, assert_whole


@pytest.fixture
def settings(p: Platform, address: Address, lakefs_server: LakefsServer, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The command's own way to the world of the test, whose case keeps bytes for a day."""
    told = {
        "HOME": str(lakefs_server.home), "LAKEFS_ENDPOINT": address.endpoint, "LAKEFS_ACCESS_KEY_ID": address.key,
        "LAKEFS_SECRET_ACCESS_KEY": address.secret, "REPOSITORY": address.repository,
    }  # fmt: skip
    for name, value in told.items():
        monkeypatch.setenv(f"LAKELOOP_{name}", value)
    monkeypatch.setattr(wiring, "case_names", lambda: ["toy"])
    monkeypatch.setattr(wiring, "load_case", lambda _: keeping())
    return Settings.load()


def asked(*arguments: str) -> Any:
    done = CliRunner().invoke(app, ["retention", *arguments, "--json"])
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_a_dry_run_says_what_apply_does_and_changes_nothing(p: Platform, settings: Settings) -> None:
    before = p.lake.head("main")
    said = asked()
    assert p.lake.head("main") == before
    assert {one["what"] for one in said["due"]} == {"landing"}
    assert said["applied"] == {}
    done = asked("toy", "--apply", "--reason", "tidy")
    assert done["due"] == said["due"]
    assert "6 objects of toy removed" in done["applied"]["toy"]["summary"]
    assert asked()["due"] == []
    assert done["storage"]["dead_size"] >= said["storage"]["dead_size"] + sum(one["size"] for one in said["due"])
    assert_whole(p)


def test_for_people_it_is_a_table_and_a_sentence(p: Platform, settings: Settings) -> None:
    done = CliRunner().invoke(app, ["retention"])
    assert "a dry run: 6 objects" in done.output
    assert "open-source lakeFS collects no local storage" in done.output


def test_dead_bytes_are_those_that_no_branch_and_no_tag_refers_to(p: Platform, settings: Settings) -> None:
    lake, before = lake_of(p), storage_of(p.lake, settings)  # type: ignore[arg-type]
    lake.create_branch("mine", "main")
    lake.put("mine", "note", b"x" * 1000)
    staged = storage_of(lake, settings)
    lake.delete_branch("mine")
    dropped = storage_of(lake, settings)
    assert before is not None
    assert staged is not None
    assert 0 < before.dead_objects < before.objects
    assert staged == before._replace(objects=before.objects + 1, size=before.size + 1000)
    assert dropped == staged._replace(dead_objects=before.dead_objects + 1, dead_size=before.dead_size + 1000)
    assert storage_of(lake, settings.model_copy(update={"lake_storage": "s3://bucket/lake"})) is None
