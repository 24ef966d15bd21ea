"""The platform database: leases, the freeze flag, alerts to be sent and Spark sessions; brought up to date on first use."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Connection,
    Engine,
    Float,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    create_engine,
    event,
    make_url,
    select,
    text,
)
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool
from tenacity import RetryError, Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from lakeloop.core.errors import DatabaseFailed

REVISION = "0001"
_MIGRATIONS = Path(__file__).parent / "migrations"
_BUSY_SECONDS = 10
_MIGRATION_LOCK = 7306356  # any number, the same for everyone who migrates on one Postgres

METADATA = MetaData()
# Times are seconds since the epoch: one meaning on every database, and comparable in SQL.
LEASES = Table(
    "leases",
    METADATA,
    Column("name", String(200), primary_key=True),
    Column("epoch", BigInteger, nullable=False),
    Column("holder", String(500), nullable=False),
    Column("expires_at", Float, nullable=False),
)
FREEZES = Table(
    "freezes",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("reason", Text, nullable=False),
    Column("since", Float, nullable=False),
)
ALERTS = Table(
    "alerts",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("key", String(500), nullable=False, unique=True),
    Column("severity", String(20), nullable=False),
    Column("title", Text, nullable=False),
    Column("body", JSON, nullable=False),
    Column("channel", String(200), nullable=False),
    Column("created_at", Float, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_attempt_at", Float, nullable=False, index=True),
    Column("sent_at", Float),
    Column("last_error", Text),
)
SESSIONS = Table(
    "sessions",
    METADATA,
    Column("id", String(36), primary_key=True),
    Column("installation", String(100), nullable=False),
    Column("database", String(100), nullable=False),
    Column("dag", String(250), nullable=False),
    Column("run", String(250), nullable=False),
    Column("task", String(250), nullable=False),
    Column("map_index", Integer, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("started_at", Float, nullable=False),
    Column("ended_at", Float),
    Column("words", Text),
)


class Database:
    """One address, many short transactions; nothing is kept open between them, so forks are safe."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._ready = False

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """A transaction on an up-to-date schema.

        Raises:
            DatabaseFailed: the database cannot be reached, read or brought up to date; the transaction was not done.
        """
        try:
            if not self._ready:
                self._bring_up_to_date()
                self._ready = True
            with self._engine.begin() as connection:
                yield connection
        except (SQLAlchemyError, OSError, ImportError) as error:
            raise DatabaseFailed(self._words(error)) from error

    @property
    def unborn(self) -> bool:
        """Whether it is a file that nobody has written yet, so that a mere question need not make it."""
        return self._url.startswith("sqlite") and not Path(make_url(self._url).database or "").exists()

    def _words(self, error: Exception) -> str:
        try:
            url = make_url(self._url)
        except SQLAlchemyError:
            return "LAKELOOP_PLATFORM_DB_URL is not a database's URL; nothing was written. Next: set it right, or leave it out."
        reason = str(getattr(error, "orig", None) or error).splitlines()[0].strip()
        if url.password:
            reason = reason.replace(str(url.password), "***")
        return (
            f"the platform database {url.render_as_string(hide_password=True)} failed ({type(error).__name__}: {reason}); "
            "nothing was written to it. Next: see that it is up and readable, and that LAKELOOP_PLATFORM_DB_URL is right."
        )

    @cached_property
    def _engine(self) -> Engine:
        sqlite = make_url(self._url).get_backend_name() == "sqlite"
        timeout = {"timeout": _BUSY_SECONDS} if sqlite else {"connect_timeout": 5}
        engine = create_engine(self._url, poolclass=NullPool, connect_args=timeout)
        if sqlite:
            event.listen(engine, "connect", _sqlite_connected)
            event.listen(engine, "begin", _sqlite_begin)
        return engine

    def _bring_up_to_date(self) -> None:
        self._make_private_file()
        if self._revision() == REVISION:
            return
        # Alembic is imported only where there is something to migrate: it costs more than a whole enqueue.
        from alembic import command
        from alembic.config import Config
        from alembic.util import CommandError

        if self._engine.dialect.name == "sqlite":
            _use_wal(self._engine)
        config = Config()
        config.set_main_option("script_location", str(_MIGRATIONS))
        with self._engine.begin() as connection:  # IMMEDIATE, or the lock below: a second process waits, then finds it done
            if self._engine.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(:id)"), {"id": _MIGRATION_LOCK})
            config.attributes["connection"] = connection
            try:
                command.upgrade(config, "head")
            except CommandError as error:
                msg = (
                    f"the platform database is not of this code ({error}); nothing was changed. Next: use the code that made it."
                )
                raise DatabaseFailed(msg) from error

    def _revision(self) -> str | None:
        version = Table("alembic_version", MetaData(), Column("version_num", String(32)))
        try:
            with self._engine.begin() as connection:
                return connection.execute(select(version.c.version_num)).scalar()
        except SQLAlchemyError:
            return None  # no table yet, or no database: the migration itself says which

    def _make_private_file(self) -> None:
        file = make_url(self._url).database if self._url.startswith("sqlite") else None
        if file and file != ":memory:":
            Path(file).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            Path(file).touch(mode=0o600)


def _use_wal(engine: Engine) -> None:
    # The mode is kept in the file. Two first users may collide here, and SQLite's busy timeout does not cover this.
    tries = Retrying(
        retry=retry_if_exception_type(sqlite3.OperationalError), wait=wait_fixed(0.05), stop=stop_after_delay(_BUSY_SECONDS)
    )
    raw = engine.raw_connection()
    with closing(raw), suppress(sqlite3.DatabaseError, RetryError):  # what is no database is named by the migration
        tries(raw.cursor().execute, "PRAGMA journal_mode=WAL")


def _sqlite_connected(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # transactions are begun by us, below
    connection.execute(f"PRAGMA busy_timeout={_BUSY_SECONDS * 1000}")


def _sqlite_begin(connection: Connection) -> None:
    # A transaction that reads, then writes, would fail at once when another writer came between; this one waits instead.
    connection.exec_driver_sql("BEGIN IMMEDIATE")
