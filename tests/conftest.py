"""Servers the tests share: each with a stack root and a port of its own, gone when pytest is gone."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import httpx
import pytest
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

from lakeloop.settings import Settings
from lakeloop.stack import mlflow
from lakeloop.stack.lakefs import LakefsServer, start_lakefs
from lakeloop.stack.layout import StackRoot
from lakeloop.stack.ports import LOOPBACK, free_port


@pytest.fixture(scope="session")
def lakefs_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LakefsServer]:
    """A real lakeFS server for the whole session; tests make repositories of their own in it."""
    with start_lakefs(tmp_path_factory.mktemp("lakefs")) as server:
        yield server


@pytest.fixture(scope="session")
def mlflow_uri(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server that answers, on a folder of its own."""
    root, port = StackRoot(tmp_path_factory.mktemp("mlflow")), free_port()
    uri = f"http://{LOOPBACK}:{port}"
    command = mlflow.program(root, Settings(home=root.home), port).write(root)
    with root.log("mlflow").open("ab") as log:
        server = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        await_server(uri)
        yield uri
    finally:
        server.terminate()
        server.wait(timeout=30)


@retry(retry=retry_if_exception_type(httpx.HTTPError), wait=wait_fixed(0.2), stop=stop_after_delay(120), reraise=True)
def await_server(uri: str) -> None:
    """Asks until the server answers."""
    mlflow.prove(uri)
