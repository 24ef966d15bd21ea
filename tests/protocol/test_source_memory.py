"""A damaged delivery is read once, and again when it, the code or the limits are others."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path

import pytest

from lakeloop.adapters.folder_source import source as folder_files
from lakeloop.adapters.s3_source.bucket import Bucket
from lakeloop.core import announced
from lakeloop.core import feed as core_feed
from lakeloop.core.contract import FileLimits
from lakeloop.core.use_case import UseCase
from lakeloop.ports import Source
from tests.protocol.feeds import BODY, DAY, LONG_AGO, Feed
from tests.protocol.feeds import feed as feed  # the fixture
from tests.protocol.toy import TOY


@pytest.fixture
def damaged(feed: Feed, monkeypatch: pytest.MonkeyPatch) -> Feed:
    """A feed with a delivery of which a file is cut off, read a while after it was written."""
    monkeypatch.setattr(core_feed, "SETTLED_SECONDS", LONG_AGO)
    feed.deliver(sent={"a.csv": BODY[:-3]})
    assert seen(feed.source) == [None]
    return feed


def seen(source: Source, case: UseCase = TOY) -> list[str | None]:
    records = [arrival.seen() for arrival in source.walk(case).arrivals]
    return [record.damage if record else None for record in records]


def test_a_damaged_delivery_that_nobody_touched_is_known_unread(damaged: Feed) -> None:
    (bad,) = damaged.taken()
    (again,) = damaged.reopened().walk(TOY).arrivals
    assert again.seen() == bad.record
    assert bad.record.is_broken


@pytest.mark.parametrize(
    ("name", "content"), [("a.csv", BODY), ("manifest.json", b"{}"), ("a.csv", BODY[:-2])], ids=["mended", "promise", "as bad"]
)
def test_a_damaged_delivery_that_was_touched_is_read_again(damaged: Feed, name: str, content: bytes) -> None:
    damaged.taken()
    damaged.write(f"toy/readings/{DAY}/1/{name}", content)
    assert seen(damaged.reopened()) == [None]


def test_a_manifest_that_nobody_touched_is_read_once(feed: Feed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(core_feed, "SETTLED_SECONDS", LONG_AGO)
    for number in (1, 2):
        feed.deliver(f"readings/{DAY}/{number}", source=str(number))
    before, parsed = feed.taken(), list[bytes]()
    parse = announced.manifest_of
    monkeypatch.setattr(announced, "manifest_of", lambda content, *of: parsed.append(content) or parse(content, *of))
    assert [one.record for one in feed.reopened().walk(TOY).arrivals] == [one.record for one in before]
    assert parsed == []
    feed.deliver(f"readings/{DAY}/2", source="another")
    assert [one.record.source for one in feed.reopened().walk(TOY).arrivals] == ["1", "another"]
    assert len(parsed) == 1
    assert [(one.rows, one.record.damage) for one in feed.taken()] == [({"a.csv": 1}, "")] * 2, "by a manifest that was kept"


def test_a_manifest_is_held_against_the_limits_of_today(feed: Feed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(core_feed, "SETTLED_SECONDS", LONG_AGO)
    feed.deliver()
    assert [one.record.damage for one in feed.source.walk(TOY).arrivals] == [""]
    limits = TOY.tables[0].model_copy(update={"limits": FileLimits(size=1)})
    (small,) = feed.reopened().walk(TOY.model_copy(update={"tables": (limits,)})).arrivals
    assert small.record.damage_code == "too_much"


def test_a_file_that_the_manifest_does_not_name_is_remembered_with_its_delivery(
    feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(core_feed, "SETTLED_SECONDS", LONG_AGO)
    feed.deliver(sent={"b.csv": BODY})
    (more,) = feed.taken()
    assert seen(feed.reopened()) == [more.record.damage]
    feed.write(f"toy/readings/{DAY}/1/b.csv", BODY[:-1])
    assert seen(feed.reopened()) == [None]


def test_a_file_that_was_missing_and_comes_is_a_touch(damaged: Feed) -> None:
    damaged.deliver(f"readings/{DAY}/2", sent={"a.csv": None})
    damaged.taken()
    assert None not in seen(damaged.reopened())
    damaged.write(f"toy/readings/{DAY}/2/a.csv", BODY)
    assert [damage is None for damage in seen(damaged.reopened())] == [False, True]


def test_what_other_code_saw_or_other_limits_refused_is_read_again(damaged: Feed) -> None:
    damaged.taken()
    limits = TOY.tables[0].model_copy(update={"limits": FileLimits(size=1 << 20)})
    assert seen(damaged.reopened("n3w")) == seen(damaged.reopened(), TOY.model_copy(update={"tables": (limits,)})) == [None]


def test_a_file_that_was_touched_just_now_may_be_again_unseen(damaged: Feed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(core_feed, "SETTLED_SECONDS", -LONG_AGO)
    damaged.taken()
    monkeypatch.setattr(core_feed, "SETTLED_SECONDS", LONG_AGO)
    assert seen(damaged.reopened()) == [None]


def test_what_could_not_be_read_for_a_while_is_not_damaged_for_good(damaged: Feed, monkeypatch: pytest.MonkeyPatch) -> None:
    def closed(*_: object) -> bytes:
        raise PermissionError(errno.EACCES, "Permission denied")

    (arrival,) = damaged.source.walk(TOY).arrivals
    monkeypatch.setattr(folder_files, "read_plain", closed)
    monkeypatch.setattr(Bucket, "read", closed)
    assert "Permission denied" in arrival.take().record.damage
    assert seen(damaged.reopened()) == [None]


@pytest.mark.parametrize("harm", [Path.unlink, lambda file: file.write_bytes(b"no database")], ids=["wiped", "torn"])
def test_without_its_memory_a_source_reads_again(damaged: Feed, harm: Callable[[Path], object]) -> None:
    (before,) = damaged.taken()
    harm(damaged.memory)
    assert seen(damaged.reopened()) == [None]
    (after,) = damaged.taken()
    assert after == before
    assert seen(damaged.reopened()) == [before.record.damage]
