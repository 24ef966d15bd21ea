"""A local file of what may be forgotten: one that cannot be used is as good as an empty one, and anybody may delete it."""

import hashlib
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

_LARGEST = 512 * 1024**2  # bytes; a file that grew past it is begun anew
_BUSY_SECONDS = 2.0
_PASSING = {
    sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN,
}  # fmt: skip


class ForgettableFile:
    """A SQLite file with a schema of its own, made where it is missing."""

    def __init__(self, file: Path, schema: str) -> None:
        self._file, self._schema = file, schema

    def use[T](self, work: Callable[[sqlite3.Connection], T]) -> T | None:
        """Do some work in one transaction; None where the file is of no use."""
        try:
            self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if self._file.exists() and self._file.stat().st_size > _LARGEST:
                self._file.unlink()
            with closing(sqlite3.connect(self._file, timeout=_BUSY_SECONDS)) as base, base:
                base.execute("PRAGMA synchronous = OFF")  # what a power cut tears is seen by its digest
                base.executescript(self._schema)
                return work(base)
        except (sqlite3.Error, ValueError, MemoryError) as error:  # a torn file may also hold no text, or a size without end
            if getattr(error, "sqlite_errorcode", 0) & 0xFF not in _PASSING:
                self._file.unlink(missing_ok=True)
        except OSError:
            pass
        return None


def digest_of_row(first: str, second: str, body: bytes) -> str:
    """What a row carries of itself, so that a torn or meddled one is not believed."""
    return hashlib.sha256(b"%a\0%a\0%b" % (first, second, body if isinstance(body, bytes) else b"")).hexdigest()
