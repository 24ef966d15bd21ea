"""Messages as they came, in a SQLite file of their own."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

_KEPT = 2000
_TABLE = """create table if not exists messages (
    id integer primary key, ts text not null unique, channel text not null, alert_id text, message text not null,
    at real not null)"""


class Message(NamedTuple):
    """One message; `times` says how often the same alert came, since alerts are sent at least once."""

    ts: str
    channel: str
    body: dict[str, Any]
    at: float
    times: int


class MessageStore:
    """Keeps the newest messages; safe for several threads, since each call opens the file anew."""

    def __init__(self, file: Path) -> None:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file.touch(mode=0o600)
        self._file = file
        with self._open() as connection:
            connection.execute("pragma journal_mode=wal")
            connection.execute(_TABLE)

    def keep(self, channel: str, body: dict[str, Any]) -> str:
        """Keeps a message and gives its `ts`, which names it as Slack's do: larger than every earlier one."""
        now = time.time()
        payload = (body.get("metadata") or {}).get("event_payload") or {}
        with self._open() as connection:
            newest = connection.execute("select max(cast(ts as real)) from messages").fetchone()[0] or 0.0
            ts = f"{max(now, newest + 0.000001):.6f}"
            row = (ts, channel, str(payload.get("alert_id") or ""), json.dumps(body), now)
            connection.execute("insert into messages (ts, channel, alert_id, message, at) values (?, ?, ?, ?, ?)", row)
            connection.execute("delete from messages where id <= (select max(id) from messages) - ?", (_KEPT,))
        return ts

    def newest(self, limit: int = 200) -> list[Message]:
        """The newest messages first; an alert that came several times is shown once."""
        query = """select min(ts), channel, message, min(at), count(*) from messages
            group by case when alert_id = '' then ts else alert_id end order by min(id) desc limit ?"""
        with self._open() as connection:
            rows = connection.execute(query, (limit,)).fetchall()
        return [Message(ts, channel, json.loads(body), at, times) for ts, channel, body, at, times in rows]

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self._file, timeout=10, isolation_level="IMMEDIATE")) as connection, connection:
            yield connection
