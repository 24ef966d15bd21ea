"""Tombstones: the data files that the entries of a Delta log took out of its table. The same reading as the gate's."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any


def tombstones(entries: Iterable[bytes]) -> dict[str, datetime]:
    """Files that were taken out and not put back, with when; by their paths below the table, entries oldest first."""
    dead: dict[str, datetime] = {}
    for entry in entries:
        actions = _actions(entry)
        dead |= {one["remove"]["path"]: _when(one["remove"]) for one in actions if "remove" in one}
        for one in actions:
            if "add" in one:
                dead.pop(one["add"]["path"], None)
    return dead


def dropped(entry: bytes) -> list[str] | None:
    """The files that an entry takes out; None for one that does anything else."""
    actions = _actions(entry)
    if any(action.keys() - {"remove", "commitInfo"} for action in actions):
        return None
    return [one["remove"]["path"] for one in actions if "remove" in one]


def _actions(entry: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in entry.splitlines() if line.strip()]


def _when(removed: dict[str, Any]) -> datetime:
    return datetime.fromtimestamp(removed.get("deletionTimestamp", 0) / 1000, UTC)
