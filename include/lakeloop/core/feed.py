"""Where deliveries stand in a feed: `<case>/<table>/<data date>/<number>/`, the manifest written last."""

import hashlib
import json
from collections.abc import Iterable
from datetime import date
from typing import NamedTuple

from lakeloop.core.contract import TableContract
from lakeloop.core.manifest import day_of
from lakeloop.core.use_case import UseCase

SETTLED_SECONDS = 5.0  # of a file not touched for so long, whatever is written to it later looks otherwise


class Look(NamedTuple):
    """How a file stands in a feed, unopened."""

    name: str
    size: int
    touched: float  # seconds since 1970
    mark: str = ""  # what else changes when it is written to


class Place(NamedTuple):
    """A folder of the feed that holds a manifest, by the names that lead to it."""

    table: str
    day: str
    number: str


def unit_at(case: UseCase, place: Place) -> tuple[TableContract, date] | None:
    """The table and the data date that a place names; None where the case has no such table, or it is no date."""
    contract, day = next((one for one in case.tables if one.name == place.table), None), day_of(place.day)
    return (contract, day) if contract and day else None


def why_stray(case: UseCase, place: Place) -> str:
    """Words for a place that names no unit."""
    if all(contract.name != place.table for contract in case.tables):
        return f"{case.name} has no table {place.table}"
    return f"{place.day} is no data date"


def stamp_of(words: Iterable[str], looks: Iterable[Look], now: float) -> str:
    """One word for how files stand at a place; none where one was touched just now and may be again, looking the same."""
    seen = sorted(looks)
    if any(look.touched > now - SETTLED_SECONDS for look in seen):
        return ""
    return hashlib.sha256(json.dumps([*words, seen]).encode()).hexdigest()


def in_order(names: Iterable[str]) -> list[str]:
    """Names as they follow on each other, numbers by their value."""
    return sorted(names, key=lambda name: (int(name) if name.isdecimal() else -1, name))
