"""One lakeFS server and one Spark Connect server for all Spark tests; every test gets a repository of its own."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import grpc
import pytest
from pydantic import SecretStr
from pyspark.sql import SparkSession

from lakeloop.adapters.lakefs_lake import LakeFSLake
from lakeloop.core.runs import SessionKey
from lakeloop.settings import Settings
from lakeloop.spark.connect import ConnectRunner
from lakeloop.stack import spark as spark_part
from lakeloop.stack.keys import keys_of
from lakeloop.stack.lakefs import LakefsServer
from lakeloop.stack.layout import StackRoot
from lakeloop.stack.ports import free_port
from tests.killable import KillableServer

START_SECONDS = 90


@pytest.fixture(scope="session")
def stack(lakefs_server: LakefsServer) -> Iterator[Settings]:
    """Settings of a lakeFS and a Connect server that are up."""
    settings, server = connect_server(lakefs_server, StackRoot(lakefs_server.home))
    with server:
        yield settings


def connect_server(lakefs_server: LakefsServer, root: StackRoot) -> tuple[Settings, KillableServer]:
    """Settings of the lakeFS and of a Connect server of the root, which is yet to be started."""
    lake_keys, port = keys_of(StackRoot(lakefs_server.home)), free_port()
    keys = replace(
        keys_of(root), lakefs_access_key_id=lake_keys.lakefs_access_key_id,
        lakefs_secret_access_key=lake_keys.lakefs_secret_access_key,
    )  # fmt: skip
    settings = Settings(
        home=root.home,
        lakefs_endpoint=lakefs_server.endpoint,
        lakefs_access_key_id=keys.lakefs_access_key_id,
        lakefs_secret_access_key=SecretStr(keys.lakefs_secret_access_key),
        spark_remote=f"sc://localhost:{port}",
        spark_token=SecretStr(keys.spark_token),
    )
    program = spark_part.program(root, keys, settings, port)
    _log_events(root)
    quick = {"JDK_JAVA_OPTIONS": "-XX:TieredStopAtLevel=1"}  # jobs of seconds end before the better compiler has paid
    command = replace(program, env=program.env | quick).write(root)

    def listens() -> None:
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            grpc.channel_ready_future(channel).result(timeout=START_SECONDS)

    return settings, KillableServer(command, root.log("spark"), listens, grace=60)


def _log_events(root: StackRoot) -> None:
    """The server writes down every Spark job it starts, for tests that count them."""
    written = {"enabled": "true", "dir": str(root.folder("spark/events")), "compress": "false", "rolling.enabled": "false"}
    with (root.folder("spark/conf") / "spark-defaults.conf").open("a", encoding="utf-8") as defaults:
        defaults.writelines(f"spark.eventLog.{name} {value}\n" for name, value in written.items())


@pytest.fixture(scope="session")
def spark(stack: Settings) -> Iterator[SparkSession]:
    """One session for what tests look at; jobs under test run in sessions of their own."""
    session = SparkSession.builder.remote(stack.spark_connect_url).create()
    session.conf.set("spark.sql.session.timeZone", "UTC")
    yield session
    session.stop()


@pytest.fixture
def lake(stack: Settings) -> LakeFSLake:
    """A fresh repository."""
    return new_lake(stack)


@pytest.fixture(scope="module")
def shared_lake(stack: Settings) -> LakeFSLake:
    """A repository that the tests of one module share; they write to branches of their own."""
    return new_lake(stack)


@pytest.fixture(scope="session")
def new_key() -> Callable[[], SessionKey]:
    """Names of sessions that nobody used."""
    return lambda: SessionKey(installation="tests", database="none", dag="test", run=uuid.uuid4().hex, task="spark")


@pytest.fixture(scope="module")
def runner(stack: Settings, new_key: Callable[[], SessionKey]) -> Iterator[ConnectRunner]:
    """A runner with a session for the tests of one module."""
    with ConnectRunner(stack, new_key()) as opened:
        yield opened


def new_lake(stack: Settings) -> LakeFSLake:
    """Creates a repository with a name of its own."""
    lake = LakeFSLake(
        stack.lakefs_endpoint,
        stack.lakefs_access_key_id,
        stack.lakefs_secret_access_key.get_secret_value(),
        f"t{uuid.uuid4().hex[:12]}",
    )
    lake.create_repository(f"local://{lake.repository}")
    return lake


def put_files(lake: LakeFSLake, branch: str, folder: str, files: dict[str, str | Path]) -> None:
    """Stages files (text, or a path whose bytes are taken) in a folder of a branch."""
    for name, content in files.items():
        body = content.read_bytes() if isinstance(content, Path) else content.encode()
        lake.put(branch, f"{folder}{name}", body)
