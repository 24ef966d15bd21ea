"""What is left is the least of the machine's and of every group's that the process is in."""

from __future__ import annotations

import sys

import pytest

from lakeloop.core.memory import MACHINE, free_bytes

GIB = 2**30
HOST = {MACHINE: f"MemTotal:  {32 * 2**20} kB\nMemFree:  {2**20} kB\nMemAvailable:   {16 * 2**20} kB\n"}
V2, V1 = "/sys/fs/cgroup", "/sys/fs/cgroup/memory"


def group(folder: str, limit: str, used: int, idle: int = 0) -> dict[str, str]:
    """A group of version 2."""
    stat = f"anon {used - idle}\ninactive_file {idle}\n"
    return {f"{folder}/memory.max": f"{limit}\n", f"{folder}/memory.current": f"{used}\n", f"{folder}/memory.stat": stat}


OLD = {
    f"{V1}/memory.limit_in_bytes": f"{4 * GIB}\n", f"{V1}/memory.usage_in_bytes": f"{3 * GIB}\n",
    f"{V1}/memory.stat": f"inactive_file 1\ntotal_inactive_file {GIB}\n",
}  # fmt: skip
ENDLESS = {f"{V1}/memory.limit_in_bytes": "9223372036854771712\n", f"{V1}/memory.usage_in_bytes": "1\n"}


@pytest.mark.parametrize(
    ("files", "left"),
    [
        (HOST, 16 * GIB),
        (HOST | group(V2, "max", 30 * GIB), 16 * GIB),
        (HOST | group(V2, str(6 * GIB), 2 * GIB), 4 * GIB),
        (HOST | group(V2, str(6 * GIB), 5 * GIB, idle=3 * GIB), 4 * GIB),
        (HOST | group(f"{V2}/a/b", str(6 * GIB), GIB) | group(f"{V2}/a", str(3 * GIB), GIB), 2 * GIB),
        (HOST | group(V2, str(64 * GIB), GIB), 16 * GIB),
        (HOST | group(V2, str(GIB), 2 * GIB), 0),
        (HOST | OLD, 2 * GIB),
        (HOST | ENDLESS, 16 * GIB),
        ({}, sys.maxsize),
    ],
    ids=["host", "no limit", "limit", "files give way", "parent", "host is less", "over", "old", "old without limit", "unknown"],
)
def test_what_is_left_is_the_least_there_is(files: dict[str, str], left: int) -> None:
    assert free_bytes(files) == left
