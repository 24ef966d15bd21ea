"""A feed that a supplier writes to, as a folder or a bucket, beside the source that reads it."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from pyarrow.fs import LocalFileSystem, S3FileSystem

from lakeloop.adapters.feed_memory import FeedMemory
from lakeloop.adapters.folder_source import FolderSource
from lakeloop.adapters.lakefs_lake import LakeFSLake
from lakeloop.adapters.s3_source import S3Source
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
        return [arrival.take() for arrival in self.source.walk(case).arrivals]


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
