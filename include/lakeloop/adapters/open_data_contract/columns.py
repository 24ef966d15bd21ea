"""A property of a document as a column: its type, and those of its options that a column has."""

import re
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from open_data_contract_standard.model import SchemaProperty

from lakeloop.adapters.open_data_contract.words import LOGICAL, PERSONAL

PERSONAL_WORDS = frozenset({PERSONAL, "personal data", "pii", "phi"})
_IMPERSONAL_WORDS = frozenset({"public"})  # what everybody may see is about nobody; any other word may mean a person
_DECIMAL = re.compile(r"(?:decimal|numeric|number)\s*\(\s*(\d+)\s*(?:,\s*(\d+)\s*)?\)", re.IGNORECASE)
_FROM_LOGICAL = {"number": "double"} | {logical: ours for ours, logical in LOGICAL.items() if logical != "number"}
_READ_ANYWAY = {  # formats that a column of the type is read by; of numbers they say how wide they are stored
    "date": {"yyyy-MM-dd"},
    "timestamp": {"yyyy-MM-dd HH:mm:ss", "yyyy-MM-dd'T'HH:mm:ss", "yyyy-MM-dd'T'HH:mm:ssXXX"},
    "int": {"i8", "i16", "i32", "i64"},
    "double": {"f32", "f64"},
    "decimal": {"f32", "f64"},
}
_UTC = "Etc/UTC"  # the standard's word for it


def typed(one: SchemaProperty) -> dict[str, Any]:
    """The type of a property's column, of a decimal with its digits; empty where no column is of it."""
    physical, logical = one.physicalType or "", one.logicalType
    digits = _DECIMAL.fullmatch(physical.strip())
    if digits and logical in {None, "number"}:
        return {"type": "decimal", "precision": int(digits[1]), "scale": int(digits[2] or 0)}
    if physical in LOGICAL and logical in {None, LOGICAL[physical]}:
        return {"type": physical}
    if logical is None and physical:
        return {}
    kind = _FROM_LOGICAL.get(logical or "string")
    return {"type": kind} if kind else {}


def is_typing(physical: str) -> bool:
    """Whether a physical type is one that a column has, and not a source's own word."""
    return physical in LOGICAL or _DECIMAL.fullmatch(physical.strip()) is not None


def options_as_fields(kind: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """What a column has a field for, of the options of its type."""
    return dict(found for name, value in options.items() if (found := _field(kind, name, value)))


def options_unsaid(kind: str, options: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The options that decide about a row and that no column has a field for."""
    for name, value in options.items():
        is_read = name == "format" and value in _READ_ANYWAY.get(kind, ())
        if not is_read and _field(kind, name, value) is None:
            yield f"logicalTypeOptions.{name}", value


def is_personal(classification: str) -> bool:
    """Whether a classification says that a column is about a person."""
    return classification.strip().casefold() in PERSONAL_WORDS


def is_known(classification: str) -> bool:
    """Whether it can be told from a classification if a column is about a person."""
    return classification.strip().casefold() in PERSONAL_WORDS | _IMPERSONAL_WORDS


def _field(kind: str, name: str, value: Any) -> tuple[str, Any] | None:
    if name == "pattern" and kind == "string":
        return name, value
    if name in {"minimum", "maximum"} and kind in {"int", "double", "decimal"}:
        return name, value
    if name in {"minimum", "maximum"} and kind == "date" and (day := _day(value)):
        return ("earliest" if name == "minimum" else "latest"), day
    if name == "defaultTimezone" and kind == "timestamp":
        return "timezone", "UTC" if value == _UTC else value
    return None


def _day(value: Any) -> date | None:
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        return None
