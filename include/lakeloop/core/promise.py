"""The promise of a delivery: what its manifest says of its bytes, and what of that did not come true."""

import errno
import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import date, timedelta
from typing import NamedTuple

from lakeloop.core.contract import FileLimits, TableContract
from lakeloop.core.files import looks_like_data
from lakeloop.core.manifest import MANIFEST, Manifest
from lakeloop.core.receipts import LandedRecord
from lakeloop.core.use_case import UseCase
from lakeloop.core.words import counted

TOO_MUCH = "too_much"  # code of a delivery that goes beyond the contract's limits: its files stay where they are
MANIFEST_BYTES = 16 << 20  # more than the manifest of any delivery inside the limits
_LASTING = frozenset({errno.ENOENT, errno.EFBIG, errno.EINVAL})  # why a file stays unread for as long as it looks the same


class Gathered(NamedTuple):
    """What could be read of a delivery, why some of it could not, and whether that stays so while its files look the same."""

    contents: dict[str, bytes]
    unread: str
    is_lasting: bool


def sha256_of(content: bytes) -> str:
    """The digest of some bytes, as a manifest writes it."""
    return hashlib.sha256(content).hexdigest()


def digest_of(digests: Iterable[str]) -> str:
    """A delivery's digest: sha256 over the sorted digests of its files, a line each; the same bytes have it under any name."""
    return sha256_of("".join(sorted(f"{digest}\n" for digest in digests)).encode())


def announced(contract: TableContract, day: date, folder: str, manifest: Manifest) -> LandedRecord:
    """A delivery as its manifest announces it; one beyond the contract's limits is refused without opening a file."""
    excess = _excess(contract.limits, manifest)
    return LandedRecord(
        table=contract.name, data_date=day, delivery=0, files=() if excess else tuple(file.name for file in manifest.files),
        rows=manifest.rows, sha256=digest_of(file.sha256 for file in manifest.files), source=manifest.source,
        delivered_at=manifest.delivered_at, folder=folder, damage=excess, damage_code=TOO_MUCH if excess else "damaged",
    )  # fmt: skip


def unannounced(case: UseCase, contract: TableContract, day: date, folder: str, why: str) -> LandedRecord:
    """A delivery of which nothing is believed but its path; it counts as sent in the last second for its night."""
    sent = case.prediction_time(day + timedelta(days=contract.lag_days)) - timedelta(seconds=1)
    return LandedRecord(
        table=contract.name, data_date=day, delivery=0, sha256="", files=(), rows=0, source="", delivered_at=sent, folder=folder,
        damage=why,
    )  # fmt: skip


def arrived(record: LandedRecord, manifest: Manifest | None, contents: Mapping[str, bytes], unread: str) -> LandedRecord:
    """The record of exactly these bytes: its digest is theirs, its damage says where they are not what was promised."""
    if record.damage_code == TOO_MUCH:
        return record
    files = tuple(name for name in contents if name != MANIFEST)
    hashed = files if manifest else tuple(contents)
    damage = record.damage or unread or (_broken(manifest, contents) if manifest else "")
    digest = digest_of(sha256_of(contents[name]) for name in hashed)
    return record.model_copy(update={"sha256": digest, "files": files, "damage": damage})


def wanted(record: LandedRecord, manifest: Manifest | None, names: Collection[str], limits: FileLimits) -> list[str]:
    """The files of a delivery that are read, by the names in its folder: those announced, and those kept beside them."""
    if manifest:
        return [*record.files, *unlisted(record, names, limits), MANIFEST]
    return list(names) if len(names) <= limits.files else [MANIFEST]


def gathered(
    names: Iterable[str], read: Callable[[str, int], bytes], shown: Callable[[str], str], limits: FileLimits
) -> Gathered:
    """Read each file once, all together no more than the limits allow; `read` takes a name and the most bytes it may give.

    `shown` gives a name as the lake and a message can hold it.
    """
    contents: dict[str, bytes] = {}
    unread, is_lasting, room = "", True, limits.size
    for name in names:
        try:
            content = read(name, room if name != MANIFEST else MANIFEST_BYTES)
        except OSError as error:
            unread = unread or unreadable(shown(name), str(error.strerror))
            is_lasting &= error.errno in _LASTING
            continue
        contents[shown(name)] = content
        room -= len(content)
    return Gathered(contents, unread, is_lasting)


def unlisted(record: LandedRecord, names: Iterable[str], limits: FileLimits) -> list[str]:
    """Data files beside a manifest that does not name them, as many as are kept; nobody said how many rows they have."""
    if record.damage:  # it is refused already
        return []
    found = [name for name in names if name not in record.files and looks_like_data(name)]
    return found[: max(1, limits.files - len(record.files))]


def rows_of(manifest: Manifest | None) -> dict[str, int]:
    """Rows by file, as they were promised."""
    return {file.name: file.rows for file in manifest.files} if manifest else {}


def unreadable(what: str, why: str) -> str:
    """Words for a file that could not be read."""
    return f"{what} cannot be read ({why}). Next: deliver it again, whole."


def _broken(manifest: Manifest, contents: Mapping[str, bytes]) -> str:
    for file in manifest.files:
        found = contents[file.name]
        if len(found) != file.size:
            return f"{file.name} has {len(found)} bytes, its manifest says {file.size}. Next: deliver it again."
        if sha256_of(found) != file.sha256:
            return f"{file.name} has another sha256 than its manifest says. Next: deliver it again."
    named = {MANIFEST, *(file.name for file in manifest.files)}
    if other := next((name for name in contents if name not in named), None):
        return f"{other} stands beside its manifest and not in it. Next: deliver it again, every file in the manifest."
    return ""


def _excess(limits: FileLimits, manifest: Manifest) -> str:
    files, size = len(manifest.files), sum(file.size for file in manifest.files)
    if files <= limits.files and size <= limits.size:
        return ""
    found = f"{counted(files, 'file')}" if files > limits.files else f"{size} bytes"
    most = f"{limits.files} files" if files > limits.files else f"{limits.size} bytes"
    return (
        f"the delivery announces {found}, the contract's limit is {most}; its files were not taken in and stay in the feed. "
        "Next: deliver fewer and larger files, or raise `limits` in the contract and deliver it with a later delivered_at."
    )
