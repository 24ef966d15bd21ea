"""Servers the tests share: each with a stack root and a port of its own, gone when pytest is gone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

from lakeloop.settings import Settings
from lakeloop.stack import mlflow
from lakeloop.stack.keys import keys_of
from lakeloop.stack.lakefs import LakefsServer, start_lakefs
from lakeloop.stack.layout import StackRoot
from lakeloop.stack.ports import LOOPBACK, free_port
from tests.killable import KillableServer
from tests.scheduling import FileScheduling


@pytest.hookimpl(optionalhook=True)  # where pytest runs without xdist, nobody knows this hook
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> FileScheduling:
    """Servers are a worker's own, so a file of tests is one worker's."""
    return FileScheduling(config, log)


@pytest.fixture(scope="session")
def lakefs_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LakefsServer]:
    """A real lakeFS server for the whole session; tests make repositories of their own in it."""
    with start_lakefs(tmp_path_factory.mktemp("lakefs")) as server:
        yield server


@pytest.fixture(scope="session")
def mlflow_uri(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server that answers, on a folder of its own."""
    uri, server = mlflow_server(StackRoot(tmp_path_factory.mktemp("mlflow")))
    with server:
        yield uri


def mlflow_server(root: StackRoot) -> tuple[str, KillableServer]:
    """Address of an MLflow server of the root, which is yet to be started."""
    port = free_port()
    uri = f"http://{LOOPBACK}:{port}"
    command = mlflow.program(root, keys_of(root), Settings(home=root.home), port).write(root)
    return uri, KillableServer(command, root.log("mlflow"), lambda: await_server(uri))


@retry(retry=retry_if_exception_type(httpx.HTTPError), wait=wait_fixed(0.2), stop=stop_after_delay(120), reraise=True)
def await_server(uri: str) -> None:
    """Asks until the server answers."""
    mlflow.prove(uri)
