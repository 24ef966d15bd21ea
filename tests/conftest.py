"""Servers the tests share: each with a stack root and a port of its own, gone when pytest is gone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lakeloop.stack.lakefs import LakefsServer, start_lakefs


@pytest.fixture(scope="session")
def lakefs_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LakefsServer]:
    """A real lakeFS server for the whole session; tests make repositories of their own in it."""
    with start_lakefs(tmp_path_factory.mktemp("lakefs")) as server:
        yield server
