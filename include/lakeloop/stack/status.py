"""What is up, where, how much memory it takes, and what is wrong."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from lakeloop.settings import Settings
from lakeloop.stack import guard
from lakeloop.stack.layout import StackRoot
from lakeloop.stack.parts import Part, parts
from lakeloop.stack.readiness import NOT_WORKING, refuse_a_stranger
from lakeloop.stack.supervisor import ProgramState, Supervisor

MIB = 1024**2


@dataclass(frozen=True)
class ProgramStatus:
    """One program: `pid` is the service's own, `pss_mib` covers all it forked, `problem` is empty when all is well."""

    name: str
    state: str
    pid: int
    address: str
    seconds: int
    pss_mib: float
    problem: str


@dataclass(frozen=True)
class StackStatus:
    """The whole stack of one root."""

    home: str
    programs: list[ProgramStatus]
    pss_mib: float
    strays: list[int]

    @property
    def ok(self) -> bool:
        """Whether every part works, and nothing runs that nobody looks after."""
        return bool(self.programs) and not self.strays and all(not program.problem for program in self.programs)

    def to_json(self) -> dict[str, Any]:
        """The same as plain data."""
        return {"ok": self.ok, **asdict(self)}


def status(home: Path) -> StackStatus:
    """Asks the process manager and every part; writes nothing and starts nothing."""
    root, settings = StackRoot(home.absolute()), Settings.load(home)
    supervisor = Supervisor(root)
    if not supervisor.answers():
        left = guard.strays(root.mark)
        return StackStatus(str(root.home), [_absent(name, part) for part in parts(settings) for name in part.programs], 0.0, left)
    found = parts(settings)
    states = {state.name: state for state in supervisor.states()}
    with ThreadPoolExecutor(len(found)) as pool:
        problems = dict(zip((part.name for part in found), pool.map(partial(_problem, root), found), strict=True))
    programs = [_one(name, part, states.get(name), problems[part.name]) for part in found for name in part.programs]
    return StackStatus(str(root.home), programs, round(sum(program.pss_mib for program in programs), 1), [])


def _problem(root: StackRoot, part: Part) -> str:
    try:
        part.prove()
        refuse_a_stranger(Supervisor(root), part)  # a connection of its own: parts are asked at the same time
    except NOT_WORKING as error:
        return str(error) or type(error).__name__
    return ""


def _one(name: str, part: Part, state: ProgramState | None, problem: str) -> ProgramStatus:
    if state is None:
        return _absent(name, part)
    family = [state.pid, *guard.descendants(state.pid)] if state.pid else []
    words = problem if state.started else f"{state.state.lower()}: {state.problem or 'not running'}"
    pss = round(sum(map(pss_bytes, family)) / MIB, 1)
    return ProgramStatus(name, state.state, family[1] if family[1:] else 0, part.address, state.seconds, pss, words)


def _absent(name: str, part: Part) -> ProgramStatus:
    return ProgramStatus(name, "DOWN", 0, part.address, 0, 0.0, "not running; `lakeloop up` starts it")


def pss_bytes(pid: int) -> int:
    """The process's share of memory in bytes: pages shared with others are counted in parts, so sums are true."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text("utf-8").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)
