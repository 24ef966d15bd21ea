"""Both halves of the adapter under test, and the client that they use, on one server."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from lakeloop.adapters.mlflow_server import MlflowRegistry, MlflowRuns
from lakeloop.adapters.mlflow_server.client import client_of


@pytest.fixture
def name() -> str:
    """A model name nobody used."""
    return f"m{uuid.uuid4().hex[:8]}"


@pytest.fixture
def registry(mlflow_uri: str) -> MlflowRegistry:
    """The versions' half."""
    return MlflowRegistry(mlflow_uri)


@pytest.fixture
def runs(mlflow_uri: str) -> MlflowRuns:
    """The runs' half."""
    return MlflowRuns(mlflow_uri)


@pytest.fixture
def client(mlflow_uri: str) -> Any:
    """The client that both halves use."""
    return client_of(mlflow_uri)
