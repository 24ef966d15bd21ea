"""What a manifest announced, kept by how it stands in a feed: one that nobody touched since is not read and parsed again."""

from collections.abc import Iterable
from contextlib import suppress
from datetime import date
from functools import cached_property
from typing import Self

from lakeloop.core.contract import TableContract
from lakeloop.core.feed import Look, stamp_of
from lakeloop.core.manifest import Manifest, manifest_of
from lakeloop.core.promise import announced
from lakeloop.core.receipts import LandedRecord


class Announced:
    """A delivery by its manifest alone: the record, and the manifest where somebody asks for it."""

    def __init__(self, record: LandedRecord, content: bytes) -> None:
        self.record, self._content = record, content

    @classmethod
    def read(cls, contract: TableContract, day: date, folder: str, content: bytes) -> Self:
        """What the manifest in a folder says; raises InvalidInput where it says nothing that can be believed."""
        return cls(announced(contract, day, folder, manifest_of(content, contract.name, day)), content)

    @cached_property
    def manifest(self) -> Manifest:
        """The manifest itself, which was judged when it was read."""
        return Manifest.model_validate_json(self._content, strict=True)

    def packed(self) -> bytes:
        """Both as they are kept."""
        return b"\n".join([self.record.model_dump_json().encode(), self._content])

    @classmethod
    def unpacked(cls, kept: bytes) -> Self | None:
        """What was packed; None where it cannot be read, as by other code than packed it."""
        with suppress(ValueError):
            record, content = kept.split(b"\n", 1)
            return cls(LandedRecord.model_validate_json(record), content)
        return None


def announced_stamp(words: Iterable[str], contract: TableContract, look: Look, now: float) -> str:
    """The stamp that is kept under: of a place in a feed, the limits that were held against the manifest, and how it stands."""
    return stamp_of([*words, contract.limits.model_dump_json()], [look], now)
