"""An alias moved by hand goes back at once: a real MLflow server tells the real inbox, and nobody calls reconcile."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from lakeloop.adapters.mlflow_server.client import client_of
from lakeloop.settings import REPO_ROOT, Settings
from lakeloop.stack import mlflow
from lakeloop.stack.layout import StackRoot
from lakeloop.stack.ports import LOOPBACK, free_port
from lakeloop.steps.platform import Platform
from lakeloop.steps.promotion import promote
from tests.conftest import mlflow_server
from tests.protocol.challengers import approval, challenger
from tests.protocol.promotions import p as p  # the fixture
from tests.protocol.world import Address, alerts, run
from tests.stack.waiting import eventually

pytestmark = pytest.mark.filterwarnings("ignore:.*Any type hint:UserWarning")  # of MLflow's own import
IN_PLACE = "the aliases of toy are where the ledger has them"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> StackRoot:
    return StackRoot(tmp_path_factory.mktemp("stack"))


@pytest.fixture(scope="module")
def settings(root: StackRoot) -> Iterator[Settings]:
    """A server that knows the webhook before its first event, as in the stack."""
    uri, server = mlflow_server(root)
    with server:
        settings = Settings(home=root.home, mlflow_tracking_uri=uri, alerts_url=f"http://{LOOPBACK}:{free_port()}")
        assert mlflow.furnish(settings) == f"MLflow tells {settings.alerts_url}/registry of every alias that moves"
        yield settings


@pytest.fixture(scope="module")
def mlflow_uri(settings: Settings) -> str:
    return settings.mlflow_tracking_uri


@pytest.fixture
def log(settings: Settings, address: Address, tmp_path: Path) -> Iterator[Path]:
    """What the alerts process says, while it runs for the world of the test."""
    case = tmp_path / "cases" / "use_cases" / "toy" / "__init__.py"
    case.parent.mkdir(parents=True)
    case.write_text("from tests.protocol.toy import TOY as TOY\n")
    told = {
        "HOME": str(settings.home), "LAKEFS_ENDPOINT": address.endpoint, "LAKEFS_ACCESS_KEY_ID": address.key,
        "LAKEFS_SECRET_ACCESS_KEY": address.secret, "REPOSITORY": address.repository, "ALERTS_URL": settings.alerts_url,
        "MLFLOW_TRACKING_URI": settings.mlflow_tracking_uri,
        "PLATFORM_DB_URL": f"sqlite:///{address.folder / 'platform.db'}",
    }  # fmt: skip
    path = [REPO_ROOT / "include", REPO_ROOT / "plugins", tmp_path / "cases", REPO_ROOT]
    env = {
        **os.environ, **{f"LAKELOOP_{name}": value for name, value in told.items()},
        "PYTHONPATH": os.pathsep.join(map(str, path)), "AIRFLOW_HOME": str(tmp_path / "airflow"),
        "AIRFLOW_CONN_SLACK_DEFAULT": '{"conn_type": "slack"}', "NO_PROXY": LOOPBACK,
    }  # fmt: skip
    log = tmp_path / "alerts.log"
    with log.open("wb") as file:
        service = subprocess.Popen([sys.executable, "-m", "lakeloop_airflow.alerts_service"], env=env, stdout=file, stderr=file)
    try:
        eventually(lambda: _answers(settings.alerts_url), 60)
        yield log
    finally:
        service.terminate()
        service.wait(timeout=30)


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=5, trust_env=False).is_success
    except httpx.TransportError:
        return False


def _webhooks(uri: str) -> list[Any]:
    return [one for one in client_of(uri).list_webhooks() if one.name == mlflow.WEBHOOK]


def test_a_hand_made_promotion_is_undone_at_once_and_our_own_is_left_alone(p: Platform, log: Path, mlflow_uri: str) -> None:
    gated = challenger(p, 1)
    promote(p, run("train"), gated, approval(gated))
    challenger(p, 2, "fail")
    eventually(lambda: IN_PLACE in log.read_text(), 90)
    assert (p.registry.aliases("toy"), alerts(p)) == ({"champion": 1}, []), "a promotion moves its alias itself, and is heard"

    client_of(mlflow_uri).set_registered_model_alias("toy", "champion", "2")
    eventually(lambda: "champion was version 2, the ledger says version 1: put right" in log.read_text(), 90)
    assert p.registry.aliases("toy") == {"champion": 1}
    client_of(mlflow_uri).delete_registered_model_alias("toy", "champion")
    eventually(lambda: "champion was nowhere, the ledger says version 1: put right" in log.read_text(), 90)
    assert p.registry.aliases("toy") == {"champion": 1}

    eventually(lambda: IN_PLACE in log.read_text().rpartition("put right")[2], 90)  # its own writing came back, and that was all
    assert [alert.body["cause"].partition(",")[0] for alert in sorted(alerts(p), key=lambda each: each.id)] == [
        "champion was version 2", "champion was nowhere",
    ]  # fmt: skip


def test_the_webhook_is_made_once_and_follows_the_inbox(settings: Settings, mlflow_uri: str) -> None:
    (first,) = _webhooks(mlflow_uri)
    client_of(mlflow_uri).update_webhook(first.webhook_id, status="DISABLED", events=["model_version.created"])
    mlflow.furnish(settings.model_copy(update={"registry_webhook_url": f"http://{LOOPBACK}:9/registry"}))
    (moved,) = _webhooks(mlflow_uri)
    assert (moved.webhook_id, moved.url, str(moved.status)) == (first.webhook_id, f"http://{LOOPBACK}:9/registry", "ACTIVE")
    assert sorted(str(event) for event in moved.events) == ["model_version_alias.created", "model_version_alias.deleted"]
    mlflow.furnish(settings)
    assert [one.url for one in _webhooks(mlflow_uri)] == [f"{settings.alerts_url}/registry"]


def test_a_server_that_does_not_take_it_is_a_sentence(settings: Settings) -> None:
    bare = settings.model_copy(update={"registry_webhook_secret": SecretStr("")})
    assert mlflow.furnish(bare).startswith("no webhook, since there is no secret for it")
    refused = mlflow.furnish(settings.model_copy(update={"registry_webhook_url": "ftp://x/"}))
    assert "Allowed schemes are: http, https" in refused
    assert "within the hour" in refused
