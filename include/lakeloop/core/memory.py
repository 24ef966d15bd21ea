"""Memory that is left to a process, out of what Linux says of its machine and of its control groups; pure."""

import sys
from collections.abc import Iterator, Mapping

MACHINE = "/proc/meminfo"
GROUPS = "/proc/self/cgroup"  # lines of `number:controllers:place`; version 2 names no controller
ROOTS = {"": "/sys/fs/cgroup", "memory": "/sys/fs/cgroup/memory"}  # by controller; the second is version 1
STATS = "memory.stat"
_LIMITS = {  # file of the limit: of what is used, and the line of STATS for pages of files, which give way
    "memory.max": ("memory.current", "inactive_file"),
    "memory.limit_in_bytes": ("memory.usage_in_bytes", "total_inactive_file"),
}
FILES = (STATS, *_LIMITS, *(used for used, _ in _LIMITS.values()))  # of a group


def free_bytes(files: Mapping[str, str]) -> int:
    """The least that the machine, or a group that the process is in, has left; `files` are texts by path.

    In a container the machine's memory is not the process's: the limit is its group's. What nothing is known of has no end.
    """
    return max(0, min((*_of_machine(files), *_of_groups(files)), default=sys.maxsize))


def _of_machine(files: Mapping[str, str]) -> Iterator[int]:
    """`MemAvailable:   123456 kB`."""
    for line in files.get(MACHINE, "").splitlines():
        if line.startswith("MemAvailable:"):
            yield int(line.split()[1]) * 1024


def _of_groups(files: Mapping[str, str]) -> Iterator[int]:
    for path, limit in files.items():
        folder, _, name = path.rpartition("/")
        if name in _LIMITS and limit.strip().isdigit():  # `max` is none
            used, gives_way = _LIMITS[name]
            stats = dict(line.split(maxsplit=1) for line in files.get(f"{folder}/{STATS}", "").splitlines())
            yield int(limit) - int(files.get(f"{folder}/{used}", "0")) + int(stats.get(gives_way, "0"))
