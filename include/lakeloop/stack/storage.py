"""Storage: bytes that nothing but history refers to. Only lakeFS's own garbage collection frees them, and never local ones."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, Protocol

from lakeloop.core.errors import NotFound
from lakeloop.core.lake import Stored
from lakeloop.ports import Branch
from lakeloop.settings import Settings

_LOCAL = "local://"


class References(Protocol):
    """As much of a lake as says what it still refers to."""

    def branches(self, prefix: str) -> Iterator[Branch]:
        """Branches whose names begin with a prefix."""

    def tags(self) -> Iterator[str]:
        """Names of the tags."""

    def stored(self, ref: str, prefix: str) -> Iterator[Stored]:
        """The objects under a prefix with their bytes; of a branch also what is staged."""


class Storage(NamedTuple):
    """Objects and bytes in the lake's local storage; `dead` are those that no branch and no tag refers to."""

    objects: int
    size: int
    dead_objects: int
    dead_size: int


def storage_of(lake: References, settings: Settings) -> Storage | None:
    """What the lake's storage holds and what of it is dead; None where it is not a folder of this stack."""
    name = settings.storage_namespace.removeprefix(_LOCAL)
    folder = settings.home / "lakefs" / "block" / name
    if not settings.storage_namespace.startswith(_LOCAL) or not folder.is_dir():
        return None
    sizes = _sizes(folder)  # first: what is written meanwhile must not look dead
    living = {address.rpartition(f"/{name}/")[2] for address in _referenced(lake)}  # the server tells whole paths of files
    dead = [size for path, size in sizes.items() if path not in living]
    return Storage(len(sizes), sum(sizes.values()), len(dead), sum(dead))


def _sizes(folder: Path) -> dict[str, int]:
    """Data objects by their path; lakeFS's own records of commits (`_lakefs/`) are none."""
    return {path.relative_to(folder).as_posix(): path.stat().st_size for path in (folder / "data").rglob("*") if path.is_file()}


def _referenced(lake: References) -> set[str]:
    found: set[str] = set()
    for ref in (*(branch.name for branch in lake.branches("")), *lake.tags()):
        try:
            found.update(one.address for one in lake.stored(ref, ""))
        except NotFound:  # a branch that was dropped meanwhile refers to nothing
            continue
    return found
