"""The feed folder as a source: every folder with a manifest is an arrival, whatever its manifest is worth."""

import hashlib
import os
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from lakeloop.adapters.folder_source.manifest import MANIFEST, Manifest, day_of, manifest_of
from lakeloop.adapters.folder_source.plain_files import opened_folder, plain_names, read_plain
from lakeloop.core.errors import InvalidInput
from lakeloop.core.receipts import LandedRecord
from lakeloop.core.use_case import TableContract, UseCase
from lakeloop.ports import Stray, Taken


class _Place(NamedTuple):
    """A delivery folder, by the names that lead to it."""

    table: str
    day: str
    number: str


class FolderArrival:
    """ports.Arrival over one delivery folder; without a manifest that can be believed it is damaged from the start."""

    def __init__(self, feed: Path, place: _Place, record: LandedRecord, manifest: Manifest | None) -> None:
        self._feed, self._place, self._manifest = feed, place, manifest
        self.record = record

    def take(self) -> Taken:
        """Read every file once; the digest is of what was read, the damage says where that is not what was promised."""
        contents, unread = self._read()
        files = tuple(name for name in contents if name != MANIFEST)
        hashed = files if self._manifest else tuple(contents)
        record = self.record.model_copy(
            update={
                "sha256": digest_of({name: _sha256(contents[name]) for name in hashed}),
                "files": files,
                "damage": self.record.damage or unread or self._broken_promise(contents),
            }
        )
        return Taken(record, contents)

    def _read(self) -> tuple[dict[str, bytes], str]:
        contents: dict[str, bytes] = {}
        unread = ""
        try:
            with opened_folder(self._feed, self._place) as folder:
                for name in self._names(folder):
                    try:
                        contents[_shown(name)] = read_plain(folder, name)
                    except OSError as error:
                        unread = unread or _unreadable(_shown(name), error)
        except OSError as error:
            unread = _unreadable("its folder", error)
        return contents, unread

    def _names(self, folder: int) -> list[str]:
        if self._manifest:
            return [*(file.name for file in self._manifest.files), MANIFEST]
        return plain_names(folder)

    def _broken_promise(self, contents: Mapping[str, bytes]) -> str:
        for file in self._manifest.files if self._manifest else ():
            found = contents[file.name]
            if len(found) != file.size:
                return f"{file.name} has {len(found)} bytes, its manifest says {file.size}. Next: deliver it again."
            if _sha256(found) != file.sha256:
                return f"{file.name} has another sha256 than its manifest says. Next: deliver it again."
        return ""


class FolderSource:
    """ports.Source over a feed folder."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def arrivals(self, case: UseCase) -> Iterator[FolderArrival]:
        """Every folder with a manifest whose path names a table of the case and a date; in one date by their numbers."""
        for place in self._places(case):
            contract, day = _contract(case, place), day_of(place.day)
            if contract and day:
                yield self._arrival(case, contract, day, place)

    def strays(self, case: UseCase) -> Iterator[Stray]:
        """Folders with a manifest that no table and date of the case can be told of."""
        for place in self._places(case):
            path = f"{self._root / case.name}/{'/'.join(map(_shown, place))}"
            if not _contract(case, place):
                yield Stray(path, f"{case.name} has no table {_shown(place.table)}")
            elif not day_of(place.day):
                yield Stray(path, f"{_shown(place.day)} is no data date")

    def _places(self, case: UseCase) -> Iterator[_Place]:
        base = self._root / case.name
        for table in _names_in(base):
            for day in _names_in(base / table):
                for number in _names_in(base / table / day):
                    if _is_there(base / table / day / number / MANIFEST):
                        yield _Place(table, day, number)

    def _arrival(self, case: UseCase, contract: TableContract, day: date, place: _Place) -> FolderArrival:
        feed = self._root / case.name
        try:
            with opened_folder(feed, place) as folder:
                manifest = manifest_of(read_plain(folder, MANIFEST), contract.name, day)
        except (OSError, InvalidInput) as error:
            why = str(error) if isinstance(error, InvalidInput) else _unreadable(MANIFEST, error)
            return FolderArrival(feed, place, _unannounced(case, contract, day, why), None)
        record = LandedRecord(
            table=contract.name, data_date=day, delivery=0, files=tuple(file.name for file in manifest.files), rows=manifest.rows,
            sha256=digest_of({file.name: file.sha256 for file in manifest.files}), source=manifest.source,
            delivered_at=manifest.delivered_at,
        )  # fmt: skip
        return FolderArrival(feed, place, record, manifest)


def digest_of(files: Mapping[str, str]) -> str:
    """A delivery's digest: sha256 over the sorted `<name> <sha256>` lines of its files."""
    return _sha256("".join(sorted(f"{name} {digest}\n" for name, digest in files.items())).encode())


def _unannounced(case: UseCase, contract: TableContract, day: date, why: str) -> LandedRecord:
    """A delivery of which nothing is believed but its path; it counts as sent in the last second for its night."""
    sent = case.prediction_time(day + timedelta(days=contract.lag_days)) - timedelta(seconds=1)
    return LandedRecord(
        table=contract.name, data_date=day, delivery=0, sha256="", files=(), rows=0, source="", delivered_at=sent, damage=why
    )


def _contract(case: UseCase, place: _Place) -> TableContract | None:
    return next((contract for contract in case.tables if contract.name == place.table), None)


def _names_in(folder: Path) -> list[str]:
    """The names in a folder, numbers in their order; none where it is no folder, or closed to us."""
    try:
        names = [path.name for path in folder.iterdir()]
    except OSError:
        return []
    return sorted(names, key=lambda name: (int(name) if name.isdecimal() else -1, name))


def _is_there(path: Path) -> bool:
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:  # closed to us: an arrival that says so
        return True
    return True


def _shown(name: str) -> str:
    """A file's name as the lake and a message can hold it; those that a manifest may use stay as they are."""
    return quote(os.fsencode(name), safe="")


def _unreadable(what: str, error: OSError) -> str:
    return f"{what} cannot be read ({error.strerror}). Next: deliver it again, whole."


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
