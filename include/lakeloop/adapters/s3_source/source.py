"""A bucket as a source: every folder with a manifest is an arrival, whatever its manifest is worth."""

import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from functools import cached_property, partial
from math import inf
from typing import NamedTuple
from urllib.parse import quote

from pyarrow.fs import FileInfo

from lakeloop.adapters.s3_source.bucket import Bucket
from lakeloop.core.announced import Announced, announced_stamp, to_keep
from lakeloop.core.contract import FileLimits, TableContract
from lakeloop.core.feed import Look, Names, in_order, stamp_of, unit_at, why_no_case, why_stray
from lakeloop.core.files import FileShape
from lakeloop.core.manifest import MANIFEST
from lakeloop.core.promise import MANIFEST_BYTES, arrived, gathered, rows_of, wanted
from lakeloop.core.receipts import LandedRecord
from lakeloop.core.use_case import UseCase
from lakeloop.ports import Feed, Memory, Stray, Taken

_AT_ONCE = 16  # manifests that are asked for together

Listed = dict[str, FileInfo]  # the objects of a folder by their names in it, in order


class S3Arrival:
    """ports.Arrival over the objects of one delivery; without a manifest that can be believed it is damaged from the start."""

    def __init__(
        self, bucket: Bucket, folder: str, listed: Listed, limits: FileLimits, announced: Announced, memory: Memory
    ) -> None:
        self._bucket, self._folder, self._listed, self._limits, self._memory = bucket, folder, listed, limits, memory
        self.record, self._announced = announced.record, announced

    def size(self) -> int:
        """Bytes of its objects as they were listed."""
        return sum(self._listed[name].size for name in self._wanted() if name in self._listed)

    def take(self) -> Taken:
        """Read every object once; the digest is of what was read, the damage says where that is not what was promised."""
        stamp = self._stamp  # as it stands before it is read
        found = gathered(self._wanted(), self._read, _shown, self._limits)
        record = arrived(self.record, self._announced.manifest, found.contents, found.unread)
        if record.damage and found.is_lasting:
            self._memory.keep({stamp: record.model_dump_json().encode()})
        return Taken(record, found.contents, rows_of(self._announced.manifest))

    def seen(self) -> LandedRecord | None:
        """The record of its damage, where it was taken before and no object of it was touched since."""
        kept = self._memory.recall([self._stamp]).get(self._stamp)
        return LandedRecord.model_validate_json(kept) if kept else None

    @cached_property
    def _stamp(self) -> str:
        words = [self._bucket.root, self._folder, self.record.model_dump_json(), self._limits.model_dump_json()]
        looks = (_look(name, self._listed[name]) for name in self._wanted() if name in self._listed)
        return stamp_of(words, looks, time.time())

    def _read(self, name: str, most: int) -> bytes:
        return self._bucket.read(f"{self._folder}/{name}", most)

    def _wanted(self) -> list[str]:
        return wanted(self.record, self._announced.manifest, self._listed, self._limits)


class _Place(NamedTuple):
    """A folder with a manifest that is some unit's."""

    names: Names
    listed: Listed
    contract: TableContract
    day: date


class S3Source:
    """ports.Source over a bucket and a prefix, as `s3://bucket/prefix`; `cases` are all whose deliveries may stand in it."""

    def __init__(
        self, address: str, memory: Memory, cases: Collection[str], endpoint: str = "", access_key_id: str = "",
        secret_access_key: str = "", region: str = "",
    ) -> None:  # fmt: skip
        self._memory, self._cases = memory, cases
        self._bucket = Bucket(address.removeprefix("s3://").strip("/"), endpoint, access_key_id, secret_access_key, region)

    def walk(self, case: UseCase) -> Feed:
        """Every folder with a manifest: arrivals, in one date by their numbers, and what no table and date can be told of."""
        objects = self._bucket.objects(case.name)
        places, others = list[_Place](), list[Names]()
        for names, listed in _holders(objects).items():
            if unit := unit_at(case, names):
                places.append(_Place(names, listed, *unit))
            else:
                others.append(names)
        return Feed(self._arrivals(case, places), [*self._below(case, others, objects), *self._beside()])

    def _arrivals(self, case: UseCase, places: Sequence[_Place]) -> list[S3Arrival]:
        """What arrived; manifests that nobody wrote again since a walk before say what they said then."""
        now = time.time()
        stamps = [self._stamp(case, at, now) for at in places]
        kept = self._memory.recall(stamps)
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            found = list(pool.map(lambda at, stamp: self._announced(case, at, kept.get(stamp, b"")), places, stamps))
        self._memory.keep(to_keep(zip(stamps, found, strict=True), kept))
        return [self._arrival(case, at, one) for at, one in zip(places, found, strict=True) if one]

    def _stamp(self, case: UseCase, at: _Place, now: float) -> str:
        words = self._bucket.root, case.name, *at.names
        return announced_stamp(words, at.contract, _look(MANIFEST, at.listed[MANIFEST]), now)

    def _below(self, case: UseCase, others: Iterable[Names], objects: Iterable[Names]) -> Iterator[Stray]:
        base = f"s3://{self._bucket.root}/{case.name}"
        for names in others:
            shown = tuple(map(_shown, names))
            yield Stray("/".join((base, *shown)), why_stray(case, shown))
        for names in sorted({names[:-1] for names in objects if not _is_regular(names) and _is_of_delivery(names[-1])}):
            yield Stray(
                "/".join((base, *map(_shown, names))), "a name in its key is empty, `.` or `..`, and no folder is named so"
            )

    def _beside(self) -> Iterator[Stray]:
        """What stands beside the cases' folders."""
        for name in map(_shown, self._bucket.folders(MANIFEST)):
            if name not in self._cases:
                yield Stray(f"s3://{self._bucket.root}/{name}".rstrip("/"), why_no_case(name, self._cases))

    def _arrival(self, case: UseCase, at: _Place, announced: Announced) -> S3Arrival:
        folder = f"{case.name}/{'/'.join(at.names)}"
        return S3Arrival(self._bucket, folder, at.listed, at.contract.limits, announced, self._memory)

    def _announced(self, case: UseCase, at: _Place, kept: bytes) -> Announced | None:
        read = partial(self._bucket.read_listed, at.listed[MANIFEST], MANIFEST_BYTES)
        return Announced.at(case, at.contract, at.day, _shown(at.names[-1]), kept, read)


def _holders(objects: dict[Names, FileInfo]) -> dict[Names, Listed]:
    """The objects in and below each folder that holds a manifest, down to the next one that does; in order."""
    regular = {names: listed for names, listed in sorted(objects.items()) if _is_regular(names)}
    found: dict[Names, Listed] = {names[:-1]: {} for names in regular if names[-1] == MANIFEST}
    for names, listed in regular.items():
        depth = next((depth for depth in range(len(names) - 1, -1, -1) if names[:depth] in found), None)
        if depth is not None:
            found[names[:depth]]["/".join(names[depth:])] = listed
    order = {name: at for at, name in enumerate(in_order({name for names in found for name in names}))}
    return {names: found[names] for names in sorted(found, key=lambda at: [order[name] for name in at])}


def _is_regular(names: Names) -> bool:
    return not {"", ".", ".."} & set(names)


def _is_of_delivery(name: str) -> bool:
    return name == MANIFEST or FileShape.named(name) is not None


def _look(name: str, listed: FileInfo) -> Look:
    """How an object of a folder was listed; one without a time may have been written just now."""
    touched = inf if listed.mtime_ns is None else listed.mtime_ns / 1e9
    return Look(name, listed.size, touched, str(listed.mtime_ns))


def _shown(name: str) -> str:
    """An object's name as the lake and a message can hold it; those that a manifest may use stay as they are."""
    return quote(name)
