"""The feed folder as a source: every folder with a manifest is an arrival, whatever its manifest is worth."""

import os
import time
from collections.abc import Collection, Iterator
from datetime import date
from functools import cached_property, partial
from pathlib import Path
from urllib.parse import quote

from lakeloop.adapters.folder_source.plain_files import entries_of, looks_at, names_below, opened_folder, plain_sizes, read_plain
from lakeloop.core.contract import FileLimits, TableContract
from lakeloop.core.errors import InvalidInput, StillArriving
from lakeloop.core.feed import Names, Place, in_order, place_of, stamp_of, unit_at, why_no_case, why_stray
from lakeloop.core.manifest import MANIFEST, Manifest, manifest_of
from lakeloop.core.promise import MANIFEST_BYTES, Gathered, announced, arrived, gathered, rows_of, unannounced, unreadable, wanted
from lakeloop.core.receipts import LandedRecord
from lakeloop.core.use_case import UseCase
from lakeloop.ports import Memory, Stray, Taken


class FolderArrival:
    """ports.Arrival over one delivery folder; without a manifest that can be believed it is damaged from the start."""

    def __init__(
        self, feed: Path, place: Place, record: LandedRecord, manifest: Manifest | None, limits: FileLimits, memory: Memory
    ) -> None:
        self._feed, self._place, self._manifest, self._limits, self._memory = feed, place, manifest, limits, memory
        self.record = record

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
        record = arrived(self.record, self._manifest, found.contents, found.unread)
        if record.damage and found.is_lasting:
            self._memory.keep({stamp: record.model_dump_json().encode()})
        return Taken(record, found.contents, rows_of(self._manifest))

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
        return wanted(self.record, self._manifest, names, self._limits)


class FolderSource:
    """ports.Source over a feed folder; `cases` are all whose deliveries may stand in it."""

    def __init__(self, root: Path, memory: Memory, cases: Collection[str]) -> None:
        self._root, self._memory, self._cases = root, memory, cases

    def arrivals(self, case: UseCase) -> Iterator[FolderArrival]:
        """Every folder with a manifest whose path names a table of the case and a date; in one date by their numbers."""
        feed = self._root / case.name  # once: a path that is made anew for each delivery costs as much as reading its manifest
        for names in self._holders(case):
            unit, place = unit_at(case, names), place_of(names)
            arrival = self._arrival(feed, case, *unit, place) if unit and place else None
            if arrival:
                yield arrival

    def strays(self, case: UseCase) -> Iterator[Stray]:
        """Folders with a manifest that no table and date of the case can be told of, and folders that are no case's."""
        for names in self._holders(case):
            if not unit_at(case, names):
                folder, shown = "/".join((str(self._root), case.name, *names)), tuple(map(_shown, names))
                why = why_stray(case, shown) if os.access(folder, os.R_OK | os.X_OK) else "it cannot be looked into"
                yield Stray("/".join((str(self._root), case.name, *shown)), why)
        if (self._root / case.name).is_symlink():
            yield Stray(f"{self._root}/{case.name}", "it is a link, and none is followed: nothing behind it is taken in")
        if _is_there(f"{self._root}/{MANIFEST}"):
            yield Stray(str(self._root), why_no_case("", self._cases))
        for name in in_order(entry.name for entry in entries_of(str(self._root)) if entry.is_dir()):
            if name not in self._cases:
                yield Stray(f"{self._root}/{_shown(name)}", why_no_case(_shown(name), self._cases))

    def _holders(self, case: UseCase) -> Iterator[Names]:
        """The folders below the case's that hold a manifest, in order. No link is followed but on the way to a place."""
        left: list[Names] = [] if (self._root / case.name).is_symlink() else [()]
        while left:
            names = left.pop()
            folder = "/".join((str(self._root), case.name, *names))  # as text: every night goes over all the nights before it
            if _is_there(f"{folder}/{MANIFEST}"):
                yield names
            is_on_the_way = len(names) < len(Place._fields)
            inner = in_order(entry.name for entry in entries_of(folder) if entry.is_dir(follow_symlinks=is_on_the_way))
            left += [(*names, name) for name in reversed(inner)]

    def _arrival(self, feed: Path, case: UseCase, contract: TableContract, day: date, place: Place) -> FolderArrival | None:
        number = _shown(place.number)
        try:
            with opened_folder(feed, place) as folder:
                manifest = manifest_of(read_plain(folder, MANIFEST, MANIFEST_BYTES), contract.name, day)
        except StillArriving:
            return None
        except (OSError, InvalidInput) as error:
            why = str(error) if isinstance(error, InvalidInput) else unreadable(MANIFEST, str(error.strerror))
            return FolderArrival(feed, place, unannounced(case, contract, day, number, why), None, contract.limits, self._memory)
        return FolderArrival(feed, place, announced(contract, day, number, manifest), manifest, contract.limits, self._memory)


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
