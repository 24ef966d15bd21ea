"""What was read of the lake and can never change: commits with all before them, and receipts as they are at a commit.

Nothing in this file is the truth: each row carries a digest of itself, what does not fit is asked of the lake again,
and the whole of it may be deleted at any time.
"""

import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import batched
from pathlib import Path

from lakeloop.core.errors import NotFound
from lakeloop.forgettable import ForgettableFile, digest_of_row
from lakeloop.ports import At, Commit

_AT_ONCE = 500  # commits named in one question
_SCHEMA = """
CREATE TABLE IF NOT EXISTS commits (id TEXT PRIMARY KEY, parent TEXT, body BLOB, digest TEXT);
CREATE TABLE IF NOT EXISTS objects (ref TEXT, path TEXT, body BLOB, digest TEXT, PRIMARY KEY (ref, path)) WITHOUT ROWID;
"""
_CHAIN = """
WITH RECURSIVE chain(id, parent, body, digest) AS (
    SELECT id, parent, body, digest FROM commits WHERE id = ?
    UNION SELECT older.id, older.parent, older.body, older.digest FROM commits AS older JOIN chain ON older.id = chain.parent
) SELECT id, parent, body, digest FROM chain
"""


class Kept:
    """Histories and small objects of one repository in a local file."""

    def __init__(self, file: Path) -> None:
        self._file = ForgettableFile(file, _SCHEMA)
        self._last: tuple[Commit, ...] = ()  # the history read last, newest first
        self._read: dict[At, bytes] = {}  # what this process has read of the objects

    def history(self, head: str, ask: Callable[[str, str], Iterator[Commit]]) -> tuple[Commit, ...]:
        """First-parent history of a commit, newest first; `ask` gets the head and a commit that it may stop at."""
        self._last = self._known(head) or self._grown(head, ask)
        return self._last

    def objects(self, wanted: Sequence[At]) -> dict[At, bytes]:
        """Those of the objects that are kept."""
        unread = [at for at in wanted if at not in self._read]
        if unread:
            self._read |= self._file.use(lambda base: _found(base, unread)) or {}
        return {at: self._read[at] for at in wanted if at in self._read}

    def keep(self, objects: Mapping[At, bytes]) -> None:
        """Keep objects as they are at their commits."""
        self._read |= objects
        rows = [(*at, body, digest_of_row(*at, body)) for at, body in objects.items()]
        self._file.use(lambda base: base.executemany("INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?)", rows))

    def _known(self, head: str) -> tuple[Commit, ...]:
        at = next((at for at, commit in enumerate(self._last) if commit.id == head), None)
        return self._last[at:] if at is not None else self._file.use(lambda base: _chain(base, head)) or ()

    def _grown(self, head: str, ask: Callable[[str, str], Iterator[Commit]]) -> tuple[Commit, ...]:
        """The history as the lake tells it, down to a commit whose own is kept whole; down to the first where none is."""
        try:
            new, older = self._walk(ask(head, self._file.use(_newest) or ""))
        except NotFound:  # the lake does not know where it may stop: what is kept is of another, or of one made anew
            new, older = [], ()
        if not older and (not new or new[-1].parents):
            new, older = self._walk(ask(head, ""))
        rows = [_row(commit) for commit in reversed(new)]
        self._file.use(lambda base: base.executemany("INSERT OR REPLACE INTO commits VALUES (?, ?, ?, ?)", rows))
        return (*new, *older)

    def _walk(self, told: Iterator[Commit]) -> tuple[list[Commit], tuple[Commit, ...]]:
        new: list[Commit] = []
        for commit in told:
            if older := self._known(commit.id):
                return new, older
            new.append(commit)
        return new, ()


def _found(base: sqlite3.Connection, wanted: Sequence[At]) -> dict[At, bytes]:
    asked, found = set(wanted), {}
    for refs in batched(dict.fromkeys(at.commit for at in wanted), _AT_ONCE):
        places = ", ".join("?" * len(refs))
        for ref, path, body, digest in base.execute(f"SELECT * FROM objects WHERE ref IN ({places})", refs):  # noqa: S608
            if (ref, path) in asked and digest == digest_of_row(ref, path, body):
                found[At(ref, path)] = body
    return found


def _chain(base: sqlite3.Connection, head: str) -> tuple[Commit, ...]:
    """The whole history of a commit, or nothing where a part of it is missing or not what was kept."""
    rows = base.execute(_CHAIN, (head,)).fetchall()
    is_whole = rows and not rows[-1][1] and all(row[3] == digest_of_row(*row[:3]) for row in rows)
    return tuple(_commit(row[0], row[2]) for row in rows) if is_whole else ()


def _newest(base: sqlite3.Connection) -> str:
    row = base.execute("SELECT id FROM commits ORDER BY rowid DESC LIMIT 1").fetchone()
    return str(row[0]) if row else ""


def _row(commit: Commit) -> tuple[str, str, bytes, str]:
    said = [commit.parents, dict(commit.metadata), commit.message, commit.created.isoformat()]
    row = commit.id, commit.parents[0] if commit.parents else "", json.dumps(said).encode()
    return *row, digest_of_row(*row)


def _commit(name: str, body: bytes) -> Commit:
    parents, metadata, message, created = json.loads(body)
    return Commit(name, tuple(parents), metadata, message, datetime.fromisoformat(created))
