"""Alerts that wait to be sent: ports.AlertOutbox on the platform database, and the sender's side of it."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import NamedTuple

from sqlalchemy import ColumnElement, Row, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from lakeloop.adapters.platform_db.database import ALERTS, Database
from lakeloop.core.errors import DatabaseFailed

_log = logging.getLogger(__name__)
_CLAIM_SECONDS = 60  # as long as a sender may work on one alert before another may try it
_FIRST_PAUSE, _LONGEST_PAUSE = 10, 900


class Alert(NamedTuple):
    """One alert as it is kept; `sent_at` is None while it waits."""

    id: int
    key: str
    severity: str
    title: str
    body: dict[str, str]
    channel: str
    created_at: float
    attempts: int
    next_attempt_at: float
    sent_at: float | None
    last_error: str | None


class PlatformOutbox:
    """Keeps each alert until somebody has it: at least once, and once per key."""

    def __init__(self, database: Database, *, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._clock = clock

    def enqueue(self, *, key: str, severity: str, title: str, body: Mapping[str, str], channel: str) -> None:
        """Keeps one message; a broken database is logged and never raised, since no run may fail of its alert."""
        now = self._clock()
        try:
            # A key that is kept already is no error, and leaves the transaction as it was.
            with self._database.begin() as connection, suppress(IntegrityError), connection.begin_nested():
                connection.execute(
                    insert(ALERTS).values(
                        key=key[:500],
                        severity=severity,
                        title=title,
                        body={name: str(value) for name, value in body.items()},
                        channel=channel,
                        created_at=now,
                        attempts=0,
                        next_attempt_at=now,
                    )
                )
        except DatabaseFailed as error:
            _log.error("an alert could not be kept (%s): %s", error, json.dumps({"title": title, **body}))  # noqa: TRY400

    def due(self) -> int:
        """How many alerts should be sent now."""
        with self._database.begin() as connection:
            return len(connection.execute(select(ALERTS.c.id).where(*self._waiting(self._clock()))).all())

    def claim(self, limit: int = 20) -> list[Alert]:
        """Takes due alerts, oldest first, for a minute: another sender leaves them alone that long."""
        now = self._clock()
        with self._database.begin() as connection:
            rows = connection.execute(
                select(ALERTS).where(*self._waiting(now)).order_by(ALERTS.c.id).limit(limit).with_for_update(skip_locked=True)
            ).all()
            connection.execute(
                update(ALERTS)
                .where(ALERTS.c.id.in_([row.id for row in rows]))
                .values(next_attempt_at=now + _CLAIM_SECONDS, attempts=ALERTS.c.attempts + 1)
            )
        return [_alert(row)._replace(attempts=row.attempts + 1) for row in rows]

    def sent(self, alert_id: int) -> None:
        """Marks an alert as received."""
        self._set(alert_id, sent_at=self._clock(), last_error=None)

    def failed(self, alert: Alert, error: str, pause: float | None = None) -> None:
        """Keeps an alert for later: by default ten seconds after the first failure, doubling up to a quarter of an hour."""
        pause = pause or min(_FIRST_PAUSE * 2 ** (alert.attempts - 1), _LONGEST_PAUSE)
        self._set(alert.id, next_attempt_at=self._clock() + pause, last_error=error[:500])

    def retry_now(self) -> None:
        """Makes every waiting alert due, whatever its back-off."""
        with self._database.begin() as connection:
            connection.execute(update(ALERTS).where(ALERTS.c.sent_at.is_(None)).values(next_attempt_at=self._clock()))

    def all(self, limit: int = 100) -> list[Alert]:
        """The newest alerts, newest first, sent or not."""
        with self._database.begin() as connection:
            rows = connection.execute(select(ALERTS).order_by(ALERTS.c.id.desc()).limit(limit)).all()
        return [_alert(row) for row in rows]

    def forget(self, older_than_seconds: float) -> int:
        """Deletes alerts that were received long ago; waiting ones are never deleted."""
        with self._database.begin() as connection:
            gone = connection.execute(delete(ALERTS).where(ALERTS.c.sent_at < self._clock() - older_than_seconds))
        return int(gone.rowcount)

    def _waiting(self, now: float) -> tuple[ColumnElement[bool], ...]:
        return ALERTS.c.sent_at.is_(None), ALERTS.c.next_attempt_at <= now

    def _set(self, alert_id: int, **values: object) -> None:
        with self._database.begin() as connection:
            connection.execute(update(ALERTS).where(ALERTS.c.id == alert_id).values(**values))


def _alert(row: Row[tuple[object, ...]]) -> Alert:
    return Alert(**row._mapping)
