"""Faults through the real Airflow: one that the watch takes back, its repair, and two that are refused at the door."""

from __future__ import annotations

from datetime import date

import pytest

from lakeloop.adapters.platform_db import PlatformDb
from lakeloop.core.lake import UnitId
from lakeloop.settings import Settings
from lakeloop.story.stage import now
from tests.integration.nights import Nights

pytestmark = [pytest.mark.more, pytest.mark.stack, pytest.mark.timeout(1200)]


def test_a_fault_that_outcomes_show_is_withdrawn_once_however_often_act_is_cleared(nights: Nights) -> None:
    faulty = nights.next(faults={"schedule": "an_hour_late"})
    before = schedule(nights, faulty)
    nights.play(faulty)
    nights.play(nights.next())
    assert schedule(nights, faulty) != before
    since, last = now(), nights.next()
    nights.succeeds("ingest", nights.start("ingest"))
    nights.succeeds("score", nights.woken("score", since))
    watch = nights.woken("watch", since)
    nights.when_running("watch", watch, "act")
    nights.clear("watch", watch, "act")
    nights.succeeds("watch", watch)
    assert nights.stage.ledger().owner(UnitId("schedule", faulty)) is None
    assert nights.stage.ledger().scores[faulty].recalled
    assert (nights.trust(faulty), schedule(nights, faulty)) == ("", before)
    assert nights.trust(last) == "trusted"
    merges = nights.merges()
    nights.clear("watch", watch, "act")
    nights.succeeds("watch", watch)
    assert nights.merges() == merges, "what was withdrawn is not withdrawn again"
    nights.feed.repair("schedule", faulty)
    nights.play(faulty)
    assert nights.attests()


def test_weather_in_celsius_is_refused_before_anybody_read_it(nights: Nights, stack: Settings) -> None:
    began = now().timestamp()
    night = nights.next(faults={"weather": "celsius"})
    nights.succeeds("ingest", nights.start("ingest"))
    nights.settle()
    assert (nights.stage.ledger().owner(UnitId("weather", night)), nights.trust(night)) == (None, "")
    (alert,) = (one for one in PlatformDb(stack.platform_db_url).outbox.all() if one.created_at >= began)
    assert alert.title == "flights: 1 delivery refused"
    assert "not in Fahrenheit" in alert.body["cause"]
    nights.feed.repair("weather", night)
    nights.play(night)


def test_a_damaged_delivery_is_refused_and_one_alert_says_so(nights: Nights, stack: Settings) -> None:
    began = now().timestamp()
    night = nights.next(faults={"weather": "truncated"})
    nights.succeeds("ingest", nights.start("ingest"))
    nights.settle()
    ledger = nights.stage.ledger()
    assert ledger.landed.get(UnitId("weather", night)), "its bytes are kept"
    assert (ledger.owner(UnitId("weather", night)), nights.trust(night)) == (None, "")
    told = [alert.title for alert in PlatformDb(stack.platform_db_url).outbox.all() if alert.created_at >= began]
    assert told == ["flights: 1 delivery refused"]
    nights.feed.repair("weather", night)
    nights.play(night)


def schedule(nights: Nights, night: date) -> object:
    """Rows and hash of the night's schedule on main."""
    return nights.stage.fingerprints("main", "schedule", [night])
