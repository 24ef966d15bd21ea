"""The process manager: restarts with back-off, one daemon a root, nothing left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from lakeloop.core.errors import StackFailed
from lakeloop.stack import guard
from lakeloop.stack.layout import StackRoot
from lakeloop.stack.program import Program
from lakeloop.stack.supervisor import Supervisor
from tests.stack.waiting import eventually

SLEEPER = Program("sleeper", ("sleep", "1000"), grace=2)
OTHER = Program("other", ("sleep", "1001"), grace=2)


@pytest.fixture
def root(tmp_path: Path) -> Iterator[StackRoot]:
    root = StackRoot(tmp_path / "root with a space")
    yield root
    guard.end_strays(root.mark)


@pytest.fixture
def supervisor(root: StackRoot) -> Supervisor:
    supervisor = Supervisor(root)
    supervisor.start([SLEEPER, OTHER])
    for program in (SLEEPER, OTHER):
        supervisor.start_program(program.name)
    return supervisor


def service_of(supervisor: Supervisor, name: str) -> int:
    return next(iter(guard.descendants(supervisor.state(name).pid)), 0)


def test_a_program_starts_once_and_stops(supervisor: Supervisor) -> None:
    first = supervisor.state("sleeper").pid
    supervisor.start_program("sleeper")
    assert supervisor.state("sleeper").pid == first
    supervisor.stop_programs(["sleeper"])
    assert [(state.name, state.started) for state in supervisor.states()] == [("other", True), ("sleeper", False)]


def test_a_crashed_program_comes_back_by_itself(supervisor: Supervisor) -> None:
    eventually(lambda: service_of(supervisor, "sleeper"))
    service = service_of(supervisor, "sleeper")
    os.kill(service, signal.SIGKILL)
    eventually(lambda: service_of(supervisor, "sleeper") not in {0, service})
    assert supervisor.state("other").started


def test_a_killed_guard_comes_back_without_a_second_service(supervisor: Supervisor) -> None:
    eventually(lambda: service_of(supervisor, "sleeper"))
    old, service = supervisor.state("sleeper").pid, service_of(supervisor, "sleeper")
    os.kill(old, signal.SIGKILL)
    eventually(lambda: supervisor.state("sleeper").pid not in {0, old} and service_of(supervisor, "sleeper"))
    mark = f"{supervisor.root.mark}sleeper"  # a forked child carries it only once its exec is through
    assert service not in guard.strays(mark)  # it ended before the next one began
    eventually(lambda: guard.strays(mark) == [service_of(supervisor, "sleeper")])


def test_each_further_crash_waits_longer(root: StackRoot) -> None:
    supervisor = Supervisor(root)
    supervisor.start([Program("broken", ("sh", "-c", "date +%s.%N >> starts; exit 3"))])
    supervisor.start_program("broken")
    starts = root.home / "starts"
    eventually(lambda: starts.is_file() and len(starts.read_text().split()) >= 4, seconds=60)
    times = [float(line) for line in starts.read_text().split()]
    gaps = [later - earlier for earlier, later in zip(times, times[1:], strict=False)]
    assert all(gap >= crashes for crashes, gap in enumerate(gaps, start=1)), gaps  # at least: a busy machine only adds
    supervisor.shutdown()


def test_a_program_that_waits_after_a_crash_can_be_started_at_once(root: StackRoot) -> None:
    supervisor = Supervisor(root)
    supervisor.start([Program("broken", ("false",))])
    supervisor.start_program("broken")
    eventually(lambda: supervisor.state("broken").state == "BACKOFF")
    supervisor.start_program("broken")
    supervisor.shutdown()


def test_shutdown_leaves_no_process(supervisor: Supervisor) -> None:
    supervisor.shutdown()
    assert guard.strays(supervisor.root.mark) == []
    assert not supervisor.answers()


def test_a_killed_daemon_takes_everything_along(supervisor: Supervisor) -> None:
    eventually(lambda: service_of(supervisor, "sleeper") and service_of(supervisor, "other"))
    daemon = psutil.Process(supervisor.state("sleeper").pid).ppid()
    os.kill(daemon, signal.SIGKILL)
    eventually(lambda: guard.strays(supervisor.root.mark) == [])
    assert not supervisor.answers()


def test_the_daemon_starts_again_over_what_a_killed_one_left(supervisor: Supervisor) -> None:
    os.kill(psutil.Process(supervisor.state("sleeper").pid).ppid(), signal.SIGKILL)
    eventually(lambda: guard.strays(supervisor.root.mark) == [])
    supervisor.start([SLEEPER])
    supervisor.start_program("sleeper")
    assert supervisor.state("sleeper").started
    supervisor.shutdown()


def test_a_tied_daemon_ends_with_the_process_it_is_tied_to(root: StackRoot) -> None:
    owner = subprocess.Popen(["sleep", "1000"])
    supervisor = Supervisor(root)
    supervisor.start([SLEEPER], tied_to=owner.pid)
    supervisor.start_program("sleeper")
    assert supervisor.answers()
    owner.kill()
    owner.wait(10)
    eventually(lambda: guard.strays(root.mark) == [])


def test_a_killed_daemon_takes_its_tether_along(root: StackRoot) -> None:
    supervisor = Supervisor(root)
    supervisor.start([SLEEPER], tied_to=os.getpid())
    supervisor.start_program("sleeper")
    eventually(lambda: len(guard.strays(root.mark)) == 4)
    os.kill(psutil.Process(supervisor.state("sleeper").pid).ppid(), signal.SIGKILL)
    eventually(lambda: guard.strays(root.mark) == [])


def test_a_socket_path_too_long_for_the_kernel_moves_to_a_short_private_folder(tmp_path: Path) -> None:
    root = StackRoot(tmp_path / ("deep-" * 20) / "root")
    supervisor = Supervisor(root)
    supervisor.start([SLEEPER])
    assert supervisor.answers()
    assert root.socket.parent.stat().st_mode & 0o777 == 0o700
    supervisor.shutdown()


def test_a_socket_folder_open_to_others_is_refused(tmp_path: Path) -> None:
    root = StackRoot(tmp_path / ("open-" * 20) / "root")
    root.socket.parent.mkdir(mode=0o755)
    try:
        with pytest.raises(StackFailed, match="open to others; nothing was started"):
            Supervisor(root).start([SLEEPER])
    finally:
        root.socket.parent.rmdir()


def test_no_daemon_is_said_in_a_sentence(root: StackRoot) -> None:
    with pytest.raises(StackFailed, match="does not answer; see `lakeloop status`"):
        Supervisor(root).states()


def test_secrets_of_the_environment_are_in_no_command_line(root: StackRoot) -> None:
    supervisor = Supervisor(root)
    supervisor.start([Program("holder", ("sleep", "1000"), {"TOKEN": "hidden-word"})])
    supervisor.start_program("holder")
    eventually(lambda: service_of(supervisor, "holder"))
    lines = [" ".join(psutil.Process(pid).cmdline()) for pid in guard.strays(root.mark)]
    assert lines
    assert not any("hidden-word" in line for line in lines)
    readable = [path for path in root.home.rglob("*") if path.is_file() and path.stat().st_mode & 0o077]
    assert readable == []
    supervisor.shutdown()
    assert sys.executable in lines[0]
