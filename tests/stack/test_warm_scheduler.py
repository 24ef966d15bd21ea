"""What tasks find imported, and what they must not: each of them is a fork below the scheduler."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from lakeloop.settings import Settings
from lakeloop.stack import warm_scheduler
from lakeloop.stack.airflow import environment
from lakeloop.stack.keys import keys_of
from lakeloop.stack.layout import StackRoot

LOOK = """
import json, os, pathlib, sys
from lakeloop.stack.warm_scheduler import share

def drawn():
    read, write = os.pipe()
    if not os.fork():
        import numpy
        os.write(write, numpy.random.random().hex().encode())
        os._exit(0)
    os.wait()
    return os.read(read, 64).decode()

failed = share()
threads = [(task / "comm").read_text().strip() for task in pathlib.Path("/proc/self/task").iterdir()]
print(json.dumps({"failed": failed, "modules": list(sys.modules), "threads": threads, "drawn": [drawn(), drawn()]}))
"""


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """What a process knows that shares, in the environment that a stack gives its scheduler."""
    root = StackRoot(tmp_path_factory.mktemp("root"))
    told = subprocess.run(
        [sys.executable, "-c", LOOK], check=True, capture_output=True, text=True, timeout=120,
        env=os.environ | environment(root, keys_of(root), Settings(home=root.home), 1),
    )  # fmt: skip
    return dict(json.loads(told.stdout.splitlines()[-1]))


def test_a_fork_inherits_libraries_and_by_them_no_code_of_the_project(found: dict[str, list[str]]) -> None:
    assert not found["failed"]
    assert set(warm_scheduler.SHARED) <= set(found["modules"])
    ours = {name for name in found["modules"] if name.partition(".")[0] in {"lakeloop", "use_cases", "lakeloop_airflow"}}
    assert ours == {"lakeloop", "lakeloop.stack", "lakeloop.stack.warm_scheduler"}


def test_no_thread_is_left_that_a_fork_would_lose(found: dict[str, list[str]]) -> None:
    """The one beside Python's is jemalloc's, which Arrow brings and which begins anew in a fork."""
    assert sorted(set(found["threads"]) - {"jemalloc_bg_thd"}) == [found["threads"][0]]
    assert found["threads"].count(found["threads"][0]) == 1


def test_two_tasks_draw_different_numbers(found: dict[str, list[str]]) -> None:
    first, second = found["drawn"]
    assert first != second


def test_what_cannot_be_shared_keeps_no_scheduler_from_running(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(warm_scheduler, "SHARED", ("no_such_library", "json"))
    monkeypatch.setattr(os, "register_at_fork", lambda **_: None)  # or this process keeps it
    assert warm_scheduler.share() == ["no_such_library"]
    assert "no_such_library is not shared with tasks: ModuleNotFoundError" in capsys.readouterr().err


def test_it_is_airflows_own_command() -> None:
    told = subprocess.run(
        [sys.executable, "-m", "lakeloop.stack.warm_scheduler", "scheduler", "--help"],
        check=True, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert "--skip-serve-logs" in told.stdout
