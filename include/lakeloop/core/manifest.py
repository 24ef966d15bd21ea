"""The manifest of a delivery: what its sender says is in it."""

import json
import re
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from lakeloop.core.errors import InvalidInput
from lakeloop.core.reasons import gives_orders
from lakeloop.core.words import quoted, spelled

MANIFEST = "manifest.json"
_NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,199}$"
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")  # with which a date or a time begins; seconds since 1970 are neither
YEARS = range(1900, 2200)  # what is outside is a slip of the sender's, and no calendar arithmetic survives it
_AHEAD = timedelta(days=1)  # of our clock; a sender further on would outrank whatever is delivered until then


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
    table: str = Field(max_length=100)
    data_date: date
    files: list[ManifestFile] = Field(min_length=1)
    rows: int = Field(ge=0)
    source: str = Field(max_length=500)
    delivered_at: datetime

    @field_validator("source")
    @classmethod
    def _is_plain(cls, source: str) -> str:
        if found := next(filter(gives_orders, source), ""):
            msg = f"it has the control character U+{ord(found):04X}"
            raise ValueError(msg)
        return source

    @model_validator(mode="after")
    def _is_sound(self) -> Self:
        names = [file.name for file in self.files]
        if len({*names, MANIFEST}) != len(names) + 1:
            msg = "a file is named twice, or is the manifest itself"
            raise ValueError(msg)
        if self.rows != sum(file.rows for file in self.files):
            msg = f"{self.rows} rows are not the {sum(file.rows for file in self.files)} of its files"
            raise ValueError(msg)
        if self.delivered_at.tzinfo is None:
            msg = "delivered_at has no offset"
            raise ValueError(msg)
        if self.delivered_at.year not in YEARS:
            msg = f"delivered_at {self.delivered_at} cannot be"
            raise ValueError(msg)
        return self


def manifest_of(content: bytes, table: str, data_date: date) -> Manifest:
    """The manifest in a folder of a table and a data date.

    Raises:
        InvalidInput: it cannot be read or says something twice, or it speaks of another table or date than its folder, or of a
            time to come.
    """
    try:
        manifest = Manifest.model_validate_json(content, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = spelled(".".join(map(str, first["loc"]))[:100]).replace("\n", "\\n")
        msg = f"{MANIFEST} is not a manifest ({where}: {first['msg']}). Next: deliver it again."
        raise InvalidInput(msg) from error
    said = json.loads(content, object_pairs_hook=_said_once, parse_int=str)
    if odd := [name for name in ("data_date", "delivered_at") if not _DAY.match(said[name])]:
        msg = f"{MANIFEST} is not a manifest ({odd[0]} does not begin with a date as YYYY-MM-DD). Next: deliver it again."
        raise InvalidInput(msg)
    if (manifest.table, manifest.data_date) != (table, data_date):
        said = f"{quoted(manifest.table)} {manifest.data_date}"
        msg = f"{MANIFEST} speaks of {said}, its folder of {table} {data_date}. Next: deliver it again."
        raise InvalidInput(msg)
    if manifest.delivered_at > datetime.now(UTC) + _AHEAD:
        msg = f"{MANIFEST} says delivered_at {manifest.delivered_at.isoformat()}, which is still to come. Next: deliver it again."
        raise InvalidInput(msg)
    return manifest


def _said_once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """An object of JSON; raise InvalidInput where a key stands in it twice: readers of JSON differ in which they take."""
    doubled = [key for key, times in Counter(key for key, _ in pairs).items() if times > 1]
    if doubled:
        msg = f"{MANIFEST} is not a manifest ({quoted(doubled[0])} stands in it more than once). Next: deliver it again."
        raise InvalidInput(msg)
    return dict(pairs)


def day_of(name: str) -> date | None:
    """The data date that a folder's name is, or None."""
    try:
        day = date.fromisoformat(name)
    except ValueError:
        return None
    return day if day.isoformat() == name and day.year in YEARS else None
