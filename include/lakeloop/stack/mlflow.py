"""The MLflow server: SQLite, one folder of artifacts, one worker, nothing sent home."""

from __future__ import annotations

import sys

import httpx

from lakeloop.stack.layout import StackRoot
from lakeloop.stack.ports import LOOPBACK
from lakeloop.stack.program import Program


def program(root: StackRoot, port: int) -> Program:
    """How to start it; clients send artifacts through it, so they need no path of this machine."""
    database, artifacts = root.folder("mlflow") / "mlflow.db", root.folder("mlflow/artifacts")
    argv = (
        sys.executable, "-m", "mlflow", "server", "--host", LOOPBACK, "--port", str(port), "--workers", "1",
        "--backend-store-uri", f"sqlite:///{database}", "--artifacts-destination", str(artifacts), "--serve-artifacts",
    )  # fmt: skip
    env = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    return Program("mlflow", argv, env)


def prove(tracking_uri: str) -> None:
    """Raises unless the server reads its database for us."""
    with httpx.Client(base_url=tracking_uri, timeout=10, trust_env=False) as client:
        answer = client.post("/api/2.0/mlflow/experiments/search", json={"max_results": 1}).raise_for_status().json()
    if not answer.get("experiments"):
        message = f"MLflow at {tracking_uri} knows not even its default experiment"
        raise httpx.TransportError(message)
