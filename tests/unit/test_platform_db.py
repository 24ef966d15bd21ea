"""The platform database: schema, lease and freeze, on SQLite and real processes."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import insert, inspect, select

from lakeloop.adapters.platform_db.database import LEASES, METADATA, REVISION, Database
from lakeloop.adapters.platform_db.lease import PlatformLease
from lakeloop.adapters.platform_db.sessions import PlatformSessions
from lakeloop.core.errors import DatabaseFailed, Frozen, LeaseLost


class Clock:
    """A wall clock that moves when told."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'platform.db'}"


@pytest.fixture
def database(url: str) -> Database:
    return Database(url)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def lease(database: Database, clock: Clock) -> PlatformLease:
    return PlatformLease(database, ttl=30, patience=0, clock=clock)


def test_the_migrations_end_in_the_tables_that_the_code_uses(database: Database) -> None:
    with database.begin() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), METADATA)
    assert differences == []


def test_the_code_knows_the_newest_revision() -> None:
    folder = Path(sys.modules[Database.__module__].__file__ or "").parent / "migrations"
    assert ScriptDirectory(str(folder)).get_current_head() == REVISION


def test_the_file_is_private_and_in_wal_mode(database: Database, tmp_path: Path) -> None:
    with database.begin() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert inspect(connection).has_table("leases")
    assert (tmp_path / "platform.db").stat().st_mode & 0o077 == 0


def test_a_held_lease_is_refused_with_the_name_of_its_holder(lease: PlatformLease) -> None:
    with lease.hold("publish", "first"), pytest.raises(LeaseLost, match="held by first"), lease.hold("publish", "second"):
        pytest.fail("two publishers at once")


def test_a_lease_is_free_again_after_its_block_also_after_an_error(lease: PlatformLease) -> None:
    with pytest.raises(ZeroDivisionError), lease.hold("publish", "first"):
        raise ZeroDivisionError
    with lease.hold("publish", "second") as epoch:
        assert epoch == 2


def test_leases_of_two_names_do_not_block_each_other(lease: PlatformLease) -> None:
    with lease.hold("flights", "first"), lease.hold("penguins", "second") as epoch:
        assert epoch == 1


def test_a_lease_that_ran_out_is_taken_over_with_a_larger_epoch(lease: PlatformLease, clock: Clock) -> None:
    assert lease.take("publish", "killed") == 1
    clock.now += 29
    assert lease.take("publish", "next") is None
    clock.now += 1
    assert lease.take("publish", "next") == 2
    assert lease.renew("publish", 1) is False, "the killed holder must not move the new one's end"
    assert lease.holder("publish") == "next"


def test_a_late_release_of_an_old_holder_leaves_the_new_one_alone(lease: PlatformLease, clock: Clock) -> None:
    with lease.hold("publish", "slow"):
        clock.now += 31
        assert lease.take("publish", "next") == 2
    assert lease.holder("publish") == "next"


def test_a_holder_renews_its_lease_while_it_works(database: Database, clock: Clock) -> None:
    class Noticed(PlatformLease):
        renewed = threading.Event()

        def renew(self, name: str, epoch: int) -> bool:
            moved = super().renew(name, epoch)
            self.renewed.set()
            return moved

    lease = Noticed(database, ttl=0.03, patience=0, clock=clock)
    with lease.hold("publish", "worker"):
        assert lease.renewed.wait(10)
        assert lease.holder("publish") == "worker"


_RACER = """
import sys
from lakeloop.adapters.platform_db import Database
from lakeloop.adapters.platform_db.lease import PlatformLease
lease = PlatformLease(Database(sys.argv[1]), patience=60)
for _ in range(10):
    with lease.hold("publish", sys.argv[2]) as epoch:
        print(epoch, flush=True)
"""


def test_processes_that_race_hold_it_one_after_another(url: str) -> None:
    racers = [subprocess.Popen([sys.executable, "-c", _RACER, url, name], stdout=subprocess.PIPE, text=True) for name in "ab"]
    epochs = [int(line) for racer in racers for line in racer.communicate(timeout=50)[0].split()]
    assert [racer.returncode for racer in racers] == [0, 0]
    assert sorted(epochs) == list(range(1, 21)), "every hold has an epoch of its own, the first migration included"


def test_frozen_publishing_says_why_and_can_be_lifted(lease: PlatformLease) -> None:
    lease.check_not_frozen()
    lease.freeze("a bad week")
    with pytest.raises(Frozen, match="a bad week"):
        lease.check_not_frozen()
    lease.unfreeze()
    lease.check_not_frozen()


@pytest.fixture
def broken(tmp_path: Path) -> Database:
    (tmp_path / "broken.db").write_bytes(b"this is not a database, but it is long enough to look" * 50)
    return Database(f"sqlite:///{tmp_path / 'broken.db'}")


def test_an_unreadable_database_counts_as_frozen(broken: Database) -> None:
    with pytest.raises(Frozen, match="cannot be read"):
        PlatformLease(broken).check_not_frozen()


def test_an_unreadable_database_gives_no_lease(broken: Database) -> None:
    with pytest.raises(LeaseLost), PlatformLease(broken).hold("publish", "me"):
        pytest.fail("a lease from nowhere")


def test_a_transaction_that_read_can_still_write_though_another_writer_came(database: Database) -> None:
    with database.begin():
        pass  # the schema is there
    written = threading.Event()

    def other_writer() -> None:
        with database.begin() as connection:
            connection.execute(insert(LEASES).values(name="other", epoch=1, holder="h", expires_at=0.0))
        written.set()

    with database.begin() as connection:
        assert connection.execute(select(LEASES)).all() == []
        writer = threading.Thread(target=other_writer)
        writer.start()
        assert not written.wait(0.3), "the other one waits"
        connection.execute(insert(LEASES).values(name="mine", epoch=1, holder="h", expires_at=0.0))
    writer.join(timeout=20)
    assert written.is_set()


def test_whatever_is_wrong_with_the_database_is_one_failure_of_the_tree(broken: Database, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    urls = {
        f"sqlite:///{tmp_path / 'file' / 'platform.db'}": "file/platform.db failed",
        "postgresql+psycopg2://user:hidden@127.0.0.1:1/platform": r"user:\*\*\*@127.0.0.1:1/platform failed",
        "no url at all": "LAKELOOP_PLATFORM_DB_URL is not a database's URL",
        "nobase://x/y": "failed .NoSuchModuleError",
    }
    for url, words in urls.items():
        with pytest.raises(DatabaseFailed, match=words) as failed, Database(url).begin():
            pytest.fail("a database from nowhere")
        assert "hidden" not in str(failed.value)
        assert "nothing was written" in str(failed.value)
    with pytest.raises(DatabaseFailed, match="not a database"):
        PlatformSessions(broken).of("dag", "run")


def test_a_database_of_newer_code_is_left_alone(database: Database, url: str) -> None:
    with database.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(DatabaseFailed, match="not of this code"), Database(url).begin():
        pytest.fail("a schema nobody knows")


def test_asking_whether_it_is_frozen_makes_no_file(tmp_path: Path) -> None:
    assert PlatformLease(Database(f"sqlite:///{tmp_path / 'new' / 'platform.db'}")).frozen() is None
    assert not (tmp_path / "new").exists()
