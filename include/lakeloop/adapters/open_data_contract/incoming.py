"""A document of the standard as contracts: whole, or with what they cannot say named one by one."""

from typing import Any, NamedTuple

from open_data_contract_standard.model import OpenDataContractStandard, SchemaObject, SchemaProperty
from pydantic import ValidationError
from yaml import YAMLError, safe_load

from lakeloop.adapters.open_data_contract.columns import is_personal, options_as_fields, typed
from lakeloop.adapters.open_data_contract.unsaid import unsaid
from lakeloop.adapters.open_data_contract.words import OURS, PERSONAL
from lakeloop.core.contract import Column, TableContract
from lakeloop.core.contract_source import LeftOut
from lakeloop.core.errors import InvalidInput
from lakeloop.core.value import Value

_NOTHING_DONE = "nothing was imported"


class Imported(NamedTuple):
    """The contracts of a document, and what of it they do not say."""

    tables: tuple[TableContract, ...]
    left_out: tuple[LeftOut, ...]  # what decides about rows or persons
    information: tuple[str, ...]  # the names of fields that decide nothing


def imported(text: str, *, leaves_out: bool = False) -> Imported:
    """The contracts of a document.

    Raises:
        InvalidInput: it is no such document, or promises what a contract here cannot; says where.
    """
    try:
        content = safe_load(text)
        document = OpenDataContractStandard(**content)
    except (ValidationError, YAMLError, TypeError) as error:
        msg = f"this is no document of the Open Data Contract Standard ({_first(error)}); {_NOTHING_DONE}."
        raise InvalidInput(msg) from error
    if not document.schema_:
        msg = f"the document {document.id or ''} has no schema; {_NOTHING_DONE}."
        raise InvalidInput(msg)
    tables, found = tuple(_contract(table) for table in document.schema_), unsaid(content)
    if found.promises and not leaves_out:
        raise InvalidInput(_refusal(found.promises))
    return Imported(tables, found.promises, found.information)


def _refusal(promises: tuple[LeftOut, ...]) -> str:
    places = ", ".join(dict.fromkeys(one.place for one in promises))
    classified = any(one.path == "classification" for one in promises)
    moves = f"give a column that is about a person `classification: {PERSONAL}`, " if classified else ""
    return (
        f"no contract here says {places}; {_NOTHING_DONE}. Next: {moves}take out what is not asked, or import with "
        "--leave-out, which writes each as a comment."
    )


def _contract(table: SchemaObject) -> TableContract:
    properties = table.properties or []
    keys = sorted((one.primaryKeyPosition or 0, one.name or "") for one in properties if one.primaryKey)
    if not keys:
        msg = f"{table.name} has no property with primaryKey: nothing identifies its rows; {_NOTHING_DONE}. Next: name one."
        raise InvalidInput(msg)
    columns = [_column(one, table.name or "") for one in properties]
    fields = {"name": table.name, "columns": columns, "key": [name for _, name in keys]}
    return _built(TableContract, fields | _asked(table, TableContract), table.name or "")


def _column(one: SchemaProperty, table: str) -> Column:
    kind = typed(one)
    if not kind or one.properties or one.items:
        asked = one.logicalType or one.physicalType
        msg = f"{table}.{one.name} is of the type {asked!r}, which no column here is; {_NOTHING_DONE}."
        raise InvalidInput(msg)
    fields: dict[str, Any] = {"name": one.name, **kind, "required": bool(one.required)}
    fields["personal"] = is_personal(one.classification or "")
    fields |= options_as_fields(kind["type"], one.logicalTypeOptions or {})
    if one.enum:
        fields["allowed"] = [str(each.value) for each in one.enum]
    return _built(Column, fields | _asked(one, Column), f"{table}.{one.name}")


def _asked(one: SchemaObject | SchemaProperty, kind: type[Value]) -> dict[str, Any]:
    """Our own properties, and the description where our values have one."""
    asked = {
        str(each.property).removeprefix(OURS): each.value
        for each in one.customProperties or ()
        if str(each.property).startswith(OURS)
    }
    return asked | ({"description": one.description} if one.description and "description" in kind.model_fields else {})


def _built[Built: Value](kind: type[Built], fields: dict[str, Any], where: str) -> Built:
    try:
        return kind(**fields)
    except ValidationError as error:
        msg = f"{where} cannot be a contract here ({_first(error)}); {_NOTHING_DONE}."
        raise InvalidInput(msg) from error


def _first(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False, include_input=False)[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg'].removeprefix('Value error, ')}"
    return str(error).splitlines()[0] if str(error) else type(error).__name__
