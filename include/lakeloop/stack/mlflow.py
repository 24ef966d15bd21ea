"""The MLflow server: one database, one folder of artifacts, one worker, nothing sent home."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx

from lakeloop.settings import Settings
from lakeloop.stack.keys import Keys
from lakeloop.stack.layout import StackRoot
from lakeloop.stack.ports import LOOPBACK
from lakeloop.stack.program import Program

WEBHOOK = "lakeloop-aliases"
_API = "/api/2.0/mlflow/webhooks"
_EVENTS = [{"entity": "MODEL_VERSION_ALIAS", "action": action} for action in ("CREATED", "DELETED")]


def program(root: StackRoot, keys: Keys, settings: Settings, port: int) -> Program:
    """How to start it; clients send artifacts through it, so they need no path of this machine."""
    database, artifacts = root.folder("mlflow") / "mlflow.db", root.folder("mlflow/artifacts")
    argv = (
        sys.executable, "-m", "mlflow", "server", "--host", settings.listen, "--port", str(port), "--workers", "1",
        "--artifacts-destination", str(artifacts), "--serve-artifacts",
    )  # fmt: skip
    env = {
        "MLFLOW_BACKEND_STORE_URI": settings.mlflow_db_url.get_secret_value() or f"sqlite:///{database}",  # may hold a password
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    }
    return Program("mlflow", argv, env | _webhooks(keys) | _hosts(settings, port))


def _webhooks(keys: Keys) -> dict[str, str]:
    """What lets it call our inbox, which is plain http on loopback, or in the containers' own network."""
    return {
        "MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY": keys.mlflow_webhook_key,  # else a new one each start, which reads no secret
        "MLFLOW_WEBHOOK_ALLOWED_SCHEMES": "http,https",
        "MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS": "true",
        "MLFLOW_WEBHOOK_REQUEST_TIMEOUT": "5",
        "MLFLOW_WEBHOOK_CACHE_TTL": "1",  # s; a webhook registered after an event is else not known for a minute
    }


def _hosts(settings: Settings, port: int) -> dict[str, str]:
    """The server turns away a name it was not told, so that no web page can reach it under one of its own."""
    if settings.listen == LOOPBACK:
        return {}
    named = (urlsplit(settings.mlflow_tracking_uri).netloc, f"{LOOPBACK}:{port}", f"localhost:{port}")
    return {"MLFLOW_SERVER_ALLOWED_HOSTS": ",".join(named)}


def furnish(settings: Settings) -> str:
    """Has the server tell the inbox of every alias that moves; says in a sentence what came of it.

    Found by its name and told everything anew, since the server does not show the secret it has. Without it nothing fails:
    the janitor compares the aliases each hour.
    """
    secret = settings.registry_webhook_secret.get_secret_value()
    if not secret:
        return "no webhook, since there is no secret for it: aliases moved by hand are put back within the hour"
    url = settings.registry_webhook_url or f"{settings.alerts_url}/registry"
    told = {"name": WEBHOOK, "url": url, "secret": secret, "status": "ACTIVE", "events": _EVENTS}
    try:
        with httpx.Client(base_url=settings.mlflow_tracking_uri, timeout=10, trust_env=False) as client:
            known = next((each["webhook_id"] for each in _webhooks_of(client) if each["name"] == WEBHOOK), None)
            answer = client.patch(f"{_API}/{known}", json=told) if known else client.post(_API, json=told)
            answer.raise_for_status()
    except httpx.HTTPError as error:
        why = error.response.text[:300] if isinstance(error, httpx.HTTPStatusError) else str(error)
        return (
            f"MLflow did not take the webhook to {url} ({why}): aliases moved by hand are put back within the hour. "
            "Next: end the stack and start it anew"
        )
    return f"MLflow tells {url} of every alias that moves"


def _webhooks_of(client: httpx.Client) -> Iterator[dict[str, Any]]:
    token = ""
    while True:
        page = client.get(_API, params={"max_results": 100, "page_token": token}).raise_for_status().json()
        yield from page.get("webhooks", [])
        if not (token := page.get("next_page_token", "")):
            return


def prove(tracking_uri: str) -> None:
    """Raises unless the server reads its database for us."""
    with httpx.Client(base_url=tracking_uri, timeout=10, trust_env=False) as client:
        answer = client.post("/api/2.0/mlflow/experiments/search", json={"max_results": 1}).raise_for_status().json()
    if not answer.get("experiments"):
        message = f"MLflow at {tracking_uri} knows not even its default experiment"
        raise httpx.TransportError(message)
