"""Contracts as the Python a case is written in: what is imported is read and kept by people, in version control."""

from collections.abc import Sequence

from lakeloop.core.contract import TableContract
from lakeloop.core.value import Value

_INDENT = "    "


def as_python(tables: Sequence[TableContract]) -> str:
    """A module that states the contracts; what is as by default is left out."""
    made = [_call(table, 1) for table in tables]
    names = sorted(set(_classes(tables)))
    parts = [
        '"""What the tables of this case promise."""',
        f"from lakeloop.core.contract import {', '.join(names)}",
        "TABLES = (\n" + "".join(f"{_INDENT}{table},\n" for table in made) + ")",
    ]
    return "\n\n".join(parts) + "\n"


def _classes(value: object) -> list[str]:
    if isinstance(value, Value):
        inner = [name for field in type(value).model_fields for name in _classes(getattr(value, field))]
        return [type(value).__name__, *inner]
    if isinstance(value, tuple | list):
        return [name for each in value for name in _classes(each)]
    return []


def _call(value: Value, depth: int) -> str:
    fields = {
        name: getattr(value, name)
        for name, field in type(value).model_fields.items()
        if field.is_required() or getattr(value, name) != field.get_default(call_default_factory=True)
    }
    said = [f"{name}={_said(each, depth + 1)}" for name, each in fields.items()]
    if any("\n" in one for one in said):
        lines = "".join(f"{_INDENT * (depth + 1)}{one},\n" for one in said)
        return f"{type(value).__name__}(\n{lines}{_INDENT * depth})"
    return f"{type(value).__name__}({', '.join(said)})"


def _said(value: object, depth: int) -> str:
    if isinstance(value, Value):
        return _call(value, depth)
    if isinstance(value, tuple) and any(isinstance(each, Value) for each in value):
        lines = "".join(f"{_INDENT * (depth + 1)}{_said(each, depth + 1)},\n" for each in value)
        return f"(\n{lines}{_INDENT * depth})"
    return repr(value)
