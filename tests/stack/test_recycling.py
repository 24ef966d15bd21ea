"""Sessions come and go by the hundred; the warm Spark's memory does not grow with them."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lakeloop.settings import Settings
from lakeloop.stack import recycler, spark
from lakeloop.stack.keys import keys_of
from lakeloop.stack.layout import StackRoot, write_private_json
from lakeloop.stack.ports import free_port
from lakeloop.stack.program import Program
from lakeloop.stack.supervisor import Supervisor
from tests.stack.waiting import eventually

pytestmark = [pytest.mark.soak, pytest.mark.timeout(0)]
SESSIONS = int(os.environ.get("LAKELOOP_SESSIONS", "200"))
ROUND = 20  # sessions between two looks
MEMORY_LIMIT = 3 * 1024**3


@pytest.fixture
def supervisor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Supervisor]:
    """A Spark and its recycler, without the rest of a stack."""
    root, port = StackRoot(tmp_path / "home"), free_port()
    write_private_json(root.stack_file, {"spark_remote": f"sc://localhost:{port}"})
    keys = keys_of(root)
    monkeypatch.setenv("LAKELOOP_HOME", str(root.home))
    watch = Program("recycler", (sys.executable, "-m", "lakeloop.stack.recycler"))
    supervisor = Supervisor(root)
    supervisor.start([spark.program(root, keys, Settings.load(), port), watch], tied_to=os.getpid())
    for name in ("spark", "recycler"):
        supervisor.start_program(name)
    yield supervisor
    supervisor.shutdown()


def test_memory_stays_flat_over_many_sessions(supervisor: Supervisor) -> None:
    settings, weights = Settings.load(), []
    eventually(lambda: works(settings), seconds=120)
    before = supervisor.state("spark").pid
    for _ in range(SESSIONS // ROUND):
        for _ in range(ROUND):
            spark.prove(settings)
        look = recycler.take_a_look(supervisor, settings)
        assert look is not None
        weights.append(look.pss)
    assert max(weights) < MEMORY_LIMIT
    assert weights[-1] < 1.2 * weights[1]
    assert supervisor.state("spark").pid == before, "sessions leave nothing behind that it would have to be replaced for"


def works(settings: Settings) -> bool:
    try:
        spark.prove(settings)
    except Exception:
        return False
    return True
