"""Waiting for a part until it works; and seeing that it is ours which answers, not somebody else on the same port."""

from __future__ import annotations

import time

import httpx
import psutil
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from lakeloop.core.errors import StackFailed
from lakeloop.stack import guard
from lakeloop.stack.airflow_ready import NotYet
from lakeloop.stack.layout import StackRoot
from lakeloop.stack.parts import Part
from lakeloop.stack.supervisor import Supervisor

NOT_WORKING = (httpx.HTTPError, NotYet, StackFailed)
CRASHES_ALLOWED = 2


class PortTaken(StackFailed):
    """Somebody else took a part's port between the choice and the start: another port mends it."""


class Broken(Exception):
    """A part ends again and again, so that waiting is of no use."""


def await_part(root: StackRoot, supervisor: Supervisor, part: Part) -> float:
    """Returns the seconds it took until the part worked; the error says why it did not, and where to read on."""
    pids: dict[str, set[int]] = {name: set() for name in part.programs}

    def watch(_state: RetryCallState) -> None:
        refuse_a_stranger(supervisor, part)
        for name in part.programs:
            pids[name] |= {supervisor.state(name).pid} - {0}
            if len(pids[name]) > CRASHES_ALLOWED:
                message = f"{name} ended {CRASHES_ALLOWED} times"
                raise Broken(message)

    began = time.monotonic()
    wait = Retrying(
        retry=retry_if_exception_type(NOT_WORKING), wait=wait_fixed(0.25), before=watch,
        stop=stop_after_delay(part.patience), reraise=True,
    )  # fmt: skip
    try:
        wait(part.prove)
        refuse_a_stranger(supervisor, part)
    except PortTaken:
        raise
    except (*NOT_WORKING, Broken) as error:
        logs = ", ".join(str(root.log(name)) for name in part.programs)
        message = f"{part.name} did not come up: {error}; what started before it still runs; read {logs}, then `lakeloop up`"
        raise StackFailed(message) from error
    return time.monotonic() - began


def refuse_a_stranger(supervisor: Supervisor, part: Part) -> None:
    """Raises when the part's port is served by a process that is not the part's."""
    if part.port is None:
        return
    sockets = psutil.net_connections("tcp")
    serving = {each.pid for each in sockets if each.status == psutil.CONN_LISTEN and each.laddr and each.laddr.port == part.port}
    guards = [supervisor.state(name).pid for name in part.programs]
    ours = {pid for each in guards if each for pid in guard.descendants(each)}
    if serving and not serving & ours:
        message = f"port {part.port} of {part.name} was taken by another process ({', '.join(map(str, serving))})"
        raise PortTaken(message)
