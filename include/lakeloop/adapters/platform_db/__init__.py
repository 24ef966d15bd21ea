"""The platform database behind its ports: one address, three small services."""

from __future__ import annotations

from functools import cached_property

from lakeloop.adapters.platform_db.alerts import PlatformOutbox
from lakeloop.adapters.platform_db.database import Database
from lakeloop.adapters.platform_db.lease import PlatformLease
from lakeloop.adapters.platform_db.sessions import PlatformSessions


class PlatformDb:
    """Leases, alerts and sessions of one installation; nothing is opened before the first question."""

    def __init__(self, url: str) -> None:
        self._database = Database(url)

    @cached_property
    def lease(self) -> PlatformLease:
        """One publisher at a time, and the freeze flag."""
        return PlatformLease(self._database)

    @cached_property
    def outbox(self) -> PlatformOutbox:
        """Alerts that wait to be sent."""
        return PlatformOutbox(self._database)

    @cached_property
    def sessions(self) -> PlatformSessions:
        """Which try opened which Spark session."""
        return PlatformSessions(self._database)
