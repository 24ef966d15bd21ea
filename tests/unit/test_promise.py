"""The files of a delivery are read once, within one budget of bytes for all of them."""

from __future__ import annotations

import errno

from lakeloop.core.contract import FileLimits
from lakeloop.core.manifest import MANIFEST
from lakeloop.core.promise import gathered

FILES = {"a.csv": b"12345", "b.csv": b"1234", MANIFEST: b"{}" * 20}


def read(name: str, most: int) -> bytes:
    if len(FILES[name]) > most:
        raise OSError(errno.EFBIG, "File too large")
    return FILES[name]


def test_what_was_read_leaves_less_room_for_the_next_file_and_the_manifest_has_its_own() -> None:
    found = gathered(FILES, read, str.upper, FileLimits(size=8))
    assert found.contents == {"A.CSV": b"12345", MANIFEST.upper(): FILES[MANIFEST]}
    assert found.unread.startswith("B.CSV cannot be read (File too large)")
    assert found.is_lasting
    assert gathered(FILES, read, str, FileLimits(size=9)).contents == FILES
