"""Fixtures of the protocol suite."""

import itertools
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from lakeloop.core import checkpoints
from lakeloop.stack.lakefs import LakefsServer
from tests.protocol.world import Address

_names = itertools.count(1)


@pytest.fixture
def new_address(lakefs_server: LakefsServer, tmp_path: Path) -> Callable[[], Address]:
    """Makes addresses of worlds nobody has been in."""

    def make() -> Address:
        name = f"world-{next(_names)}"
        folder = tmp_path / name
        folder.mkdir()
        return Address(lakefs_server.endpoint, lakefs_server.access_key_id, lakefs_server.secret_access_key, name, folder)

    return make


@pytest.fixture
def address(new_address: Callable[[], Address]) -> Address:
    """A world of one test."""
    return new_address()


@pytest.fixture
def meanwhile() -> Iterator[Mapping[str, object]]:
    """Name a point and what somebody else does there, once."""
    waiting: dict[str, object] = {}

    def observer(point: str) -> None:
        deed = waiting.pop(point, None)
        if callable(deed):
            deed()

    checkpoints.observe(observer)
    yield waiting
    checkpoints.forget(observer)
