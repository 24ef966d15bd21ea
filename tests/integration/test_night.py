"""One night through the real Airflow: taken in, scored, judged and published, each DAG woken by the one before."""

from __future__ import annotations

import httpx
import pytest
from deltalake import DeltaTable

from lakeloop.adapters.duckdb_sql import LakeSql
from lakeloop.adapters.platform_db import PlatformDb
from lakeloop.cli.sql_views import views_of
from lakeloop.cli.stack import client_environment
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


def test_outside_clients_count_the_same_rows_on_main_with_what_env_gives_them(nights: Nights, stack: Settings) -> None:
    given = client_environment(stack)["lakefs"]
    commit = nights.stage.lake.head("main")
    options = {
        "AWS_ENDPOINT_URL": given["endpoint"],
        "AWS_ACCESS_KEY_ID": given["access_key_id"],
        "AWS_SECRET_ACCESS_KEY": given["secret_access_key"],
        "AWS_REGION": "us-east-1",
        "AWS_ALLOW_HTTP": "true",
    }
    keys = given["endpoint"], given["access_key_id"], given["secret_access_key"], given["repository"]
    with LakeSql(*keys, commit) as duckdb:
        duckdb.add(views_of(lambda prefix: nights.stage.lake.folders(commit, prefix)))
        for name in ("schedule", "weather", "outcomes"):
            table = DeltaTable(f"s3://{given['repository']}/{commit}/clean/{CASE}/{name}", storage_options=options)
            counted = next(iter(duckdb.ask(f"select count(*) from {CASE}_{name}").rows))[0]
            assert counted == table.to_pyarrow_dataset().count_rows() > 0


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
