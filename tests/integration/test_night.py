"""One night through the real Airflow: taken in, scored, judged and published, each DAG woken by the one before."""

from __future__ import annotations

import httpx
import pytest

from lakeloop.adapters.platform_db import PlatformDb
from lakeloop.settings import Settings
from lakeloop.story.stage import now
from tests.integration.nights import CASE, Nights, until

pytestmark = [pytest.mark.stack, pytest.mark.timeout(1800)]


def test_a_night_is_published_with_its_trust_and_main_attests(nights: Nights) -> None:
    nights.play(nights.next())
    assert nights.attests()


def test_a_sweep_with_nothing_to_do_is_green_and_changes_nothing(nights: Nights) -> None:
    before = nights.stage.lake.head("main")
    for stage in ("ingest", "score", "watch"):  # a night makes another day to train on, so training has something to do
        assert nights.ended(stage, nights.start(stage)) == "success", stage
    assert nights.stage.lake.head("main") == before


def test_each_run_carries_a_note_of_what_it_did(nights: Nights) -> None:
    run = nights.airflow.runs(f"{CASE}__ingest", 1)[0]
    assert "nothing" in run["note"] or "every delivery" in run["note"]


def test_the_lakefs_connection_type_is_known_and_no_plugin_failed(nights: Nights, stack: Settings) -> None:
    assert nights.airflow.import_errors() == []
    nights.airflow.connect("lakefs_mine", "lakefs", host=stack.lakefs_endpoint, login="k", password="s", schema="lakeloop")


def test_a_refused_configuration_is_one_alert_on_the_page(nights: Nights, stack: Settings) -> None:
    began = now().timestamp()
    assert nights.ended("score", nights.start("score", {"nonsense": "1"})) == "failed"
    outbox = PlatformDb(stack.platform_db_url).outbox
    (alert,) = until(
        lambda: [each for each in outbox.all() if each.created_at >= began and each.sent_at],
        lambda found: bool(found),
        "the alert is sent",
    )
    assert "nonsense" in alert.body["cause"]
    assert "flights__score failed" in httpx.get(stack.alerts_url, timeout=5, trust_env=False).text
