"""Contracts as the Python a case is written in: what is imported is read and kept by people, in version control."""

from collections.abc import Sequence
from datetime import date
from typing import Any, NamedTuple

from lakeloop.core.contract import Column, TableContract
from lakeloop.core.value import Value
from lakeloop.core.words import spelled

_INDENT = "    "


class LeftOut(NamedTuple):
    """Something that a foreign document sets and no contract says; without a column of its table, without both of all tables."""

    table: str
    column: str
    path: str
    value: Any

    @property
    def place(self) -> str:
        """Where it stands, e.g. orders.amount.logicalTypeOptions.multipleOf."""
        return _one_line(".".join(part for part in (self.table, self.column, self.path) if part))

    @property
    def words(self) -> str:
        """The place with what is set there."""
        return _one_line(f"{self.place}: {self.value!r}")


def as_python(tables: Sequence[TableContract], left_out: Sequence[LeftOut] = ()) -> str:
    """A module that states the contracts: nothing of what is as by default, and as a comment what they do not say."""
    lines = "".join(_line(table, 1, table.name, left_out) for table in tables)
    names = set(_classes(tables))
    parts = [
        '"""What the tables of this case promise."""',
        *(["from datetime import date"] if "date" in names else []),
        f"from lakeloop.core.contract import {', '.join(sorted(names - {'date'}))}",
        f"{_comments(left_out, ('', ''), 0)}TABLES = (\n{lines})",
    ]
    return "\n\n".join(parts) + "\n"


def _classes(value: object) -> list[str]:
    if isinstance(value, Value):
        return [type(value).__name__, *(name for each in _fields(value).values() for name in _classes(each))]
    if isinstance(value, tuple | list):
        return [name for each in value for name in _classes(each)]
    return ["date"] if isinstance(value, date) else []


def _fields(value: Value) -> dict[str, object]:
    """What is to be said of a value: all that is not as by default."""
    return {
        name: getattr(value, name)
        for name, field in type(value).model_fields.items()
        if field.is_required() or getattr(value, name) != field.get_default(call_default_factory=True)
    }


def _line(value: Value, depth: int, table: str, left_out: Sequence[LeftOut]) -> str:
    """One of several values, on lines of its own, under what is not said of it."""
    place = (table, value.name if isinstance(value, Column) else "")
    said = _comments(left_out, place, depth) if isinstance(value, Column | TableContract) else ""
    return f"{said}{_INDENT * depth}{_call(value, depth, table, left_out)},\n"


def _comments(left_out: Sequence[LeftOut], place: tuple[str, str], depth: int) -> str:
    return "".join(f"{_INDENT * depth}# not imported: {one.words}\n" for one in left_out if (one.table, one.column) == place)


def _one_line(text: str) -> str:
    """A stranger's text that cannot end the comment it stands in."""
    return spelled(text.replace("\n", "\\n"))


def _call(value: Value, depth: int, table: str, left_out: Sequence[LeftOut]) -> str:
    said = [f"{name}={_said(each, depth + 1, table, left_out)}" for name, each in _fields(value).items()]
    if any("\n" in one for one in said):
        lines = "".join(f"{_INDENT * (depth + 1)}{one},\n" for one in said)
        return f"{type(value).__name__}(\n{lines}{_INDENT * depth})"
    return f"{type(value).__name__}({', '.join(said)})"


def _said(value: object, depth: int, table: str, left_out: Sequence[LeftOut]) -> str:
    if isinstance(value, Value):
        return _call(value, depth, table, left_out)
    if isinstance(value, tuple) and any(isinstance(each, Value) for each in value):
        lines = "".join(_line(each, depth + 1, table, left_out) for each in value)
        return f"(\n{lines}{_INDENT * depth})"
    return f"date({value.year}, {value.month}, {value.day})" if isinstance(value, date) else repr(value)
