"""Faults through the real Airflow: one that the watch takes back, its repair, and one that is refused at the door."""

from __future__ import annotations

from datetime import date

import pytest

from lakeloop.adapters.platform_db import PlatformDb
from lakeloop.core.lake import UnitId
from lakeloop.settings import Settings
from lakeloop.story.stage import now
from tests.integration.nights import Nights

pytestmark = [pytest.mark.more, pytest.mark.stack, pytest.mark.timeout(1200)]


def test_a_fault_is_withdrawn_once_however_often_act_is_cleared_and_its_repair_is_published(nights: Nights) -> None:
    since = now()
    night = nights.next(faults={"weather": "celsius"})
    before = weather(nights, night)
    nights.succeeds("ingest", nights.start("ingest"))
    nights.succeeds("score", nights.woken("score", since))
    watch = nights.woken("watch", since)
    nights.when_running("watch", watch, "act")
    nights.clear("watch", watch, "act")
    nights.succeeds("watch", watch)
    assert nights.stage.ledger().owner(UnitId("weather", night)) is None
    assert (nights.trust(night), weather(nights, night)) == ("", before)
    merges = nights.merges()
    nights.clear("watch", watch, "act")
    nights.succeeds("watch", watch)
    assert nights.merges() == merges, "what was withdrawn is not withdrawn again"
    nights.feed.repair("weather", night)
    nights.play(night)
    assert nights.attests()


def test_a_damaged_delivery_is_refused_and_one_alert_says_so(nights: Nights, stack: Settings) -> None:
    began = now().timestamp()
    night = nights.next(faults={"weather": "truncated"})
    nights.succeeds("ingest", nights.start("ingest"))
    nights.settle()
    ledger = nights.stage.ledger()
    assert ledger.landed[UnitId("weather", night)], "its bytes are kept"
    assert (ledger.owner(UnitId("weather", night)), nights.trust(night)) == (None, "")
    told = [alert.title for alert in PlatformDb(stack.platform_db_url).outbox.all() if alert.created_at >= began]
    assert told == ["flights: 1 delivery refused"]
    nights.feed.repair("weather", night)
    nights.play(night)


def weather(nights: Nights, night: date) -> object:
    """Rows and hash of the night's weather on main."""
    return nights.stage.fingerprints("main", "weather", [night])
