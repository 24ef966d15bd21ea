"""The MLflow server: one database, one folder of artifacts, one worker, nothing sent home."""

from __future__ import annotations

import sys
from urllib.parse import urlsplit

import httpx

from lakeloop.settings import Settings
from lakeloop.stack.layout import StackRoot
from lakeloop.stack.ports import LOOPBACK
from lakeloop.stack.program import Program


def program(root: StackRoot, settings: Settings, port: int) -> Program:
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
    return Program("mlflow", argv, env | _hosts(settings, port))


def _hosts(settings: Settings, port: int) -> dict[str, str]:
    """The server turns away a name it was not told, so that no web page can reach it under one of its own."""
    if settings.listen == LOOPBACK:
        return {}
    named = (urlsplit(settings.mlflow_tracking_uri).netloc, f"{LOOPBACK}:{port}", f"localhost:{port}")
    return {"MLFLOW_SERVER_ALLOWED_HOSTS": ",".join(named)}


def prove(tracking_uri: str) -> None:
    """Raises unless the server reads its database for us."""
    with httpx.Client(base_url=tracking_uri, timeout=10, trust_env=False) as client:
        answer = client.post("/api/2.0/mlflow/experiments/search", json={"max_results": 1}).raise_for_status().json()
    if not answer.get("experiments"):
        message = f"MLflow at {tracking_uri} knows not even its default experiment"
        raise httpx.TransportError(message)
