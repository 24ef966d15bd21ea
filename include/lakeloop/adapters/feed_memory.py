"""What was read of a feed, kept by how it stood there: what was not touched since is not read again."""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from itertools import batched
from pathlib import Path

from lakeloop.forgettable import ForgettableFile, digest_of_row

_SCHEMA = """
CREATE TABLE IF NOT EXISTS seen (code TEXT, stamp TEXT, body BLOB, digest TEXT, PRIMARY KEY (code, stamp)) WITHOUT ROWID;
"""
_AT_ONCE = 500  # stamps named in one question
_LARGEST = 1 << 20  # bytes of one thing that is kept


class FeedMemory:
    """ports.Memory in a local file; what other code saw is not believed."""

    def __init__(self, file: Path, code_version: str) -> None:
        self._file, self._code = ForgettableFile(file, _SCHEMA), code_version

    def recall(self, stamps: Sequence[str]) -> dict[str, bytes]:
        """What is kept under those of the stamps that there are."""
        asked = [stamp for stamp in stamps if stamp]
        return (self._file.use(lambda base: dict(self._found(base, asked))) if asked else None) or {}

    def keep(self, seen: Mapping[str, bytes]) -> None:
        """Keep what was read, each under its stamp; what has none, or is large, is not kept."""
        kept = {stamp: body for stamp, body in seen.items() if stamp and len(body) <= _LARGEST}
        rows = [(self._code, stamp, body, digest_of_row(self._code, stamp, body)) for stamp, body in kept.items()]
        if rows:
            self._file.use(lambda base: base.executemany("INSERT OR REPLACE INTO seen VALUES (?, ?, ?, ?)", rows))

    def _found(self, base: sqlite3.Connection, stamps: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        for some in batched(stamps, _AT_ONCE):
            places = ", ".join("?" * len(some))
            rows = base.execute(f"SELECT * FROM seen WHERE code = ? AND stamp IN ({places})", (self._code, *some))  # noqa: S608
            yield from ((stamp, body) for code, stamp, body, digest in rows if digest == digest_of_row(code, stamp, body))
