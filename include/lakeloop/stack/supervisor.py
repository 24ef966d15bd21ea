"""The process manager: Supervisor's daemon, its configuration, and the questions put to it over its socket."""

from __future__ import annotations

import http.client
import os
import shlex
import socket
import subprocess
import sys
import xmlrpc.client
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from lakeloop.core.errors import StackFailed
from lakeloop.stack import guard
from lakeloop.stack.layout import StackRoot, write_private
from lakeloop.stack.program import Program

RPC_SECONDS = 15
SHUTDOWN_SECONDS = 150
HEALTHY_SECONDS = 60  # a program that ended sooner is restarted one second later than the time before; see docs/decisions
_GONE = (ConnectionError, FileNotFoundError, TimeoutError)

_HEAD = """\
[unix_http_server]
file={socket}
chmod=0700
[supervisord]
logfile={logs}/supervisord.log
logfile_maxbytes=5MB
logfile_backups=2
pidfile={run}/supervisord.pid
childlogdir={logs}
directory={home}
umask=077
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
"""
_PROGRAM = """\
[program:{name}]
command={command}
autostart=false
autorestart=true
startsecs={healthy}
startretries=100000
stopwaitsecs={patience}
stopasgroup=true
killasgroup=true
redirect_stderr=true
stdout_logfile={log}
stdout_logfile_maxbytes=10MB
stdout_logfile_backups=2
"""
_TETHER = """\
[program:tether]
command={command}
autorestart=false
startsecs=0
stdout_logfile=NONE
redirect_stderr=true
"""


@dataclass(frozen=True)
class ProgramState:
    """What Supervisor says of one program; `pid` is the guard's, 0 when it does not run."""

    name: str
    state: str
    pid: int
    seconds: int
    problem: str

    @property
    def started(self) -> bool:
        """Whether it runs now, be it for less than a healthy minute."""
        return self.state in {"STARTING", "RUNNING"} and self.pid > 0


class Supervisor:
    """One root's process manager; every method but `start` and `answers` wants it running."""

    def __init__(self, root: StackRoot) -> None:
        self.root = root
        self._proxy = xmlrpc.client.ServerProxy("http://localhost", transport=_UnixTransport(root.socket))

    def answers(self) -> bool:
        """Whether it is there."""
        try:
            return bool(self._proxy.supervisor.getState())
        except (*_GONE, http.client.HTTPException):
            return False

    def start(self, programs: Sequence[Program], tied_to: int | None = None) -> None:
        """Starts the daemon, no program yet; ends with `tied_to` when that is given."""
        configuration = self._write(programs, tied_to)
        command = [sys.executable, "-m", "supervisor.supervisord", "-c", str(configuration)]
        env = os.environ | {guard.MARK: f"{self.root.mark}supervisord"}
        done = subprocess.run(command, check=False, capture_output=True, text=True, env=env, timeout=RPC_SECONDS, umask=0o077)
        if done.returncode:
            message = f"the process manager did not start: {done.stderr.strip() or done.stdout.strip()}; nothing is up"
            raise StackFailed(message)
        for attempt in Retrying(
            retry=retry_if_exception_type(_GONE), wait=wait_fixed(0.05), stop=stop_after_delay(RPC_SECONDS), reraise=True
        ):
            with attempt:
                self._proxy.supervisor.getState()

    def start_program(self, name: str) -> None:
        """Starts one program unless it runs, at once where a crash made it wait; whether it works is another question."""
        state = self.state(name)
        if state.state == "BACKOFF":
            self.stop_programs([name])
        if not state.started:
            self._ask("startProcess", name, False)

    def stop_programs(self, names: Sequence[str]) -> None:
        """Asks these to end, all at once, and waits until they did."""
        running = [name for name in names if self.state(name).state not in {"STOPPED", "EXITED", "FATAL"}]
        for name in running:
            self._ask("stopProcess", name, False)
        for attempt in Retrying(wait=wait_fixed(0.1), stop=stop_after_delay(120), reraise=True):
            with attempt:
                left = [name for name in running if self.state(name).pid]
                if left:
                    message = f"{', '.join(left)} did not end within two minutes"
                    raise StackFailed(message)

    def state(self, name: str) -> ProgramState:
        """The state of one program."""
        return _state(self._ask("getProcessInfo", name))

    def states(self) -> list[ProgramState]:
        """The state of every program of the stack."""
        return [_state(each) for each in self._ask("getAllProcessInfo") if each["name"] != "tether"]

    def shutdown(self) -> None:
        """Ends the daemon, after the programs that still run, and waits until its process is gone."""
        daemon = psutil.Process(self._ask("getPID"))
        self._ask("shutdown")
        try:
            daemon.wait(SHUTDOWN_SECONDS)
        except psutil.TimeoutExpired as error:
            message = f"the process manager of {self.root.home} did not end within {SHUTDOWN_SECONDS} s"
            raise StackFailed(message) from error

    def _ask(self, question: str, *arguments: Any) -> Any:
        try:
            return getattr(self._proxy.supervisor, question)(*arguments)
        except xmlrpc.client.Fault as fault:
            message = f"the process manager refused {question}{arguments}: {fault.faultString}"
            raise StackFailed(message) from fault
        except _GONE as error:
            message = f"the process manager of {self.root.home} does not answer; see `lakeloop status`, then `lakeloop up`"
            raise StackFailed(message) from error

    def _write(self, programs: Sequence[Program], tied_to: int | None) -> Path:
        run, logs = self.root.folder("run"), self.root.folder("logs")
        _private(self.root.socket.parent)
        parts = [_HEAD.format(socket=_plain(self.root.socket), run=_plain(run), logs=_plain(logs), home=_plain(self.root.home))]
        parts += [self._section(program) for program in programs]
        if tied_to is not None:
            command = [sys.executable, "-I", "-S", guard.__file__, "--tether", str(tied_to)]
            parts.append(_TETHER.format(command=_plain(shlex.join(command))))
        path = run / "supervisord.conf"
        write_private(path, "".join(parts))
        return path

    def _section(self, program: Program) -> str:
        command = _plain(shlex.join(program.write(self.root)))
        log = _plain(self.root.log(program.name))
        return _PROGRAM.format(name=program.name, command=command, log=log, healthy=HEALTHY_SECONDS, patience=program.grace + 10)


def _private(folder: Path) -> None:
    """The socket's folder may be in a place that all users share, so somebody else may have made it first."""
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if found.st_uid != os.getuid() or found.st_mode & 0o077:
        message = f"{folder} belongs to somebody else or is open to others; nothing was started; remove it or set TMPDIR"
        raise StackFailed(message)


def _plain(text: object) -> str:
    return str(text).replace("%", "%%")


def _state(answer: dict[str, Any]) -> ProgramState:
    seconds = answer["now"] - answer["start"] if answer["pid"] else 0
    return ProgramState(answer["name"], answer["statename"], answer["pid"], seconds, answer["spawnerr"])


class _UnixTransport(xmlrpc.client.Transport):
    """XML-RPC over the daemon's socket, with a timeout, which Supervisor's own transport lacks."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    def make_connection(self, host: Any) -> http.client.HTTPConnection:
        """A fresh connection for each question: the daemon may have been replaced since the last."""
        return _UnixConnection(self._path)


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=RPC_SECONDS)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))
