"""Kill a process at a named point of the protocol, or after a while, and let a second try finish."""

import multiprocessing
import os
import signal
from collections.abc import Callable
from typing import Any, NamedTuple

from lakeloop.core.checkpoints import observe
from tests.protocol.world import Address, platform

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(["tests.protocol.acts", "deltalake", "duckdb"])


class Death(NamedTuple):
    """Where a process dies: the n-th time it reaches a point, or after some seconds."""

    point: str = ""
    nth: int = 1
    seconds: float = 0.0


def attempt(act: Callable[..., Any], at: Address, death: Death | None, *arguments: Any) -> bool:
    """Run an act in a process of its own; True when the process was killed, False when it ended well."""
    process = _context.Process(target=_live, args=(act, at, death, arguments))
    process.start()
    process.join(60)
    if process.exitcode is None:
        process.kill()
        process.join()
        msg = f"{act.__name__} hung at {death}"
        raise AssertionError(msg)
    assert process.exitcode in {0, -signal.SIGKILL}, f"{act.__name__} failed with {process.exitcode} at {death}"
    return process.exitcode == -signal.SIGKILL


def _live(act: Callable[..., Any], at: Address, death: Death | None, arguments: tuple[Any, ...]) -> None:
    if death and death.point:
        observe(_Killer(death))
    elif death:
        signal.signal(signal.SIGALRM, lambda *_: os.kill(os.getpid(), signal.SIGKILL))
        signal.setitimer(signal.ITIMER_REAL, death.seconds)
    act(platform(at), *arguments)


class _Killer:
    def __init__(self, death: Death) -> None:
        self._death, self._seen = death, 0

    def __call__(self, point: str) -> None:
        if point == self._death.point:
            self._seen += 1
            if self._seen == self._death.nth:
                os.kill(os.getpid(), signal.SIGKILL)
