"""A feed is a folder or a bucket, and the same deliveries in either are the same arrivals."""

from __future__ import annotations

import errno
import hashlib
import itertools
import json
import os
from collections.abc import Callable
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest
from pyarrow.fs import FileInfo, FileSelector, LocalFileSystem, S3FileSystem

from lakeloop.adapters.feed_memory import FeedMemory
from lakeloop.adapters.folder_source import FolderSource, plain_files
from lakeloop.adapters.folder_source import source as folder_files
from lakeloop.adapters.lakefs_lake import LakeFSLake
from lakeloop.adapters.s3_source import S3Source
from lakeloop.adapters.s3_source.bucket import Bucket
from lakeloop.core import feed as core_feed
from lakeloop.core.contract import FileLimits
from lakeloop.core.errors import SourceFailed, StillArriving
from lakeloop.core.promise import digest_of
from lakeloop.core.use_case import UseCase
from lakeloop.ports import Memory, Source, Taken
from lakeloop.stack.lakefs import LakefsServer
from tests.protocol.toy import TOY

DAY = "2024-03-01"
BODY = b"id,value\n1,1.0\n"
LONG_AGO = -3600.0  # as if everything had been written before that
_numbers = itertools.count(1)


class Feed:
    """A feed that a supplier can write to, and the source that reads it."""

    def __init__(self, opened: Callable[[Memory], Source], memory: Path, write: Callable[[str, bytes], None]) -> None:
        self._opened, self.memory, self.write = opened, memory, write
        self.source = self.reopened()

    def reopened(self, code: str = "c0de") -> Source:
        """The source as another process opens it."""
        return self._opened(FeedMemory(self.memory, code))

    def deliver(self, folder: str = f"readings/{DAY}/1", sent: dict[str, bytes | None] | None = None, **said: Any) -> None:
        """A delivery of one file, as it is sent and as its manifest says."""
        table, day, _ = folder.split("/")
        file = {"name": "a.csv", "sha256": hashlib.sha256(BODY).hexdigest(), "size": len(BODY), "rows": 1}
        manifest = {
            "table": table, "data_date": day, "files": [file], "rows": 1, "source": "s", "delivered_at": "2024-02-29T20:00:00Z",
        }  # fmt: skip
        for name, content in ({"a.csv": BODY} | (sent or {})).items():
            if content is not None:
                self.write(f"toy/{folder}/{name}", content)
        self.write(f"toy/{folder}/manifest.json", json.dumps(manifest | said).encode())

    def taken(self, case: UseCase = TOY) -> list[Taken]:
        """Everything that arrived, read."""
        return [arrival.take() for arrival in self.source.arrivals(case)]


@pytest.fixture(params=["folder", "s3"])
def feed(request: pytest.FixtureRequest, tmp_path: Path) -> Feed:
    memory, root = tmp_path / "cache" / "feed.db", tmp_path / "feed"
    if request.param == "s3":
        return s3_feed(request.getfixturevalue("lakefs_server"), memory)
    root.mkdir()
    opened = partial(FolderSource, root, cases=("toy", "tiny"))
    return Feed(opened, memory, lambda path, content: written(LocalFileSystem(), f"{root}/{path}", content))


def s3_feed(server: LakefsServer, memory: Path) -> Feed:
    bucket = f"supplier-{next(_numbers)}"
    LakeFSLake(server.endpoint, server.access_key_id, server.secret_access_key, bucket).create_repository(f"local://{bucket}")
    keys = {"access_key": server.access_key_id, "secret_key": server.secret_access_key}
    files = S3FileSystem(**keys, endpoint_override=server.endpoint.partition("://")[2], scheme="http", region="us-east-1")
    root = f"{bucket}/main/in"
    opened = partial(source_in, server, f"s3://{root}")
    return Feed(opened, memory, lambda path, content: written(files, f"{root}/{path}", content))


def source_in(server: LakefsServer, address: str, memory: Memory, secret: str = "") -> S3Source:
    keys = server.access_key_id, secret or server.secret_access_key
    return S3Source(address, memory, ("toy", "tiny"), server.endpoint, *keys, "us-east-1")


def written(files: Any, path: str, content: bytes) -> None:
    if isinstance(files, LocalFileSystem):
        files.create_dir(path.rpartition("/")[0])
    with files.open_output_stream(path) as out:
        out.write(content)


def test_a_whole_delivery_is_what_its_manifest_says(feed: Feed) -> None:
    feed.deliver()
    (one,) = feed.taken()
    assert (one.record.table, one.record.data_date, one.record.damage) == ("readings", date(2024, 3, 1), "")
    assert one.record.sha256 == digest_of({"a.csv": hashlib.sha256(BODY).hexdigest()})
    assert (one.contents["a.csv"], set(one.contents), one.rows) == (BODY, {"a.csv", "manifest.json"}, {"a.csv": 1})


def test_an_empty_feed_brings_nothing(feed: Feed) -> None:
    assert (feed.taken(), list(feed.source.strays(TOY))) == ([], [])


def test_without_its_manifest_a_delivery_is_not_complete(feed: Feed) -> None:
    feed.write(f"toy/readings/{DAY}/1/a.csv", BODY)
    feed.write(f"toy/readings/{DAY}/2/deeper/a.csv", BODY)
    assert (feed.taken(), list(feed.source.strays(TOY))) == ([], [])


def test_deliveries_of_a_date_come_in_the_order_of_their_numbers(feed: Feed) -> None:
    for number in (10, 9, 2):
        feed.deliver(f"readings/{DAY}/{number}", source=str(number))
    assert [one.record.source for one in feed.taken()] == ["2", "9", "10"]


IN_ITS_PLACE = "a delivery's stands 3 below: <table>/<data date>/<number>"
MISPLACED = {
    f"toy/reedings/{DAY}/1": "toy has no table reedings; is it readings?",
    f"toy/Readings/{DAY}/1": "toy has no table Readings; is it readings?",
    f"toy/weather/{DAY}/1": "toy has no table weather",
    "toy/readings/20240301/1": "20240301 is no data date: one is written YYYY-MM-DD, of the years 1900 to 2199",
    "toy": f"its manifest stands in toy itself, {IN_ITS_PLACE}",
    f"toy/readings/{DAY}": f"its manifest stands 2 folders below toy, {IN_ITS_PLACE}",
    f"toy/readings/{DAY}/night/1": f"its manifest stands 4 folders below toy, {IN_ITS_PLACE}",
    "": "its manifest stands in the feed itself, a delivery's in <case>/<table>/<data date>/<number>",
}


@pytest.mark.parametrize(("folder", "why"), MISPLACED.items())
def test_a_manifest_that_leads_to_no_table_and_date_is_a_stray(feed: Feed, folder: str, why: str) -> None:
    feed.deliver()
    for name in ("a.csv", "manifest.json"):
        feed.write(f"{folder}/{name}".removeprefix("/"), b"{}")
    assert len(feed.taken()) == 1
    (stray,) = feed.source.strays(TOY)
    assert (stray.why, stray.path.endswith(folder)) == (why, True)


def test_a_folder_of_no_case_is_a_stray_whatever_stands_in_it(feed: Feed) -> None:
    feed.deliver()
    for folder in ("TOY/readings", "tyo", "archive/2023", f"tiny/sales/{DAY}/1"):
        feed.write(f"{folder}/a.csv", BODY)
    feed.write("notes.txt", b"of no case, and no folder")
    strays = {one.path.rpartition("/")[2]: one.why for one in feed.source.strays(TOY)}
    there = "there is tiny, toy"
    assert strays == {
        "TOY": f"there is no case TOY, {there}; is it toy?",
        "archive": f"there is no case archive, {there}",
        "tyo": f"there is no case tyo, {there}; is it toy?",
    }


def test_a_delivery_inside_another_is_a_stray_and_no_file_of_the_other(feed: Feed) -> None:
    feed.deliver(sent={"2/a.csv": BODY, "2/more/b.csv": BODY, "2/manifest.json": b"{}"})
    (outer,) = feed.taken()
    (stray,) = feed.source.strays(TOY)
    assert (outer.record.damage, stray.why) == ("", f"its manifest stands 4 folders below toy, {IN_ITS_PLACE}")


@pytest.mark.parametrize(
    ("sent", "said", "why"),
    [
        ({"a.csv": BODY[:-3]}, {}, "a.csv has 12 bytes, its manifest says 15"),
        ({"a.csv": BODY.replace(b"1.0", b"2.0")}, {}, "another sha256"),
        ({"a.csv": None}, {}, "a.csv cannot be read (No such file or directory)"),
        ({}, {"files": [{"name": "../../a.csv", "sha256": "0" * 64, "size": 1, "rows": 1}]}, "files.0.name"),
        ({}, {"rows": 7}, "7 rows are not the 1 of its files"),
        ({}, {"table": "others"}, "speaks of 'others'"),
    ],
)
def test_a_broken_promise_is_damage(feed: Feed, sent: dict[str, bytes | None], said: dict[str, Any], why: str) -> None:
    feed.deliver(sent=sent, **said)
    feed.deliver(f"readings/{DAY}/2")
    bad, good = feed.taken()
    assert why in bad.record.damage
    assert (bad.record.is_broken, good.record.damage) == (True, "")
    assert "manifest.json" in bad.contents


def test_a_data_file_that_the_manifest_does_not_name_is_kept_and_refuses_its_delivery(feed: Feed) -> None:
    feed.deliver(sent={"b.csv": BODY, "_SUCCESS": b"", ".b.csv.crc": b"x"})
    feed.deliver(f"readings/{DAY}/2", sent={"_SUCCESS": b"", "notes.txt": b"x"})
    more, plain = feed.taken()
    assert more.record.damage.startswith("b.csv stands beside its manifest and not in it. Next: ")
    assert (more.record.files, more.record.is_broken) == (("a.csv", "b.csv"), True)
    assert more.contents["b.csv"] == BODY
    assert (plain.record.damage, set(plain.contents)) == ("", {"a.csv", "manifest.json"})


def test_a_data_file_in_a_folder_beside_the_manifest_is_kept_and_refuses_its_delivery(feed: Feed) -> None:
    feed.deliver(sent={"sub/deeper/b.csv": BODY, "sub/_SUCCESS": b""})
    feed.deliver(f"readings/{DAY}/2", sent={"sub/notes.txt": b"x"})
    more, plain = feed.taken()
    assert more.record.damage.startswith("sub/deeper/b.csv stands beside its manifest and not in it. Next: ")
    assert (more.record.files, more.record.is_broken) == (("a.csv", "sub/deeper/b.csv"), True)
    assert more.contents["sub/deeper/b.csv"] == BODY
    assert (plain.record.damage, set(plain.contents)) == ("", {"a.csv", "manifest.json"})


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


def test_a_name_that_is_no_plain_text_stops_nobody(feed: Feed) -> None:
    feed.deliver(sent={"a.csv": None, "b of +1% é?.csv": BODY}, rows="many")
    (one,) = feed.taken()
    assert one.record.files == ("b%20of%20%2B1%25%20%C3%A9%3F.csv",)


def test_a_file_that_grows_while_it_is_read_waits(feed: Feed, monkeypatch: pytest.MonkeyPatch) -> None:
    feed.deliver()
    (arrival,) = feed.source.arrivals(TOY)
    between_looks(monkeypatch, feed, lambda: feed.write(f"toy/readings/{DAY}/1/a.csv", BODY + b"2,2.0\n"))
    with pytest.raises(StillArriving, match="waits for the next run"):
        arrival.take()
    monkeypatch.undo()
    assert "21 bytes" in feed.taken()[0].record.damage


def test_the_bytes_of_a_delivery_are_known_before_it_is_read_whatever_its_sender_says(feed: Feed) -> None:
    feed.deliver(sent={"a.csv": BODY * 100})
    feed.deliver(f"readings/{DAY}/2", sent={"a.csv": None})
    larger, absent = feed.source.arrivals(TOY)
    contents = larger.take().contents
    assert larger.size() == sum(map(len, contents.values())) > 100 * len(BODY)
    assert absent.size() == len(absent.take().contents["manifest.json"])


class Asked:
    """A client that tells what it was asked for: listings and looks at one object."""

    def __init__(self, files: S3FileSystem) -> None:
        self._files, self.asked, self.read = files, list[type](), list[str]()

    def get_file_info(self, what: str | FileSelector) -> FileInfo | list[FileInfo]:
        self.asked.append(type(what))
        return self._files.get_file_info(what)

    def open_input_stream(self, path: str) -> Any:
        self.read.append(path.rpartition(f"/{DAY}/")[2])
        return self._files.open_input_stream(path)


@pytest.mark.parametrize(
    "key", [f"toy//readings/{DAY}/2/manifest.json", f"toy/../readings/{DAY}/2/a.csv", f"toy/readings/{DAY}/1//b.csv"]
)
def test_a_key_that_no_folder_could_have_is_a_stray(lakefs_server: LakefsServer, tmp_path: Path, key: str) -> None:
    feed = s3_feed(lakefs_server, tmp_path / "feed.db")
    feed.deliver()
    repository, _, prefix = cast("S3Source", feed.source)._bucket.root.split("/")
    lake = LakeFSLake(lakefs_server.endpoint, lakefs_server.access_key_id, lakefs_server.secret_access_key, repository)
    lake.put("main", f"{prefix}/{key}", BODY)  # the S3 client writes no such key, others do
    assert [one.record.damage for one in feed.taken()] == [""]
    (stray,) = feed.source.strays(TOY)
    assert (stray.path.partition("/in/")[2], stray.why[:20]) == (key.rpartition("/")[0], "a name in its key is")


def test_a_bucket_is_listed_once_for_strays_and_arrivals_and_its_manifests_are_not_looked_at(
    lakefs_server: LakefsServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    feed = s3_feed(lakefs_server, tmp_path / "feed.db")
    feed.deliver()
    bucket = cast("S3Source", feed.source)._bucket
    client = Asked(bucket._files)
    monkeypatch.setattr(bucket, "_files", client)
    assert list(feed.source.strays(TOY)) == []
    assert len(list(feed.source.arrivals(TOY))) == 1
    assert client.asked == [FileSelector] * 2  # what stands below the case, and which cases there are
    feed.deliver(f"readings/{DAY}/2")
    assert len(list(feed.source.arrivals(TOY))) == 2  # a listing serves once


def test_a_manifest_that_was_read_is_not_read_again_until_it_is_written_again(
    lakefs_server: LakefsServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(core_feed, "SETTLED_SECONDS", LONG_AGO)
    feed = s3_feed(lakefs_server, tmp_path / "feed.db")
    for number in (1, 2):
        feed.deliver(f"readings/{DAY}/{number}", source=str(number))
    before = feed.taken()
    source = cast("S3Source", feed.reopened())
    client = Asked(source._bucket._files)
    monkeypatch.setattr(source._bucket, "_files", client)
    assert [one.record for one in source.arrivals(TOY)] == [one.record for one in before]
    assert client.read == []
    feed.deliver(f"readings/{DAY}/2", source="another")
    assert [one.record.source for one in source.arrivals(TOY)] == ["1", "another"]
    assert client.read == ["2/manifest.json"]


@pytest.fixture
def damaged(feed: Feed, monkeypatch: pytest.MonkeyPatch) -> Feed:
    """A feed with a delivery of which a file is cut off, read a while after it was written."""
    monkeypatch.setattr(core_feed, "SETTLED_SECONDS", LONG_AGO)
    feed.deliver(sent={"a.csv": BODY[:-3]})
    assert seen(feed.source) == [None]
    return feed


def seen(source: Source, case: UseCase = TOY) -> list[str | None]:
    records = [arrival.seen() for arrival in source.arrivals(case)]
    return [record.damage if record else None for record in records]


def test_a_damaged_delivery_that_nobody_touched_is_known_unread(damaged: Feed) -> None:
    (bad,) = damaged.taken()
    (again,) = damaged.reopened().arrivals(TOY)
    assert again.seen() == bad.record
    assert bad.record.is_broken


@pytest.mark.parametrize(
    ("name", "content"), [("a.csv", BODY), ("manifest.json", b"{}"), ("a.csv", BODY[:-2])], ids=["mended", "promise", "as bad"]
)
def test_a_damaged_delivery_that_was_touched_is_read_again(damaged: Feed, name: str, content: bytes) -> None:
    damaged.taken()
    damaged.write(f"toy/readings/{DAY}/1/{name}", content)
    assert seen(damaged.reopened()) == [None]


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

    (arrival,) = damaged.source.arrivals(TOY)
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


def test_a_bucket_that_does_not_answer_is_a_failure_and_not_an_empty_feed(lakefs_server: LakefsServer, tmp_path: Path) -> None:
    memory = FeedMemory(tmp_path / "feed.db", "c0de")
    nobody = S3Source("s3://supplier/in", memory, ("toy",), "http://127.0.0.1:1", "id", "hidden-key", "us-east-1")
    wrong = source_in(lakefs_server, "s3://supplier/in", memory, "another-hidden-key")
    for source in (nobody, wrong):
        with pytest.raises(SourceFailed) as failed:
            list(source.arrivals(TOY))
        assert "nothing was taken in. Next: see its address and its keys" in str(failed.value)
        assert "hidden" not in str(failed.value)
