"""The feed folder as a source: every folder with a manifest is an arrival, whatever its manifest is worth."""

import os
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import date
from functools import cached_property, partial
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from lakeloop.adapters.folder_source.plain_files import (
    entries_of,
    look_at,
    looks_at,
    names_below,
    opened_folder,
    plain_sizes,
    read_plain,
)
from lakeloop.core.announced import Announced, announced_stamp, to_keep
from lakeloop.core.contract import FileLimits, TableContract
from lakeloop.core.feed import Look, Names, Place, in_order, stamp_of, unit_at, why_no_case, why_stray
from lakeloop.core.manifest import MANIFEST
from lakeloop.core.promise import MANIFEST_BYTES, Gathered, arrived, gathered, rows_of, unreadable, wanted
from lakeloop.core.receipts import LandedRecord
from lakeloop.core.use_case import UseCase
from lakeloop.ports import Feed, Memory, Stray, Taken


class FolderArrival:
    """ports.Arrival over one delivery folder; without a manifest that can be believed it is damaged from the start."""

    def __init__(self, feed: Path, place: Place, announced: Announced, limits: FileLimits, memory: Memory) -> None:
        self._feed, self._place, self._announced, self._limits, self._memory = feed, place, announced, limits, memory
        self.record = announced.record

    def size(self) -> int:
        """Bytes of its files as they stand there, as far as they may be read."""
        try:
            with opened_folder(self._feed, self._place) as folder:
                return sum(plain_sizes(folder, self._names()))
        except OSError:
            return 0

    def take(self) -> Taken:
        """Read every file once; the digest is of what was read, the damage says where that is not what was promised."""
        stamp = self._stamp  # as it stands before it is read
        found = self._read()
        record = arrived(self.record, self._announced.manifest, found.contents, found.unread)
        if record.damage and found.is_lasting:
            self._memory.keep({stamp: record.model_dump_json().encode()})
        return Taken(record, found.contents, rows_of(self._announced.manifest))

    def seen(self) -> LandedRecord | None:
        """The record of its damage, where it was taken before and no file of it was touched since."""
        kept = self._memory.recall([self._stamp]).get(self._stamp)
        return LandedRecord.model_validate_json(kept) if kept else None

    @cached_property
    def _stamp(self) -> str:
        words = [str(self._feed), *self._place, self.record.model_dump_json(), self._limits.model_dump_json()]
        try:
            with opened_folder(self._feed, self._place) as folder:
                return stamp_of(words, looks_at(folder, self._names()), time.time())
        except OSError:
            return ""

    def _read(self) -> Gathered:
        try:
            with opened_folder(self._feed, self._place) as folder:
                return gathered(self._names(), partial(read_plain, folder), _shown, self._limits)
        except OSError as error:
            return Gathered({}, unreadable("its folder", str(error.strerror)), is_lasting=False)

    def _names(self) -> list[str]:
        names = names_below("/".join((str(self._feed), *self._place)), MANIFEST)
        return wanted(self.record, self._announced.manifest, names, self._limits)


class _Holder(NamedTuple):
    """A folder below the case's that holds a manifest, and how that one stands; None where it cannot be looked at."""

    names: Names
    look: Look | None


class FolderSource:
    """ports.Source over a feed folder; `cases` are all whose deliveries may stand in it."""

    def __init__(self, root: Path, memory: Memory, cases: Collection[str]) -> None:
        self._root, self._memory, self._cases = root, memory, cases

    def walk(self, case: UseCase) -> Feed:
        """Every folder with a manifest: arrivals, in one date by their numbers, and what no table and date can be told of."""
        units, others = dict[_Holder, tuple[TableContract, date]](), list[Names]()
        for holder in self._holders(case):
            if unit := unit_at(case, holder.names):
                units[holder] = unit
            else:
                others.append(holder.names)
        return Feed(self._arrivals(case, units), [*self._below(case, others), *self._beside()])

    def _arrivals(self, case: UseCase, units: Mapping[_Holder, tuple[TableContract, date]]) -> list[FolderArrival]:
        """What arrived; manifests that nobody touched since a walk before say what they said then."""
        feed, now = self._root / case.name, time.time()  # once: a path costs as much as a delivery that is known
        stamps = {at: self._stamp(case, at, contract, now) for at, (contract, _) in units.items()}
        kept = self._memory.recall(list(stamps.values()))
        found = {at: _announced(case, feed, Place(*at.names), *unit, kept.get(stamps[at], b"")) for at, unit in units.items()}
        self._memory.keep(to_keep(((stamps[at], one) for at, one in found.items()), kept))
        return [FolderArrival(feed, Place(*at.names), one, units[at][0].limits, self._memory) for at, one in found.items() if one]

    def _stamp(self, case: UseCase, at: _Holder, contract: TableContract, now: float) -> str:
        return announced_stamp([str(self._root), case.name, *at.names], contract, at.look, now) if at.look else ""

    def _below(self, case: UseCase, others: Iterable[Names]) -> Iterator[Stray]:
        for names in others:
            folder, shown = "/".join((str(self._root), case.name, *names)), tuple(map(_shown, names))
            why = why_stray(case, shown) if os.access(folder, os.R_OK | os.X_OK) else "it cannot be looked into"
            yield Stray("/".join((str(self._root), case.name, *shown)), why)
        if (self._root / case.name).is_symlink():
            yield Stray(f"{self._root}/{case.name}", "it is a link, and none is followed: nothing behind it is taken in")

    def _beside(self) -> Iterator[Stray]:
        """What stands beside the cases' folders."""
        if _is_there(f"{self._root}/{MANIFEST}"):
            yield Stray(str(self._root), why_no_case("", self._cases))
        for name in in_order(entry.name for entry in entries_of(str(self._root)) if entry.is_dir()):
            if name not in self._cases:
                yield Stray(f"{self._root}/{_shown(name)}", why_no_case(_shown(name), self._cases))

    def _holders(self, case: UseCase) -> Iterator[_Holder]:
        """The folders below the case's that hold a manifest, in order. No link is followed but on the way to a place."""
        left: list[Names] = [] if (self._root / case.name).is_symlink() else [()]
        while left:
            names = left.pop()
            folder = "/".join((str(self._root), case.name, *names))  # as text: every night goes over all the nights before it
            entries = entries_of(folder)
            if any(entry.name == MANIFEST for entry in entries) or (not entries and _is_there(f"{folder}/{MANIFEST}")):
                yield _Holder(names, look_at(folder, MANIFEST))
            is_on_the_way = len(names) < len(Place._fields)
            inner = in_order(entry.name for entry in entries if entry.is_dir(follow_symlinks=is_on_the_way))
            left += [(*names, name) for name in reversed(inner)]


def _announced(case: UseCase, feed: Path, place: Place, contract: TableContract, day: date, kept: bytes) -> Announced | None:
    return Announced.at(case, contract, day, _shown(place.number), kept, partial(_manifest_at, feed, place))


def _manifest_at(feed: Path, place: Place) -> bytes:
    with opened_folder(feed, place) as folder:
        return read_plain(folder, MANIFEST, MANIFEST_BYTES)


def _is_there(path: str) -> bool:
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:  # closed to us: an arrival that says so
        return True
    return True


def _shown(name: str) -> str:
    """A file's name as the lake and a message can hold it; those that a manifest may use stay as they are."""
    return quote(os.fsencode(name))
