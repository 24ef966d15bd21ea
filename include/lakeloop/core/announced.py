"""What a manifest announced, kept by how it stands in a feed: one that nobody touched since is not read and parsed again."""

from collections.abc import Callable, Container, Iterable
from contextlib import suppress
from datetime import date
from functools import cached_property
from typing import Self

from lakeloop.core.contract import TableContract
from lakeloop.core.errors import InvalidInput, StillArriving
from lakeloop.core.feed import Look, stamp_of
from lakeloop.core.manifest import MANIFEST, Manifest, manifest_of
from lakeloop.core.promise import announced, unannounced, unreadable
from lakeloop.core.receipts import LandedRecord
from lakeloop.core.use_case import UseCase


class Announced:
    """A delivery by its manifest alone: the record, and the manifest where somebody asks for it.

    One whose manifest cannot be believed has a damaged record and no manifest.
    """

    def __init__(self, record: LandedRecord, content: bytes = b"") -> None:
        self.record, self._content = record, content

    @classmethod
    def at(
        cls, case: UseCase, contract: TableContract, day: date, folder: str, kept: bytes, read: Callable[[], bytes]
    ) -> Self | None:
        """What a place announces, as it was kept or by the manifest that `read` gives; None while somebody writes to that."""
        try:
            return cls.unpacked(kept) or cls.read(contract, day, folder, read())
        except StillArriving:
            return None
        except InvalidInput as error:
            why = str(error)
        except OSError as error:
            why = unreadable(MANIFEST, str(error.strerror))
        return cls(unannounced(case, contract, day, folder, why))

    @classmethod
    def read(cls, contract: TableContract, day: date, folder: str, content: bytes) -> Self:
        """What the manifest in a folder says; raises InvalidInput where it says nothing that can be believed."""
        return cls(announced(contract, day, folder, manifest_of(content, contract.name, day)), content)

    @cached_property
    def manifest(self) -> Manifest | None:
        """The manifest itself, which was judged when it was read."""
        return Manifest.model_validate_json(self._content, strict=True) if self._content else None

    def packed(self) -> bytes:
        """Both as they are kept; nothing without a manifest."""
        return b"\n".join([self.record.model_dump_json().encode(), self._content]) if self._content else b""

    @classmethod
    def unpacked(cls, kept: bytes) -> Self | None:
        """What was packed; None where it cannot be read, as by other code than packed it."""
        with suppress(ValueError):
            record, content = kept.split(b"\n", 1)
            return cls(LandedRecord.model_validate_json(record), content) if content else None
        return None


def announced_stamp(words: Iterable[str], contract: TableContract, look: Look, now: float) -> str:
    """The stamp that is kept under: of a place in a feed, the limits that were held against the manifest, and how it stands."""
    return stamp_of([*words, contract.limits.model_dump_json()], [look], now)


def to_keep(found: Iterable[tuple[str, Announced | None]], known: Container[str]) -> dict[str, bytes]:
    """What is kept of what was found under stamps: those that were not known, and have a manifest."""
    return {stamp: packed for stamp, one in found if one and stamp not in known and (packed := one.packed())}
