"""The outbox of alerts and the log of sessions, on SQLite."""

from __future__ import annotations

from pathlib import Path

import pytest

from lakeloop.adapters.platform_db.alerts import PlatformOutbox
from lakeloop.adapters.platform_db.database import Database
from lakeloop.adapters.platform_db.sessions import PlatformSessions
from lakeloop.core.runs import SessionKey

KEY = SessionKey(installation="i", database="d", dag="flights__ingest", run="manual__1", task="write")


class Clock:
    """A wall clock that moves when told."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return Database(f"sqlite:///{tmp_path / 'platform.db'}")


@pytest.fixture
def outbox(database: Database, clock: Clock) -> PlatformOutbox:
    return PlatformOutbox(database, clock=clock)


@pytest.fixture
def sessions(database: Database, clock: Clock) -> PlatformSessions:
    return PlatformSessions(database, clock=clock)


@pytest.fixture
def broken(tmp_path: Path) -> Database:
    (tmp_path / "broken.db").write_bytes(b"this is not a database, but it is long enough to look" * 50)
    return Database(f"sqlite:///{tmp_path / 'broken.db'}")


def _alert(outbox: PlatformOutbox, key: str = "k", title: str = "t") -> None:
    outbox.enqueue(key=key, severity="critical", title=title, body={"cause": "c"}, channel="#x")


def test_one_key_is_kept_once(outbox: PlatformOutbox) -> None:
    _alert(outbox, title="first")
    _alert(outbox, title="again")
    assert [alert.title for alert in outbox.all()] == ["first"]


def test_an_alert_is_due_until_it_was_sent(outbox: PlatformOutbox) -> None:
    _alert(outbox)
    (alert,) = outbox.claim()
    assert (alert.key, alert.body, alert.attempts) == ("k", {"cause": "c"}, 1)
    outbox.sent(alert.id)
    assert outbox.due() == 0
    assert outbox.all()[0].sent_at is not None


def test_a_claimed_alert_is_left_alone_for_a_minute_then_tried_again(outbox: PlatformOutbox, clock: Clock) -> None:
    _alert(outbox)
    outbox.claim()
    assert outbox.claim() == []
    clock.now += 61
    assert len(outbox.claim()) == 1, "its sender died: at least once"


def test_failures_back_off_up_to_a_quarter_of_an_hour(outbox: PlatformOutbox, clock: Clock) -> None:
    _alert(outbox)
    pauses = []
    for _ in range(9):
        (alert,) = outbox.claim()
        outbox.failed(alert, "no answer")
        pauses.append(outbox.all()[0].next_attempt_at - clock.now)
        clock.now += pauses[-1]
    assert pauses == [10, 20, 40, 80, 160, 320, 640, 900, 900]
    assert outbox.all()[0].last_error == "no answer"


def test_flushing_makes_waiting_alerts_due_at_once(outbox: PlatformOutbox) -> None:
    _alert(outbox)
    outbox.failed(outbox.claim()[0], "no answer")
    outbox.retry_now()
    assert outbox.due() == 1


def test_forgetting_spares_what_was_never_received(outbox: PlatformOutbox, clock: Clock) -> None:
    _alert(outbox, "sent")
    outbox.sent(outbox.claim()[0].id)
    _alert(outbox, "waiting")
    clock.now += 100
    assert outbox.forget(50) == 1
    assert [alert.key for alert in outbox.all()] == ["waiting"]


def test_an_alert_into_a_broken_database_raises_nothing(broken: Database, caplog: pytest.LogCaptureFixture) -> None:
    _alert(PlatformOutbox(broken), title="the night is lost")
    assert "the night is lost" in caplog.text


def test_a_killed_try_stays_open_until_somebody_ends_it(sessions: PlatformSessions, clock: Clock) -> None:
    sessions.opened(KEY)
    clock.now += 10
    assert [row.key for row in sessions.open_of(KEY.dag, KEY.run)] == [KEY]
    assert sessions.open_since(60) == []
    clock.now += 60
    assert [row.key.id for row in sessions.open_since(60)] == [KEY.id]
    sessions.ended(KEY.id)
    assert sessions.open_of(KEY.dag, KEY.run) == []


def test_the_first_end_and_the_first_words_stay(sessions: PlatformSessions, clock: Clock) -> None:
    sessions.opened(KEY)
    sessions.ended(KEY.id)
    clock.now += 5
    sessions.ended(KEY.id, "audit failed on weather")
    sessions.ended(KEY.id, "interrupted")
    assert sessions.of(KEY.dag, KEY.run)[0].ended_at == clock.now - 5
    assert [row.words for row in sessions.of(KEY.dag, KEY.run)] == ["audit failed on weather"]


def test_a_try_that_is_noted_twice_is_one_row(sessions: PlatformSessions) -> None:
    sessions.opened(KEY)
    sessions.ended(KEY.id)
    sessions.opened(KEY)
    assert len(sessions.open_of(KEY.dag, KEY.run)) == 1


def test_old_ended_sessions_are_forgotten(sessions: PlatformSessions, clock: Clock) -> None:
    sessions.opened(KEY)
    sessions.ended(KEY.id)
    clock.now += 100
    assert sessions.forget(50) == 1
