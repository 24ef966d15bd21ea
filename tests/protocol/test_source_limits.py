"""What is read of a delivery, however much of it there is: no more than its contract takes, and nothing of what still grows."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from pyarrow.fs import FileInfo

from lakeloop.adapters.folder_source import plain_files
from lakeloop.adapters.s3_source import S3Source
from lakeloop.core.contract import FileLimits
from lakeloop.core.errors import StillArriving
from tests.protocol.feeds import BODY, DAY, Feed
from tests.protocol.feeds import feed as feed  # the fixture
from tests.protocol.toy import TOY


def test_a_hundred_thousand_files_are_refused_by_their_manifest(feed: Feed) -> None:
    names = [{"name": f"{n}.csv", "sha256": "0" * 64, "size": 1, "rows": 0} for n in range(100_000)]
    feed.deliver(files=names, rows=0)
    (one,) = feed.taken()
    assert "announces 100000 files, the contract's limit is 1000 files; its files were not taken in" in one.record.damage
    assert (one.record.damage_code, one.record.files, set(one.contents)) == ("too_much", (), {"manifest.json"})


@pytest.mark.parametrize("feed", ["folder"], indirect=True)
def test_of_a_hundred_thousand_tiny_files_no_more_are_read_than_a_delivery_may_bring(feed: Feed, tmp_path: Path) -> None:
    feed.deliver()
    for n in range(100_000):
        (tmp_path / "feed" / "toy" / "readings" / DAY / "1" / f"{n}.csv").touch()
    (one,) = feed.taken()
    assert one.record.damage.startswith("0.csv stands beside its manifest and not in it. Next: ")
    assert len(one.contents) == TOY.tables[0].limits.files + len(["manifest.json"])


def test_more_bytes_than_the_contract_takes_are_not_read(feed: Feed) -> None:
    table = TOY.tables[0].model_copy(update={"limits": FileLimits(size=10, files=2)})
    case = TOY.model_copy(update={"tables": (table,)})
    feed.deliver()
    feed.deliver(f"readings/{DAY}/2", files=[{"name": "a.csv", "sha256": "0" * 64, "size": 1, "rows": 1}])
    feed.deliver(f"readings/{DAY}/3", sent={"b.csv": b"", "c.csv": b""}, rows="many")
    announced, understated, crowd = feed.taken(case)
    assert "announces 15 bytes, the contract's limit is 10 bytes" in announced.record.damage
    assert "a.csv cannot be read (has 15 bytes, 10 may be taken in)" in understated.record.damage
    assert [set(one.contents) for one in (announced, understated, crowd)] == [{"manifest.json"}] * 3


def test_a_file_that_grows_while_it_is_read_waits(feed: Feed, monkeypatch: pytest.MonkeyPatch) -> None:
    feed.deliver()
    (arrival,) = feed.source.walk(TOY).arrivals
    between_looks(monkeypatch, feed, lambda: feed.write(f"toy/readings/{DAY}/1/a.csv", BODY + b"2,2.0\n"))
    with pytest.raises(StillArriving, match="waits for the next run"):
        arrival.take()
    monkeypatch.undo()
    assert "21 bytes" in feed.taken()[0].record.damage


def test_the_bytes_of_a_delivery_are_known_before_it_is_read_whatever_its_sender_says(feed: Feed) -> None:
    feed.deliver(sent={"a.csv": BODY * 100})
    feed.deliver(f"readings/{DAY}/2", sent={"a.csv": None})
    larger, absent = feed.source.walk(TOY).arrivals
    contents = larger.take().contents
    assert larger.size() == sum(map(len, contents.values())) > 100 * len(BODY)
    assert absent.size() == len(absent.take().contents["manifest.json"])


def between_looks(monkeypatch: pytest.MonkeyPatch, feed: Feed, grow: Callable[[], None]) -> None:
    """Lets the supplier write after the first look at a.csv, and before the last."""
    if isinstance(feed.source, S3Source):
        first, looks = feed.source._bucket._info, itertools.count()

        def info(where: str) -> FileInfo:
            found = first(where)
            if where.endswith("a.csv") and next(looks) == 0:
                grow()
            return found

        monkeypatch.setattr(feed.source._bucket, "_info", info)
    else:
        check, looks = plain_files._check, itertools.count()

        def checked(found: os.stat_result, name: str) -> None:
            check(found, name)
            if name == "a.csv" and next(looks) == 1:  # it was looked at by name, and now as it is open
                grow()

        monkeypatch.setattr(plain_files, "_check", checked)
