"""What may happen to a Delta table's log: it grows. The same rules as the gate's, for client and history."""

from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple

FOLDER = "/_delta_log/"
Kind = Literal["entry", "checkpoint", "other"]


def log_of(path: str) -> tuple[str, str] | None:
    """The log folder (with a closing slash) and the name below it, or None for a path that is in no log."""
    before, found, name = path.partition(FOLDER)
    return (before + found, name) if found else None


def log_faults(folder: str, names: Iterable[str], touched: Mapping[str, str]) -> list[str]:
    """Every way in which a log was shortened, rewritten or torn; empty means that it only grew.

    `names` are the files in it afterwards; `touched` are those that a commit added, removed or changed.
    Delta's own clean-up is no fault: it removes what lies strictly below a checkpoint that the log still holds.
    """
    log = _read(names)
    before = max((version for version, name in log.entries.items() if name not in touched), default=-1)
    wrong = []
    for name, change in sorted(touched.items()):
        version, kind = _file(name)
        if kind != "other" and change == "removed" and version >= log.checkpoint:
            wrong.append(f"{folder} lost {name}, which is below no newer checkpoint")
        elif kind != "other" and change not in {"added", "removed"}:
            wrong.append(f"{folder} had {name} rewritten")
        elif kind == "entry" and change == "added" and version < before:
            wrong.append(f"{folder} got {name} after version {before}")
    return wrong + _gaps(folder, log)


def log_gaps(folder: str, names: Iterable[str]) -> list[str]:
    """Why a log cannot be read whole; empty means it can."""
    return _gaps(folder, _read(names))


class _Log(NamedTuple):
    entries: dict[int, str]
    checkpoint: int  # the newest one, -1 for none


def _read(names: Iterable[str]) -> _Log:
    files = [(*_file(name), name) for name in names]
    entries = {version: name for version, kind, name in files if kind == "entry"}
    return _Log(entries, max((version for version, kind, _ in files if kind == "checkpoint"), default=-1))


def _file(name: str) -> tuple[int, Kind]:
    digits, rest = name[:20], name[20:]
    if len(digits) < 20 or not digits.isdigit():
        return -1, "other"
    kinds: dict[str, Kind] = {".json": "entry", ".checkpoint.parquet": "checkpoint"}
    return int(digits), kinds.get(rest, "other")


def _gaps(folder: str, log: _Log) -> list[str]:
    first, last = min(log.entries, default=-1), max(log.entries, default=-1)
    wrong = []
    if log.checkpoint > last:
        wrong.append(f"{folder} has a checkpoint of version {log.checkpoint} and no entry of it")
    if first > 0 and log.checkpoint < first - 1:
        wrong.append(f"{folder} begins at version {first} without a checkpoint before it")
    if log.entries and len(log.entries) != last - first + 1:
        wrong.append(f"{folder} has {len(log.entries)} of versions {first} to {last}")
    return wrong
