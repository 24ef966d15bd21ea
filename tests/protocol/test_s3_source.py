"""What is a bucket's own: keys that no folder could have, and how often it is asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest
from pyarrow.fs import FileInfo, FileSelector, S3FileSystem

from lakeloop.adapters.feed_memory import FeedMemory
from lakeloop.adapters.lakefs_lake import LakeFSLake
from lakeloop.adapters.s3_source import S3Source
from lakeloop.core import feed as core_feed
from lakeloop.core.errors import SourceFailed
from lakeloop.stack.lakefs import LakefsServer
from tests.protocol.feeds import BODY, DAY, LONG_AGO, s3_feed, source_in
from tests.protocol.toy import TOY


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
    (stray,) = feed.source.walk(TOY).strays
    assert (stray.path.partition("/in/")[2], stray.why[:20]) == (key.rpartition("/")[0], "a name in its key is")


def test_a_bucket_is_listed_once_for_strays_and_arrivals_and_its_manifests_are_not_looked_at(
    lakefs_server: LakefsServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    feed = s3_feed(lakefs_server, tmp_path / "feed.db")
    feed.deliver()
    bucket = cast("S3Source", feed.source)._bucket
    client = Asked(bucket._files)
    monkeypatch.setattr(bucket, "_files", client)
    found = feed.source.walk(TOY)
    assert (len(found.arrivals), found.strays) == (1, [])
    assert client.asked == [FileSelector] * 2  # what stands below the case, and which cases there are
    feed.deliver(f"readings/{DAY}/2")
    assert len(feed.source.walk(TOY).arrivals) == 2


def test_a_manifest_that_was_read_is_not_asked_for_again_until_it_is_written_again(
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
    assert [one.record for one in source.walk(TOY).arrivals] == [one.record for one in before]
    assert client.read == []
    feed.deliver(f"readings/{DAY}/2", source="another")
    assert [one.record.source for one in source.walk(TOY).arrivals] == ["1", "another"]
    assert client.read == ["2/manifest.json"]


def test_a_bucket_that_does_not_answer_is_a_failure_and_not_an_empty_feed(lakefs_server: LakefsServer, tmp_path: Path) -> None:
    memory = FeedMemory(tmp_path / "feed.db", "c0de")
    nobody = S3Source("s3://supplier/in", memory, ("toy",), "http://127.0.0.1:1", "id", "hidden-key", "us-east-1")
    wrong = source_in(lakefs_server, "s3://supplier/in", memory, "another-hidden-key")
    for source in (nobody, wrong):
        with pytest.raises(SourceFailed) as failed:
            source.walk(TOY)
        assert "nothing was taken in. Next: see its address and its keys" in str(failed.value)
        assert "hidden" not in str(failed.value)
