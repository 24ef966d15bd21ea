"""The second case with ten published nights and an empty registry, for tests of its training."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lakeloop.adapters.mlflow_server.client import client_of
from lakeloop.core.errors import SparkFailed
from lakeloop.core.jobs import AnyJob
from lakeloop.core.reports import Report
from lakeloop.core.runs import SessionKey
from lakeloop.settings import REPO_ROOT, Settings
from lakeloop.steps.bootstrap import bootstrap
from lakeloop.steps.platform import Platform
from lakeloop.steps.training import fit, prepare
from lakeloop.wiring import lake_of, open_platform
from tests.spark.test_second_case import CASE, NIGHTS, deliver, ingest_all, run


def settings_of(stack: Settings, mlflow_uri: str, home: Path, repository: str) -> Settings:
    """A stack's servers with a home and a repository of their own."""
    return stack.model_copy(
        update={
            "home": home, "repository": repository, "mlflow_tracking_uri": mlflow_uri,
            "platform_db_url": f"sqlite:///{home / 'platform.db'}",
            "expectations": REPO_ROOT / "tests" / "use_cases" / "tiny" / "expectations",
        }
    )  # fmt: skip


def publish_nights(settings: Settings) -> None:
    """A new lake with ten published nights."""
    bootstrap(lake_of(settings), f"local://{settings.repository}", "c0de")
    for night in NIGHTS:
        deliver(settings.home, night)
    key = SessionKey(installation="t", database=settings.repository, dag="tiny__ingest", run="r", task="all")
    with open_platform(CASE, key, settings) as p:
        assert ingest_all(p)["published"] == 20


@contextmanager
def trainer(settings: Settings, key: SessionKey) -> Iterator[Platform]:
    """The real ports, as a task opens them; nobody has registered anything yet."""
    with open_platform(CASE, key, settings) as opened:
        client = client_of(settings.mlflow_tracking_uri)
        if client.search_registered_models("name = 'tiny'"):
            client.delete_registered_model("tiny")
        yield replace(opened, lake=_Untagged(opened.lake))  # type: ignore[arg-type]


class _Untagged:
    """The real lake; a tag left by an earlier test moves, as numbers of versions begin again with each."""

    def __init__(self, lake: Any) -> None:
        self._lake = lake

    def __getattr__(self, name: str) -> Any:
        return getattr(self._lake, name)

    def tag(self, name: str, commit: str) -> None:
        if name in list(self._lake.tags()):
            self._lake._tags.delete_tag(self._lake.repository, name)
        self._lake.tag(name, commit)


class Dying:
    """A Spark that dies under one kind of job."""

    def __init__(self, spark: Any, kind: str) -> None:
        self._spark, self._kind = spark, kind

    def run(self, job: AnyJob) -> Report:
        if job.kind == self._kind:
            message = f"{job.kind}: the server was killed; nothing was written, main is as it was. Next: clear the task"
            raise SparkFailed(message)
        report: Report = self._spark.run(job)
        return report


@pytest.fixture(scope="module")
def world(request: pytest.FixtureRequest, stack: Settings, mlflow_uri: str, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings of a lake of the asking file's own, named as the file is, with ten published nights."""
    name = request.module.__name__.rpartition("test_")[2].replace("_", "-")
    settings = settings_of(stack, mlflow_uri, tmp_path_factory.mktemp("world"), name)
    publish_nights(settings)
    return settings


@pytest.fixture
def p(world: Settings, new_key: Callable[[], SessionKey]) -> Iterator[Platform]:
    """That world as a task opens it."""
    with trainer(world, new_key()) as opened:
        yield opened


def fitted(p: Platform) -> dict[str, Any]:
    """A challenger, prepared and fitted."""
    return fit.fit(p, run("train"), prepare.prepare(p, run("train")))
