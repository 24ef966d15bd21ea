"""A real server that a test may kill, and start again where it was."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self

from lakeloop.stack.guard import descendants


class KillableServer:
    """One program of the stack under its guard, up as long as the `with` block lasts, unless it is killed inside."""

    def __init__(self, command: list[str], log: Path, answers: Callable[[], None], grace: float = 30) -> None:
        self._command, self._log, self._answers, self._grace = command, log, answers, grace
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Returns when it answers; nothing where it is up."""
        if self._process is None:
            with self._log.open("ab") as log:
                self._process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
            self._answers()

    def kill(self) -> None:
        """SIGKILL to all that it is, as the kernel does when memory is out; its guard sees it and goes."""
        assert self._process, "it is not up"
        for pid in descendants(self._process.pid):
            with suppress(ProcessLookupError):  # one dies with another
                os.kill(pid, signal.SIGKILL)
        self._process.wait(timeout=self._grace)
        self._process = None

    @contextmanager
    def without_room(self, longest: int) -> Iterator[None]:
        """While the block lasts the kernel takes no file of it beyond so many bytes: a full disk, made without rights."""
        assert self._process, "it is not up"
        limits = {pid: resource.prlimit(pid, resource.RLIMIT_FSIZE) for pid in descendants(self._process.pid)}
        for pid, (_, hard) in limits.items():
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (longest, hard))
        try:
            yield
        finally:
            for pid, before in limits.items():
                resource.prlimit(pid, resource.RLIMIT_FSIZE, before)

    def __enter__(self) -> Self:
        """Started."""
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stopped in order, where it was not killed."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(timeout=self._grace)
            self._process = None
