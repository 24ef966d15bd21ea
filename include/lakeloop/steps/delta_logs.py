"""The Delta logs that some changes touched, read from the lake and judged."""

from collections import defaultdict
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from lakeloop.core.delta_log import log_faults, log_gaps, log_of
from lakeloop.core.tombstones import tombstones
from lakeloop.gate import GROWING_LOGS, LATEST_RULES
from lakeloop.ports import Change, Lake

_AT_ONCE = 8


def delta_log_faults(lake: Lake, ref: str, changes: Iterable[Change], rules: int = LATEST_RULES) -> list[str]:
    """What is wrong with the logs that the changes touched, as they are at `ref`, by a set of the gate's rules."""
    logs: dict[str, dict[str, str]] = defaultdict(dict)
    for change in changes:
        if found := log_of(change.path):
            logs[found[0]][found[1]] = change.type
    wrong = []
    for folder, touched in sorted(logs.items()):
        names = [path.removeprefix(folder) for path in lake.list(ref, folder)]
        wrong += log_faults(folder, names, touched) if rules >= GROWING_LOGS else log_gaps(folder, names)
    return wrong


def tombstones_of(lake: Lake, ref: str, log: str) -> dict[str, datetime]:
    """The data files that a table gave up and its log still tells of, by path below the table."""
    names = [path for path in lake.list(ref, log) if path.endswith(".json")]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return tombstones(pool.map(lambda path: lake.get(ref, path), names))
