"""Nothing of a service outlives its guard, whoever is killed."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from lakeloop.stack import guard
from lakeloop.stack.layout import StackRoot
from lakeloop.stack.program import Program
from tests.stack.waiting import eventually

# A service that forks a child which leaves its session and group, as daemons and Airflow's workers do.
FORKING = "setsid setsid sleep 1001 & exec sleep 1000"


@pytest.fixture
def root(tmp_path: Path) -> Iterator[StackRoot]:
    root = StackRoot(tmp_path / "root")
    yield root
    guard.end_strays(root.mark)


def start(root: StackRoot, *argv: str, grace: int = 5) -> subprocess.Popen[bytes]:
    return subprocess.Popen(Program("service", argv, grace=grace).write(root))


def family(pid: int) -> list[int]:
    return guard.descendants(pid)


def test_a_service_ends_with_its_own_code(root: StackRoot) -> None:
    assert start(root, "sh", "-c", "exit 7").wait(10) == 7


def test_a_missing_service_is_told_apart(root: StackRoot) -> None:
    assert start(root, "no-such-service-anywhere").wait(10) == 127


def test_a_term_reaches_the_service_and_its_children(root: StackRoot) -> None:
    process = start(root, "sh", "-c", FORKING)
    eventually(lambda: len(family(process.pid)) == 2)
    pids = family(process.pid)
    process.terminate()
    assert process.wait(10) == 128 + signal.SIGTERM
    assert not any(psutil.pid_exists(pid) for pid in pids)


def test_a_service_deaf_to_term_is_killed_after_its_grace(root: StackRoot) -> None:
    process = start(root, "sh", "-c", "trap '' TERM; echo; while :; do sleep 0.1; done", grace=1)
    eventually(lambda: family(process.pid))
    eventually(lambda: b"\x00" in Path(f"/proc/{process.pid}/cmdline").read_bytes())
    process.terminate()
    assert process.wait(10) in {128 + signal.SIGKILL, 128 + signal.SIGTERM}
    assert guard.strays(root.mark) == []


def test_a_service_does_not_inherit_a_blocked_term(root: StackRoot) -> None:
    process = start(root, "sh", "-c", "grep SigBlk /proc/self/status > blocked")
    assert process.wait(10) == 0
    assert int((root.home / "blocked").read_text().split()[1], 16) == 0


def test_a_killed_service_takes_its_orphans_along(root: StackRoot) -> None:
    process = start(root, "sh", "-c", FORKING)
    eventually(lambda: len(family(process.pid)) == 2)
    service = next(pid for pid in family(process.pid) if psutil.Process(pid).ppid() == process.pid)
    os.kill(service, signal.SIGKILL)
    assert process.wait(10) == 128 + signal.SIGKILL
    assert guard.strays(root.mark) == []


def test_a_killed_parent_takes_guard_and_service_along(root: StackRoot) -> None:
    command = Program("service", ("sh", "-c", FORKING)).write(root)
    parent = subprocess.Popen(["python3", "-c", f"import subprocess; subprocess.run({command!r})"])
    eventually(lambda: len(guard.strays(root.mark)) == 2)
    parent.kill()
    parent.wait(10)
    eventually(lambda: guard.strays(root.mark) == [])


def test_what_a_killed_guard_leaves_is_ended_by_the_next_start(root: StackRoot) -> None:
    first = start(root, "sh", "-c", FORKING)
    eventually(lambda: len(family(first.pid)) == 2)
    orphan = next(pid for pid in family(first.pid) if psutil.Process(pid).cmdline()[-1] == "1001")
    first.kill()
    first.wait(10)
    eventually(lambda: guard.strays(f"{root.mark}service") == [orphan])
    second = start(root, "sleep", "1002")
    eventually(lambda: family(second.pid))
    eventually(lambda: not psutil.pid_exists(orphan))
    second.terminate()
    second.wait(10)


def test_the_mark_of_one_stack_is_not_the_mark_of_another(tmp_path: Path) -> None:
    process = start(StackRoot(tmp_path / "a"), "sleep", "1003")
    eventually(lambda: guard.strays(f"{tmp_path / 'a'}:"))
    assert guard.strays(f"{tmp_path}:") == []
    assert guard.strays(f"{tmp_path / 'a'}:serv") == []
    process.terminate()
    process.wait(10)
