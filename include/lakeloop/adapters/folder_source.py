"""Deliveries from a folder: `<case>/<table>/<data date>/<k>/` with files and, written last, manifest.json."""

import hashlib
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lakeloop.core.errors import InvalidInput
from lakeloop.core.receipts import LandedRecord
from lakeloop.core.use_case import UseCase

MANIFEST = "manifest.json"
_NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,199}$"


class ManifestFile(BaseModel):
    """One data file of a delivery, as its sender describes it."""

    model_config = ConfigDict(extra="forbid")
    name: str = Field(pattern=_NAME)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    size: int = Field(ge=0)
    rows: int = Field(ge=0)


class Manifest(BaseModel):
    """What makes a delivery complete."""

    model_config = ConfigDict(extra="forbid")
    table: str
    data_date: date
    files: list[ManifestFile] = Field(min_length=1)
    rows: int = Field(ge=0)
    source: str
    delivered_at: datetime


class FolderArrival:
    """ports.Arrival over one delivery folder."""

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        self._folder, self._manifest = folder, manifest
        self.record = LandedRecord(
            table=manifest.table, data_date=manifest.data_date, delivery=0, sha256=digest_of(manifest),
            files=tuple(file.name for file in manifest.files), rows=manifest.rows, source=manifest.source,
            delivered_at=manifest.delivered_at,
        )  # fmt: skip

    def damage(self) -> str:
        """The first way in which the bytes are not what the manifest says, or an empty string."""
        for file in self._manifest.files:
            path = self._folder / file.name
            if not path.is_file() or path.is_symlink():
                return f"{file.name} of the manifest is not in the delivery. Next: deliver it again, whole."
            size = path.stat().st_size
            if size != file.size:
                return f"{file.name} has {size} bytes, its manifest says {file.size}. Next: deliver it again."
            if hashlib.sha256(path.read_bytes()).hexdigest() != file.sha256:
                return f"{file.name} has another sha256 than its manifest says. Next: deliver it again."
        return ""

    def read(self, name: str) -> bytes:
        """The bytes of one of its files; a missing file reads as empty (the damage is on record)."""
        path = self._folder / name
        return path.read_bytes() if path.is_file() else b""


class FolderSource:
    """ports.Source over a feed folder."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def arrivals(self, case: UseCase) -> Iterator[FolderArrival]:
        """Every folder with a manifest, for the tables of the case.

        Raises:
            InvalidInput: a manifest that cannot be read, or that names another table or date than its folder.
        """
        for contract in case.tables:
            folder = self._root / case.name / contract.name
            for path in sorted(folder.glob(f"*/*/{MANIFEST}")):
                yield FolderArrival(path.parent, _read(path, contract.name))


def digest_of(manifest: Manifest) -> str:
    """A delivery's digest: sha256 over the sorted `<name> <sha256>` lines of its files."""
    lines = sorted(f"{file.name} {file.sha256}\n" for file in manifest.files)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _read(path: Path, table: str) -> Manifest:
    try:
        manifest = Manifest.model_validate_json(path.read_bytes())
    except (ValidationError, OSError) as error:
        msg = f"{path}: not a manifest ({error}); nothing of any delivery was taken in. Next: correct or remove it."
        raise InvalidInput(msg) from error
    if (manifest.table, manifest.data_date.isoformat()) != (table, path.parent.parent.name):
        msg = (
            f"{path} speaks of {manifest.table} {manifest.data_date}; nothing of any delivery was taken in. "
            "Next: correct it, or move the folder."
        )
        raise InvalidInput(msg)
    if manifest.delivered_at.tzinfo is None:
        msg = f"{path}: delivered_at has no offset; nothing of any delivery was taken in."
        raise InvalidInput(msg)
    return manifest
