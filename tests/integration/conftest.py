"""One whole stack for the tests of this folder, with a root and ports of its own, a history taken in and a champion."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import date

import pytest

from lakeloop import wiring
from lakeloop.settings import Settings
from lakeloop.stack import guard
from lakeloop.stack.lifecycle import Lifecycle
from tests.integration.nights import Nights

HISTORY = date(2013, 6, 10), date(2013, 7, 4)  # the fewest nights that training takes, well predicted by a model of their first


@pytest.fixture(scope="package")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Everything up; it ends with the tests, also when they are killed."""
    home = tmp_path_factory.mktemp("integration") / "home"
    lifecycle = Lifecycle(Settings(home=home, tied_to=os.getpid()), wiring.bootstrap_lake)
    try:
        yield lifecycle.up()
    finally:
        lifecycle.down()
    assert guard.strays(lifecycle.root.mark) == []


@pytest.fixture(scope="package")
def nights(stack: Settings) -> Nights:
    """The flights case on that stack: some weeks published, a champion made from them, ready for the next night."""
    nights = Nights(stack, after=HISTORY[1])
    nights.feed.deliver(nights=HISTORY)
    assert nights.stage.trigger("ingest", HISTORY).state == "success"
    assert nights.stage.trigger("train").state == "success"
    assert nights.stage.ledger().champion is not None
    nights.settle()
    return nights
