"""A world where versions are promoted: two published days, a real registry, and what is done to it."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from lakeloop.adapters.mlflow_server.client import client_of
from lakeloop.steps.platform import Platform
from lakeloop.steps.promotion import promote
from tests.protocol.challengers import approval, challenger, on_registry
from tests.protocol.world import DAY_ONE, Address, assert_whole, deliver, found, ingest_all, run

D1, D2 = DAY_ONE, DAY_ONE + timedelta(days=1)


@pytest.fixture
def p(address: Address, mlflow_uri: str) -> Iterator[Platform]:
    """A world with two published days and an empty registry."""
    world = on_registry(found(address), mlflow_uri)
    for day in (D1, D2):
        deliver(address, day, {1: 1.0, 2: 2.0})
    ingest_all(world)
    yield world
    assert_whole(world)


def aliases(p: Platform) -> dict[str, int]:
    return p.registry.aliases("toy")


def first(p: Platform) -> None:
    gated = challenger(p, 1)
    promote(p, run("train"), gated, approval(gated))


def overwrite(uri: str, version: int, folder: Path, content: bytes) -> None:
    """Other bytes of a version, through MLflow's own door, as anybody on its network may."""
    client = client_of(uri)
    (folder / "model.ubj").write_bytes(content)
    model = client.get_model_version("toy", str(version)).source.removeprefix("models:/")
    client.log_model_artifact(model, str(folder / "model.ubj"))
