"""The plugin as Airflow loads it: the provider's form, the links, which failures are tried again, how quick an alert is."""

from __future__ import annotations

import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowTaskTimeout

from lakeloop.adapters.platform_db import PlatformDb
from lakeloop.core import errors
from lakeloop.core.runs import SessionKey
from lakeloop.settings import Settings
from lakeloop_airflow.hooks.lakefs import LakeFSHook
from lakeloop_airflow.links import LINKS, remember
from lakeloop_airflow.notify import alert_of_failed_run
from lakeloop_airflow.retries import RETRY_POLICY
from lakeloop_airflow.sessions import without_secrets

KEY = SessionKey(installation="i", database="d", dag="flights__ingest", run="manual__1", task="write")
AGAIN = [
    errors.Unavailable("no answer"),
    errors.SparkFailed("lost"),
    errors.RegistryFailed("503"),
    errors.LeaseLost("taken"),
    errors.StaleHead("moved"),
    ConnectionResetError(),
    TimeoutError(),
    errors.DatabaseFailed("locked"),
    AirflowTaskTimeout(),
]
NEVER = [
    errors.InvalidInput("x"),
    errors.AuditFailed("x"),
    errors.GateViolation("x"),
    errors.PreconditionFailed("x"),
    errors.PromotionRefused("x"),
    errors.Frozen("x"),
    errors.MergeConflict("x"),
    errors.AlreadyPublished("x"),
    errors.ConfigurationError("x"),
    TypeError("a bug"),
]


def _action(error: BaseException) -> str:
    return RETRY_POLICY.evaluate(error, try_number=1, max_tries=2).action.value


@pytest.mark.parametrize("error", AGAIN, ids=lambda error: type(error).__name__)
def test_failures_of_the_machinery_are_tried_again(error: BaseException) -> None:
    assert _action(error) == "retry"


@pytest.mark.parametrize("error", NEVER, ids=lambda error: type(error).__name__)
def test_failures_of_data_and_code_are_not(error: BaseException) -> None:
    assert _action(error) == "fail"


def test_the_plugin_is_loaded_once_and_nothing_else_of_its_folder() -> None:
    from airflow import plugins_manager

    plugins, failed = plugins_manager._get_plugins()
    assert failed == {}
    assert [plugin.name for plugin in plugins if plugin.name == "lakeloop"] == ["lakeloop"]


def test_airflow_shows_the_lakefs_connection_with_its_form() -> None:
    from airflow.providers_manager import ProvidersManager

    manager = ProvidersManager()
    hook = manager.hooks["lakefs"]
    assert hook is not None
    assert (hook.hook_name, hook.connection_type) == ("lakeFS", "lakefs")
    assert manager.field_behaviours["lakefs"]["relabeling"]["schema"] == "Repository"


def test_the_hook_opens_the_lake_that_its_connection_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_LAKEFS_DEFAULT", '{"conn_type": "lakefs", "host": "http://127.0.0.1:9/", "login": "k",'
                       ' "password": "s", "schema": "lakeloop"}')  # fmt: skip
    assert LakeFSHook().get_conn().repository == "lakeloop"
    works, words = LakeFSHook().test_connection()
    assert works is False
    assert "main" in words


def test_a_connection_without_a_repository_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_LAKEFS_DEFAULT", '{"conn_type": "lakefs", "host": "http://127.0.0.1:9"}')
    with pytest.raises(errors.ConfigurationError, match="needs endpoint URL, key id, secret and repository"):
        LakeFSHook().get_conn()


def _links(answer: dict[str, Any] | None) -> list[str]:
    task = SimpleNamespace()
    if answer is not None:
        remember(task, answer)
    return [link.get_link(task, ti_key=None).partition("/lake/")[2] for link in LINKS]


def test_a_task_that_writes_links_to_the_commit_it_ended_on_since_its_branch_will_be_dropped() -> None:
    assert _links({"branch": "run-x", "commit": "abc", "run_key": "k"}) == [
        "abc/",
        "abc/_lakeloop/receipts/k.json",
        "abc/_lakeloop/evidence/k/",
    ]


def test_a_task_that_left_no_receipt_links_to_none() -> None:
    answer = {"branch": "run-x", "commit": "abc", "run_key": "k", "sealed": False, "page": "verdict.html"}
    assert _links(answer) == ["abc/", "", "abc/_lakeloop/evidence/k/verdict.html"]


def test_a_task_that_published_links_to_the_merge() -> None:
    assert _links({"branch": "", "commit": "abc", "run_key": "k"})[:2] == ["", "abc/_lakeloop/receipts/k.json"]


@pytest.mark.parametrize("answer", [None, {}, {"nothing_to_do": True, "summary": "x"}])
def test_a_task_that_made_nothing_links_to_nothing(answer: dict[str, Any] | None) -> None:
    assert _links(answer) == ["", "", ""]


def test_no_key_of_the_platform_stands_in_last_words() -> None:
    settings = Settings(lakefs_secret_access_key="very-secret", spark_token="also-secret")
    assert without_secrets("sc://h/;token=also-secret and very-secret", settings) == "sc://h/;token=*** and ***"


@pytest.fixture
def platform_db(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PlatformDb:
    monkeypatch.setenv("LAKELOOP_HOME", str(tmp_path))
    return PlatformDb(Settings.load().platform_db_url)


def _context(run: str = "manual__1") -> dict[str, Any]:
    dag = SimpleNamespace(dag_id="flights__ingest", default_args={"owner": "o"}, user_defined_macros={"slack_channel": "#f"})
    return {"dag": dag, "run_id": run, "reason": "task_failure"}


def test_a_killed_task_is_named_though_it_left_no_words(platform_db: PlatformDb) -> None:
    platform_db.sessions.opened(KEY)
    alert_of_failed_run(_context())
    (alert,) = platform_db.outbox.all()
    assert alert.body["cause"] == "write: ended without a word, as a killed process does"
    assert (alert.channel, alert.body["owner"]) == ("#f", "o")


def test_only_the_last_try_of_a_task_is_blamed(platform_db: PlatformDb) -> None:
    platform_db.sessions.opened(KEY)
    platform_db.sessions.ended(KEY.id, "Unavailable: no answer")
    second = KEY.model_copy(update={"attempt": 2})
    platform_db.sessions.opened(second)
    platform_db.sessions.ended(second.id)
    alert_of_failed_run(_context())
    assert platform_db.outbox.all()[0].body["cause"] == "task_failure"


def test_the_same_end_is_told_once_and_the_next_failure_anew(platform_db: PlatformDb) -> None:
    platform_db.sessions.opened(KEY)
    platform_db.sessions.ended(KEY.id, "AuditFailed: x")
    alert_of_failed_run(_context())
    alert_of_failed_run(_context())
    assert len(platform_db.outbox.all()) == 1
    cleared = KEY.model_copy(update={"attempt": 2})
    platform_db.sessions.opened(cleared)
    platform_db.sessions.ended(cleared.id, "AuditFailed: x")
    alert_of_failed_run(_context())
    assert len(platform_db.outbox.all()) == 2


def test_an_alert_never_fails_its_caller(platform_db: PlatformDb, tmp_path: Path) -> None:
    (tmp_path / "platform.db").write_bytes(b"no database at all, but long enough to be looked at" * 20)
    alert_of_failed_run(_context())
    alert_of_failed_run({})


def test_an_alert_is_kept_within_its_budget(platform_db: PlatformDb) -> None:
    platform_db.sessions.opened(KEY)  # the schema is there, as it is on a running platform
    begun = time.process_time()
    alert_of_failed_run(_context())
    assert time.process_time() - begun < 0.05
