"""Runs one service so that nothing of it outlives this process; standard library only, started by its path.

`python -I -S guard.py <program file>`: the file (0600) holds argv, env, cwd, grace and the program's mark. The service dies
with the guard, the guard with its parent, forked grandchildren with both, since orphans are handed to the guard.
Only a SIGKILL of the guard itself can leave grandchildren; they carry the mark, and the next start ends them.
"""

import contextlib
import ctypes
import json
import os
import select
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

MARK = "LAKELOOP_PROGRAM"
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_libc = ctypes.CDLL(None, use_errno=True)


def die_with_parent(parent: int, signum: int) -> None:
    """Asks the kernel for `signum` when `parent` ends; ends at once if it ended before the question."""
    _libc.prctl(_PR_SET_PDEATHSIG, signum, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def descendants(root: int) -> list[int]:
    """Every process below `root`, whatever its session or group."""
    children: dict[int, list[int]] = {}
    for pid, parent in _parents():
        children.setdefault(parent, []).append(pid)
    found, waiting = [], [root]
    while waiting:
        below = children.get(waiting.pop(), [])
        found += below
        waiting += below
    return found


def strays(mark: str) -> list[int]:
    """Processes that carry `mark` (a whole one, or `<root>:` for a whole stack) outside this process's own line."""
    own, pid = {os.getpid()}, os.getppid()
    lineage = dict(_parents())
    while pid > 1 and pid not in own:
        own.add(pid)
        pid = lineage.get(pid, 0)
    wanted = f"{MARK}={mark}".encode()
    return [pid for pid, _ in _parents() if pid not in own and _carries(pid, wanted)]


def end_strays(mark: str, wait: float = 10.0) -> list[int]:
    """SIGKILLs what carries `mark` until nothing does, since a dying process may still fork."""
    ended: list[int] = []
    deadline = time.monotonic() + wait
    while (found := strays(mark)) and time.monotonic() < deadline:
        ended += [pid for pid in found if pid not in ended]
        _kill(found)
        time.sleep(0.05)
    return ended


def _parents() -> Iterator[tuple[int, int]]:
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            try:
                stat = Path(entry.path, "stat").read_text("utf-8", "replace").rpartition(")")[2].split()
            except OSError:
                continue
            if stat[0] != "Z":
                yield int(entry.name), int(stat[1])


def _carries(pid: int, wanted: bytes) -> bool:
    try:
        variables = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return False
    return any(each == wanted or (wanted.endswith(b":") and each.startswith(wanted)) for each in variables)


def _kill(pids: list[int]) -> None:
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


def _spawn(argv: list[str], env: dict[str, str], cwd: str) -> int:
    guard = os.getpid()
    child = os.fork()
    if child:
        return child
    try:
        os.setsid()
        die_with_parent(guard, signal.SIGKILL)
        os.umask(0o077)
        os.chdir(cwd)
        for signum in (signal.SIGTERM, signal.SIGINT, signal.SIGALRM):
            signal.signal(signum, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())  # a mask outlives exec: the service would never see a TERM
        os.execvpe(argv[0], argv, env)
    except OSError as error:
        sys.stderr.write(f"guard: cannot start {argv[0]}: {error}\n")
    os._exit(127)


def _wait(child: int) -> int:
    """Reaps adopted orphans along the way; returns the service's own code once it ended."""
    while True:
        pid, status = os.waitpid(-1, 0)
        if pid == child:
            return os.waitstatus_to_exitcode(status)


def _end_rest() -> None:
    while True:
        _kill(descendants(os.getpid()))
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        time.sleep(0.02)


def main(program_file: str) -> int:
    """Starts the service of the file and stays until nothing of it is left; answers with the service's code."""
    parent, inherited = os.getppid(), os.environ.get(MARK)
    if inherited and not _carries(parent, f"{MARK}={inherited}".encode()):
        return 1  # the process manager ended before this line; whoever adopted us is not it
    die_with_parent(parent, signal.SIGTERM)
    program = json.loads(Path(program_file).read_text("utf-8"))
    _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    end_strays(program["mark"])
    child = 0

    def forward(_signum: int, _frame: FrameType | None) -> None:
        signal.signal(signal.SIGALRM, lambda *_: _kill([child, *descendants(os.getpid())]))
        signal.alarm(max(1, int(program["grace"])))
        try:
            os.killpg(child, signal.SIGTERM)
        except ProcessLookupError:
            os.kill(child, signal.SIGTERM)  # forked, but not yet leader of its own group

    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    child = _spawn(program["argv"], {**program["env"], MARK: program["mark"]}, program["cwd"])
    signal.signal(signal.SIGTERM, forward)
    signal.signal(signal.SIGINT, forward)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM, signal.SIGINT})
    code = _wait(child)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    _end_rest()
    return code if code >= 0 else 128 - code


def tether(pid: int) -> None:
    """Shuts the process manager, our parent, down when `pid` ends or has ended: a killed test leaves no stack."""
    die_with_parent(os.getppid(), signal.SIGKILL)
    with contextlib.suppress(ProcessLookupError):
        select.select([os.pidfd_open(pid)], [], [])
    os.kill(os.getppid(), signal.SIGTERM)


if __name__ == "__main__":
    if sys.argv[1] == "--tether":
        tether(int(sys.argv[2]))
        sys.exit()
    sys.exit(main(sys.argv[1]))
