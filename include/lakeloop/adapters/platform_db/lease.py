"""One publisher at a time, and the freeze flag: ports.Lease on the platform database."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from tenacity import RetryError, Retrying, retry_if_result, stop_after_delay, wait_fixed

from lakeloop.adapters.platform_db.database import FREEZES, LEASES, Database
from lakeloop.core.errors import DatabaseFailed, Frozen, LeaseLost

_log = logging.getLogger(__name__)
_FLAG = 1


class PlatformLease:
    """Leases that end by themselves: a holder that was killed blocks the next one for `ttl` seconds at most."""

    def __init__(
        self, database: Database, *, ttl: float = 30, patience: float = 120, clock: Callable[[], float] = time.time
    ) -> None:
        self._database = database
        self._ttl = ttl
        self._patience = patience
        self._clock = clock

    @contextmanager
    def hold(self, name: str, holder: str) -> Iterator[int]:
        """Takes the lease and renews it until the block ends; the epoch it gives is larger than any before."""
        epoch = self._wait_for(name, holder)
        done = threading.Event()
        renewal = threading.Thread(target=self._renew_until, args=(done, name, epoch), name=f"lease-{name}", daemon=True)
        renewal.start()
        try:
            yield epoch
        finally:
            done.set()
            renewal.join()
            self._release(name, epoch)

    def take(self, name: str, holder: str) -> int | None:
        """Takes a free or run-out lease and gives its epoch; None when another holds it."""
        now = self._clock()
        with self._database.begin() as connection:
            row = connection.execute(select(LEASES).where(LEASES.c.name == name)).first()
            if row is None:
                return self._first(connection, name, holder, now)
            if row.expires_at > now:
                return None
            taken = connection.execute(
                update(LEASES)
                .where(LEASES.c.name == name, LEASES.c.epoch == row.epoch, LEASES.c.expires_at <= now)
                .values(epoch=row.epoch + 1, holder=holder, expires_at=now + self._ttl)
            )
            return int(row.epoch) + 1 if taken.rowcount else None

    def renew(self, name: str, epoch: int) -> bool:
        """Moves the end of a lease; False when it was taken over."""
        with self._database.begin() as connection:
            renewed = connection.execute(
                update(LEASES).where(LEASES.c.name == name, LEASES.c.epoch == epoch).values(expires_at=self._clock() + self._ttl)
            )
            return bool(renewed.rowcount)

    def holder(self, name: str) -> str | None:
        """Who holds a lease now."""
        with self._database.begin() as connection:
            row = connection.execute(select(LEASES).where(LEASES.c.name == name)).first()
        return str(row.holder) if row and row.expires_at > self._clock() else None

    def freeze(self, reason: str) -> None:
        """Stops publishing everywhere until `unfreeze`; a second freeze replaces the reason."""
        with self._database.begin() as connection:
            connection.execute(delete(FREEZES))
            connection.execute(insert(FREEZES).values(id=_FLAG, reason=reason, since=self._clock()))

    def unfreeze(self) -> None:
        """Lets publishing go on; nothing to lift is no error."""
        with self._database.begin() as connection:
            connection.execute(delete(FREEZES))

    def frozen(self) -> str | None:
        """Why publishing is frozen, or None; raises Frozen when that cannot be read. Asking writes nothing."""
        if self._database.unborn:
            return None
        try:
            with self._database.begin() as connection:
                return connection.execute(select(FREEZES.c.reason)).scalar()
        except DatabaseFailed as error:
            msg = f"the freeze flag cannot be read, so publishing counts as frozen; nothing was merged: {error}"
            raise Frozen(msg) from error

    def check_not_frozen(self) -> None:
        """Raises Frozen when publishing is frozen, or when that cannot be read."""
        reason = self.frozen()
        if reason is not None:
            msg = f"publishing is frozen: {reason}; nothing was merged; lift it with `lakeloop unfreeze`"
            raise Frozen(msg)

    def _wait_for(self, name: str, holder: str) -> int:
        waiting = Retrying(
            retry=retry_if_result(lambda epoch: epoch is None), wait=wait_fixed(0.25), stop=stop_after_delay(self._patience)
        )
        try:
            return int(waiting(self.take, name, holder))  # type: ignore[arg-type]
        except RetryError as waited:
            msg = (
                f"the lease {name} is held by {self.holder(name)} and did not come free within {self._patience:.0f} s; "
                f"nothing was merged by {holder}; try again when it is done"
            )
            raise LeaseLost(msg) from waited
        except DatabaseFailed as error:
            msg = f"the platform database did not give the lease {name} to {holder}; nothing was merged: {error}"
            raise LeaseLost(msg) from error

    def _first(self, connection: Connection, name: str, holder: str, now: float) -> int | None:
        try:
            with connection.begin_nested():
                connection.execute(insert(LEASES).values(name=name, epoch=1, holder=holder, expires_at=now + self._ttl))
        except IntegrityError:
            return None  # another came first
        return 1

    def _renew_until(self, done: threading.Event, name: str, epoch: int) -> None:
        while not done.wait(self._ttl / 3):
            try:
                if not self.renew(name, epoch):
                    _log.warning("the lease %s of epoch %d was taken over; the gate decides who merges", name, epoch)
                    return
            except DatabaseFailed as error:
                _log.warning("the lease %s could not be renewed: %s", name, error)

    def _release(self, name: str, epoch: int) -> None:
        try:
            with self._database.begin() as connection:
                connection.execute(update(LEASES).where(LEASES.c.name == name, LEASES.c.epoch == epoch).values(expires_at=0.0))
        except DatabaseFailed as error:
            _log.warning("the lease %s could not be given back, it ends by itself: %s", name, error)
