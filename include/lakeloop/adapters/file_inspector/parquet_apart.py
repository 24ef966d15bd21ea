"""Parquet is inspected apart, in a process of its own: bytes that bring down their reader bring down nothing else."""

import atexit
import json
import os
import pickle
import select
import signal
import subprocess
import sys
from contextlib import suppress
from threading import Lock
from typing import Any

from lakeloop.adapters.file_inspector.file import File
from lakeloop.adapters.file_inspector.kinds import ANEW
from lakeloop.core.errors import BadFile, MachineFailed
from lakeloop.core.files import FileShape

_COMMAND = (sys.executable, "-P", "-m", "lakeloop.adapters.file_inspector.parquet_process")
_MEMORY = 3 << 29  # bytes, and twice the file's; a sound one of 64 MiB takes half of that
_LARGE = 1 << 24  # bytes of a file behind which another process begins, since this one does not give back all its memory
_SECONDS = 600  # of a processor, for one file
_PATIENCE = 2 * _SECONDS  # of the clock: a reader that waits for something uses no processor
_FROM_OUTSIDE = {signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP}  # no bytes of a file send these


class ParquetReader:
    """A process that inspects one file at a time, the same for many; it begins with the first, and again where it ended."""

    _process: subprocess.Popen[bytes] | None

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Leave the process, and whoever waits for it, to the parent of this fork."""
        self._one, self._process = Lock(), None

    def inspect(self, file: File) -> FileShape:
        """The shape of a Parquet file that a reader may open.

        Raises:
            BadFile: it may not, or it brought its reader down.
            MachineFailed: the reader could not begin or was ended from outside; nothing is said of the file.
        """
        with self._one:
            answer = self._asked(file)
        if failure := answer.get("failure"):
            raise MachineFailed(failure)
        if fault := answer.get("fault"):
            raise BadFile(**fault)
        return FileShape.model_validate(answer["shape"])

    def end(self) -> None:
        """End the process, where there is one."""
        if self._process:
            self._process.kill()
            with suppress(BrokenPipeError), self._process:
                self._process = None

    def _asked(self, file: File) -> dict[str, Any]:
        try:
            process = self._begun(file)
            with suppress(BrokenPipeError):  # it ended, and says so by saying nothing
                _send(process, file)
            line = _line(process)
        except TimeoutError:
            self.end()
            words = (
                f"{file.name} was not read: its reader said nothing for {_PATIENCE} s; nothing was taken in. "
                "Next: the run is tried again, and so is the file"
            )
            raise MachineFailed(words) from None
        except BaseException:
            self.end()  # what it may still answer is of this file, and never taken for the next one's
            raise
        if not line:
            code = process.wait()
            self.end()
            raise _ended(file, code)
        if len(file.content) > _LARGE:
            self.end()
        return dict(json.loads(line))

    def _begun(self, file: File) -> subprocess.Popen[bytes]:
        if self._process and self._process.poll() is None:
            return self._process
        self.end()
        env = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}  # and no key of ours, whatever the bytes make of it
        command = (*_COMMAND, str(_MEMORY), str(_SECONDS))
        pipe, nowhere = subprocess.PIPE, subprocess.DEVNULL  # what a library says when it ends may hold a cell
        with suppress(OSError):
            self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=nowhere, env=env)
        if not self._process or not _line(self._process):
            words = (
                f"{file.name} was not read: the process that reads Parquet did not begin; nothing was taken in. "
                "Next: free memory or processes; the run is tried again, and so is the file"
            )
            raise MachineFailed(words)
        return self._process


def _send(process: subprocess.Popen[bytes], file: File) -> None:
    assert process.stdin  # noqa: S101  # a pipe, as it was begun
    pickle.dump(file, process.stdin)
    process.stdin.flush()


def _line(process: subprocess.Popen[bytes]) -> bytes:
    """The next line that it says; empty where it ended, and TimeoutError where it says nothing for too long."""
    assert process.stdout  # noqa: S101  # the same
    if not select.select([process.stdout], [], [], _PATIENCE)[0]:
        raise TimeoutError
    return process.stdout.readline()


def _ended(file: File, code: int) -> BadFile | MachineFailed:
    if code == -signal.SIGXCPU:
        words = f"{file.name} is Parquet that takes its reader over {_SECONDS} s"
        return BadFile(words, "file_limits", "deliver it in several files, or as CSV or JSON lines")
    how = f"signal {-code}" if code < 0 else f"itself, with exit code {code}"
    if code > 0 or -code in _FROM_OUTSIDE:
        words = f"{file.name} was not read: its reader was ended by {how}, not by its bytes; nothing was taken in"
        return MachineFailed(f"{words}. Next: see that there is memory; the run is tried again, and so is the file")
    words = f"{file.name} is Parquet that cannot be read: its reader was ended by {how}"
    return BadFile(words, "parquet", ANEW)


_READER = ParquetReader()
atexit.register(_READER.end)
os.register_at_fork(after_in_child=_READER.forget)


def inspect_apart(file: File) -> FileShape:
    """What `inspect_parquet` says of a file, from a process of its own."""
    return _READER.inspect(file)
