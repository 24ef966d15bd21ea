"""What was read of the lake and can never change: commits, receipts as they are at a commit, and states folded from all of them.

Nothing in this file is the truth: each row carries a digest of itself, what does not fit is asked of the lake again,
and the whole of it may be deleted at any time.
"""

import json
import sqlite3
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import batched, islice, takewhile
from pathlib import Path

from lakeloop.core.errors import NotFound
from lakeloop.forgettable import ForgettableFile, digest_of_row
from lakeloop.ports import At, Commit

_AT_ONCE = 500  # commits named in one question
_PAGE = 32  # commits of a history that are read at a time
_STATES = 4  # that are kept of one thing
_SCHEMA = """
CREATE TABLE IF NOT EXISTS commits (id TEXT PRIMARY KEY, parent TEXT, body BLOB, digest TEXT);
CREATE TABLE IF NOT EXISTS objects (ref TEXT, path TEXT, body BLOB, digest TEXT, PRIMARY KEY (ref, path)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS states (of TEXT, ref TEXT, code TEXT, body BLOB, digest TEXT, PRIMARY KEY (of, ref));
"""
_CHAIN = """
WITH RECURSIVE chain(id, parent, body, digest) AS (
    SELECT id, parent, body, digest FROM commits WHERE id = ?
    UNION ALL SELECT older.id, older.parent, older.body, older.digest FROM commits AS older JOIN chain ON older.id = chain.parent
    LIMIT ?
) SELECT id, parent, body, digest FROM chain
"""
_FORGET = """
DELETE FROM states WHERE of = ?1 AND rowid NOT IN (SELECT rowid FROM states WHERE of = ?1 ORDER BY rowid DESC LIMIT ?2)
"""


class Kept:
    """Histories, small objects and folded states of one repository in a local file; what other code folded is not believed.

    `code` is a digest of that which folds here; where it is empty, no state is kept, nor any believed.
    """

    def __init__(self, file: Path, code: str = "") -> None:
        self._file, self._code = ForgettableFile(file, _SCHEMA), code
        self._read: dict[At, bytes] = {}  # what this process has read of the objects

    def history(self, head: str, ask: Callable[[str, str], Iterator[Commit]]) -> Iterator[Commit]:
        """First-parent history of a commit, newest first; `ask` gets a head and a commit that it may stop at."""
        at = head
        while at:
            some = self._known(at, _PAGE) or self._grown(at, ask)
            yield from some
            at = next(iter(some[-1].parents), "") if some else ""

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

    def kept_state(self, of: str, commits: Sequence[str]) -> tuple[str, bytes] | None:
        """The state of something at the first of the commits that has one."""
        return self._file.use(lambda base: _state(base, of, self._code, commits)) if self._code else None

    def keep_state(self, of: str, commit: str, body: bytes) -> None:
        """Keep the state of something at a commit, and of those kept before a few: work goes on where it was begun."""
        pressed = zlib.compress(body, level=1)  # to a sixth, in the time that it takes SQLite to write the other five
        row = of, commit, self._code, pressed, digest_of_row(f"{of} {self._code}", commit, pressed)

        def keep(base: sqlite3.Connection) -> None:
            base.execute("INSERT OR REPLACE INTO states VALUES (?, ?, ?, ?, ?)", row)
            base.execute(_FORGET, (of, _STATES))

        if self._code:
            self._file.use(keep)

    def _known(self, head: str, most: int) -> tuple[Commit, ...]:
        return self._file.use(lambda base: _chain(base, head, most)) or ()

    def _grown(self, head: str, ask: Callable[[str, str], Iterator[Commit]]) -> list[Commit]:
        """A history as the lake tells it, down to a commit that is kept; down to the first where none is."""
        try:
            new = self._unknown(ask(head, self._file.use(_newest) or ""))
        except NotFound:  # the lake does not know where it may stop: what is kept is of another, or of one made anew
            new = []
        new = new or self._unknown(ask(head, ""))
        rows = [_row(commit) for commit in reversed(new)]
        self._file.use(lambda base: base.executemany("INSERT OR REPLACE INTO commits VALUES (?, ?, ?, ?)", rows))
        return new

    def _unknown(self, told: Iterator[Commit]) -> list[Commit]:
        """The first, which another may have kept since it was looked for, and what follows down to a commit that is kept."""
        return [*islice(told, 1), *takewhile(lambda commit: not self._known(commit.id, 1), told)]


def _found(base: sqlite3.Connection, wanted: Sequence[At]) -> dict[At, bytes]:
    asked, found = set(wanted), {}
    for refs in batched(dict.fromkeys(at.commit for at in wanted), _AT_ONCE):
        places = ", ".join("?" * len(refs))
        for ref, path, body, digest in base.execute(f"SELECT * FROM objects WHERE ref IN ({places})", refs):  # noqa: S608
            if (ref, path) in asked and digest == digest_of_row(ref, path, body):
                found[At(ref, path)] = body
    return found


def _chain(base: sqlite3.Connection, head: str, most: int) -> tuple[Commit, ...]:
    """A history as far as it is kept, and is what was kept."""
    rows = base.execute(_CHAIN, (head, most)).fetchall()
    return tuple(_commit(row[0], row[2]) for row in takewhile(lambda row: row[3] == digest_of_row(*row[:3]), rows))


def _state(base: sqlite3.Connection, of: str, code: str, commits: Sequence[str]) -> tuple[str, bytes] | None:
    asked = f"SELECT ref, body, digest FROM states WHERE of = ? AND code = ? AND ref IN ({', '.join('?' * len(commits))})"  # noqa: S608
    rows = base.execute(asked, (of, code, *commits))
    found = {ref: body for ref, body, digest in rows if digest == digest_of_row(f"{of} {code}", ref, body)}
    return next(((commit, zlib.decompress(found[commit])) for commit in commits if commit in found), None)


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
