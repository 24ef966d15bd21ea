"""Replaces the warm Spark when it has grown, while nobody uses it: a JVM gives back little of what it took."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import psutil

from lakeloop import wiring
from lakeloop.core.errors import LakeloopError
from lakeloop.settings import Settings
from lakeloop.stack.layout import StackRoot
from lakeloop.stack.status import pss_bytes
from lakeloop.stack.supervisor import ProgramState, Supervisor

PSS_ALLOWED = 2560 * 1024**2
LOOK_SECONDS = 20
IDLE_LOOKS = 2
IDLE_SHARE = 0.05  # of one core, between two looks
_log = logging.getLogger("lakeloop.recycler")


class Keeper(Protocol):
    """Who runs Spark: the process manager, or the first process of a container."""

    def state(self, name: str) -> ProgramState:
        """Whether it runs, and below which process."""

    def stop_programs(self, names: Sequence[str]) -> None:
        """Ends it."""

    def start_program(self, name: str) -> None:
        """Starts it again."""


@dataclass(frozen=True)
class Look:
    """What one look at Spark found."""

    pss: int
    cpu_seconds: float
    at: float
    sessions: int


def worn(look: Look) -> bool:
    """Whether it has served its time, by the memory of its family."""
    return look.pss > PSS_ALLOWED


def idle(looks: Sequence[Look]) -> bool:
    """Whether nobody used it over these looks: no try holds a session, and no core worked, whoever asked."""
    if len(looks) < IDLE_LOOKS or any(look.sessions for look in looks):
        return False
    first, last = looks[0], looks[-1]
    return last.cpu_seconds - first.cpu_seconds < IDLE_SHARE * (last.at - first.at)


def take_a_look(supervisor: Keeper, settings: Settings) -> Look | None:
    """What Spark weighs and does now; nothing while it does not run."""
    state = supervisor.state("spark")
    if not state.started:
        return None
    pss, cpu = 0, 0.0
    for process in psutil.Process(state.pid).children(recursive=True):
        try:
            pss += pss_bytes(process.pid)
            cpu += sum(process.cpu_times()[:2])
        except psutil.NoSuchProcess:
            continue
    sessions = len(wiring.platform_db_of(settings).sessions.open_since(0))
    return Look(pss, cpu, time.monotonic(), sessions)


def watch(supervisor: Keeper, settings: Settings, pause: Callable[[float], None] = time.sleep) -> None:
    """Looks for ever; recycles when Spark is worn and idle. A job that begins in that moment is met by its client's retries."""
    looks: list[Look] = []
    while True:
        pause(LOOK_SECONDS)
        try:
            look = take_a_look(supervisor, settings)
            looks = [*looks[-IDLE_LOOKS + 1 :], look] if look else []
            if look and worn(look) and idle(looks):
                _log.info("recycling Spark: it holds %d MiB", look.pss // 1024**2)
                supervisor.stop_programs(["spark"])
                supervisor.start_program("spark")
                looks = []
        except (LakeloopError, psutil.Error) as error:
            _log.warning("could not look at Spark: %s", error)
            looks = []


def begin_log() -> None:
    """What it does goes to standard error, with the time."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")


def main() -> None:
    """The recycler as a program of the stack."""
    begin_log()
    settings = Settings.load()
    watch(Supervisor(StackRoot(settings.home)), settings)


if __name__ == "__main__":
    main()
