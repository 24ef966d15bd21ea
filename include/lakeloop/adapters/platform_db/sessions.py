"""Which Spark sessions were opened by which try: what the teardown and the janitor end, and what an alert quotes."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import NamedTuple

from sqlalchemy import ColumnElement, delete, func, insert, select, update

from lakeloop.adapters.platform_db.database import SESSIONS, Database
from lakeloop.core.errors import DatabaseFailed
from lakeloop.core.runs import SessionKey

_log = logging.getLogger(__name__)


class SessionRow(NamedTuple):
    """One try and its session; `words` are the last words of a try that failed."""

    key: SessionKey
    started_at: float
    ended_at: float | None
    words: str | None


class PlatformSessions:
    """Notes tries as they begin and end; a try that was killed stays open until somebody ends it."""

    def __init__(self, database: Database, *, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._clock = clock

    def opened(self, key: SessionKey) -> None:
        """Notes the beginning of a try; the same try noted again begins anew."""
        with self._database.begin() as connection:
            connection.execute(delete(SESSIONS).where(SESSIONS.c.id == key.id))
            connection.execute(insert(SESSIONS).values(id=key.id, started_at=self._clock(), **key.model_dump()))

    def ended(self, session_id: str, words: str = "") -> None:
        """Notes the end of a try, with its last words if it failed; the first end and the first words stay. Never raises."""
        try:
            with self._database.begin() as connection:
                connection.execute(
                    update(SESSIONS)
                    .where(SESSIONS.c.id == session_id)
                    .values(
                        ended_at=func.coalesce(SESSIONS.c.ended_at, self._clock()),
                        words=func.coalesce(SESSIONS.c.words, words[:2000] or None),
                    )
                )
        except DatabaseFailed as error:
            _log.warning("the end of session %s could not be noted: %s", session_id, error)

    def open_of(self, dag: str, run: str) -> list[SessionRow]:
        """Sessions of a run that were not ended."""
        return self._rows(SESSIONS.c.ended_at.is_(None), SESSIONS.c.dag == dag, SESSIONS.c.run == run)

    def open_since(self, older_than_seconds: float) -> list[SessionRow]:
        """Sessions of all runs that began that long ago and were not ended."""
        return self._rows(SESSIONS.c.ended_at.is_(None), SESSIONS.c.started_at < self._clock() - older_than_seconds)

    def of(self, dag: str, run: str) -> list[SessionRow]:
        """Every noted try of a run, oldest first."""
        return self._rows(SESSIONS.c.dag == dag, SESSIONS.c.run == run)

    def forget(self, older_than_seconds: float) -> int:
        """Deletes ended rows of long ago; open ones stay."""
        with self._database.begin() as connection:
            gone = connection.execute(delete(SESSIONS).where(SESSIONS.c.ended_at < self._clock() - older_than_seconds))
        return int(gone.rowcount)

    def _rows(self, *where: ColumnElement[bool]) -> list[SessionRow]:
        with self._database.begin() as connection:
            rows = connection.execute(select(SESSIONS).where(*where).order_by(SESSIONS.c.started_at)).mappings().all()
        return [
            SessionRow(
                SessionKey(**{name: row[name] for name in SessionKey.model_fields}),
                row["started_at"],
                row["ended_at"],
                row["words"],
            )
            for row in rows
        ]
