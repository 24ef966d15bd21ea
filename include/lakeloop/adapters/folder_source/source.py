"""The feed folder as a source: every folder with a manifest is an arrival, whatever its manifest is worth."""

import os
import time
from collections.abc import Iterator
from datetime import date
from functools import cached_property, partial
from pathlib import Path
from urllib.parse import quote

from lakeloop.adapters.folder_source.plain_files import looks_at, opened_folder, plain_names, plain_sizes, read_plain
from lakeloop.core.contract import FileLimits, TableContract
from lakeloop.core.errors import InvalidInput, StillArriving
from lakeloop.core.feed import Place, in_order, stamp_of, unit_at, why_stray
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
                return sum(plain_sizes(folder, self._names(folder)))
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
                return stamp_of(words, looks_at(folder, self._names(folder)), time.time())
        except OSError:
            return ""

    def _read(self) -> Gathered:
        try:
            with opened_folder(self._feed, self._place) as folder:
                return gathered(self._names(folder), partial(read_plain, folder), _shown, self._limits)
        except OSError as error:
            return Gathered({}, unreadable("its folder", str(error.strerror)), is_lasting=False)

    def _names(self, folder: int) -> list[str]:
        return wanted(self.record, self._manifest, plain_names(folder), self._limits)


class FolderSource:
    """ports.Source over a feed folder."""

    def __init__(self, root: Path, memory: Memory) -> None:
        self._root, self._memory = root, memory

    def arrivals(self, case: UseCase) -> Iterator[FolderArrival]:
        """Every folder with a manifest whose path names a table of the case and a date; in one date by their numbers."""
        for place in self._places(case):
            unit = unit_at(case, place)
            arrival = self._arrival(case, *unit, place) if unit else None
            if arrival:
                yield arrival

    def strays(self, case: UseCase) -> Iterator[Stray]:
        """Folders with a manifest that no table and date of the case can be told of."""
        for place in self._places(case):
            if not unit_at(case, place):
                shown = Place(*map(_shown, place))
                yield Stray(f"{self._root / case.name}/{'/'.join(shown)}", why_stray(case, shown))

    def _places(self, case: UseCase) -> Iterator[Place]:
        base = str(self._root / case.name)  # as text: every night goes over all the nights before it
        for table in _names_in(base):
            for day in _names_in(f"{base}/{table}"):
                for number in _names_in(f"{base}/{table}/{day}"):
                    if _is_there(f"{base}/{table}/{day}/{number}/{MANIFEST}"):
                        yield Place(table, day, number)

    def _arrival(self, case: UseCase, contract: TableContract, day: date, place: Place) -> FolderArrival | None:
        feed = self._root / case.name
        try:
            with opened_folder(feed, place) as folder:
                manifest = manifest_of(read_plain(folder, MANIFEST, MANIFEST_BYTES), contract.name, day)
        except StillArriving:
            return None
        except (OSError, InvalidInput) as error:
            why = str(error) if isinstance(error, InvalidInput) else unreadable(MANIFEST, str(error.strerror))
            return FolderArrival(feed, place, unannounced(case, contract, day, why), None, contract.limits, self._memory)
        return FolderArrival(feed, place, announced(contract, day, manifest), manifest, contract.limits, self._memory)


def _names_in(folder: str) -> list[str]:
    """The names in a folder, numbers in their order; none where it is no folder, or closed to us."""
    try:
        with os.scandir(folder) as entries:
            return in_order(entry.name for entry in entries)
    except OSError:
        return []


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
    return quote(os.fsencode(name), safe="")
