"""Where deliveries stand in a feed: `<case>/<table>/<data date>/<number>/`, the manifest written last."""

import hashlib
import json
from collections.abc import Collection, Iterable
from datetime import date
from difflib import get_close_matches
from typing import NamedTuple

from lakeloop.core.contract import TableContract
from lakeloop.core.manifest import day_of
from lakeloop.core.use_case import UseCase
from lakeloop.core.words import counted

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


Names = tuple[str, ...]  # of folders, from that of the case down to one that holds a manifest


def place_of(names: Names) -> Place | None:
    """The place that names lead to; None where there are more or fewer of them than lead to a delivery."""
    return Place(*names) if len(names) == len(Place._fields) else None


def unit_at(case: UseCase, names: Names) -> tuple[TableContract, date] | None:
    """The table and the data date that names lead to; None where they lead to no place, no table of the case, or no date."""
    place = place_of(names)
    contract = next((one for one in case.tables if place and one.name == place.table), None)
    day = day_of(place.day) if place else None
    return (contract, day) if contract and day else None


def why_stray(case: UseCase, names: Names) -> str:
    """Words for a folder with a manifest that names lead to, and that is no unit's."""
    place, tables = place_of(names), [contract.name for contract in case.tables]
    if place is None:
        found = f"{counted(len(names), 'folder')} below {case.name}" if names else f"in {case.name} itself"
        return f"its manifest stands {found}, a delivery's stands {len(Place._fields)} below: <table>/<data date>/<number>"
    if place.table not in tables:
        return f"{case.name} has no table {place.table}{_meant(place.table, tables)}"
    return f"{place.day} is no data date: one is written YYYY-MM-DD, of the years 1900 to 2199"


def why_no_case(name: str, cases: Collection[str]) -> str:
    """Words for a folder of the feed that is no case's; without a name, for a manifest beside the cases' folders."""
    if not name:
        return "its manifest stands in the feed itself, a delivery's in <case>/<table>/<data date>/<number>"
    return f"there is no case {name}, there is {', '.join(sorted(cases))}{_meant(name, cases)}"


def _meant(word: str, known: Collection[str]) -> str:
    """A question that may help: the known word that is most like this one."""
    plain = {one.casefold(): one for one in known}
    close = get_close_matches(word.casefold(), list(plain), 1)
    return f"; is it {plain[close[0]]}?" if close else ""


def stamp_of(words: Iterable[str], looks: Iterable[Look], now: float) -> str:
    """One word for how files stand at a place; none where one was touched just now and may be again, looking the same."""
    seen = sorted(looks)
    if any(look.touched > now - SETTLED_SECONDS for look in seen):
        return ""
    return hashlib.sha256(json.dumps([*words, seen]).encode()).hexdigest()


def in_order(names: Iterable[str]) -> list[str]:
    """Names as they follow on each other, numbers by their value."""
    return sorted(names, key=place_in_order)


def place_in_order(name: str) -> tuple[int, str]:
    """Where a name stands among others, numbers by their value."""
    return (int(name) if name.isdecimal() else -1, name)
