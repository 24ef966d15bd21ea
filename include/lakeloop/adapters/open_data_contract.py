"""Contracts as documents of the Open Data Contract Standard (ODCS 3.1), out and in.

What the standard has a field for stands in it; every other promise of ours is a custom property `lakeloop.<field>`,
so that what goes out comes back as it was.
"""

from typing import Any

from open_data_contract_standard.model import (
    CustomProperty,
    DataQuality,
    Description,
    EnumValue,
    OpenDataContractStandard,
    SchemaObject,
    SchemaProperty,
    Team,
)
from pydantic import ValidationError
from yaml import YAMLError

from lakeloop.core.contract import Column, TableContract
from lakeloop.core.errors import InvalidInput
from lakeloop.core.use_case import UseCase
from lakeloop.core.value import Value

VERSION = "v3.1.0"
_OURS = "lakeloop."
_PERSONAL = "personal"  # the standard leaves the words of `classification` open
_LOGICAL = {"int": "integer", "double": "number", "decimal": "number", "bool": "boolean"}
_SAME = {"string": "string", "date": "date", "timestamp": "timestamp"}
_FROM_LOGICAL = _SAME | {"integer": "int", "number": "double", "boolean": "bool"}
_TYPES = {*_LOGICAL, *_SAME}
_COLUMN_FIELDS = {"name", "type", "required", "minimum", "maximum", "pattern", "allowed", "description", "personal"}
_TABLE_FIELDS = {"name", "columns", "key", "description"}
_NOTHING_DONE = "nothing was imported"


def exported(case: UseCase) -> str:
    """All contracts of a case as one YAML document."""
    document = OpenDataContractStandard(
        apiVersion=VERSION, kind="DataContract", id=f"lakeloop:{case.name}", name=case.name, status="active",
        version=case.contract_version(), domain=case.name, team=Team(name=case.owner),
        description=Description(purpose=f"What the tables of the use case {case.name} promise"),
        schema=[_table(contract) for contract in case.tables],
    )  # fmt: skip
    return document.to_yaml()


def imported(text: str) -> tuple[TableContract, ...]:
    """The contracts of a document.

    Raises:
        InvalidInput: it is no such document, or promises what a contract here cannot; says where.
    """
    try:
        document = OpenDataContractStandard.from_string(text)
    except (ValidationError, YAMLError, TypeError) as error:
        msg = f"this is no document of the Open Data Contract Standard ({_first(error)}); {_NOTHING_DONE}."
        raise InvalidInput(msg) from error
    if not document.schema_:
        msg = f"the document {document.id or ''} has no schema; {_NOTHING_DONE}."
        raise InvalidInput(msg)
    return tuple(_contract(table) for table in document.schema_)


def _table(contract: TableContract) -> SchemaObject:
    return SchemaObject(
        name=contract.name, logicalType="object", physicalType="table", description=_said(contract),
        customProperties=_own(contract, _TABLE_FIELDS),
        properties=[_property(column, contract) for column in contract.columns],
        quality=[DataQuality(type="library", metric="duplicateValues", arguments={"properties": list(contract.key)}, mustBe=0)],
    )  # fmt: skip


def _property(column: Column, contract: TableContract) -> SchemaProperty:
    options = {"minimum": column.minimum, "maximum": column.maximum, "pattern": column.pattern}
    is_key = column.name in contract.key
    return SchemaProperty(
        name=column.name, logicalType=_LOGICAL.get(column.type, column.type), physicalType=column.type,
        required=column.required or None, classification=_PERSONAL if column.personal else None, description=_said(column),
        primaryKey=is_key or None, primaryKeyPosition=contract.key.index(column.name) + 1 if is_key else None,
        logicalTypeOptions={name: value for name, value in options.items() if value is not None} or None,
        enum=[EnumValue(value=value) for value in column.allowed] if column.allowed else None,
        customProperties=_own(column, _COLUMN_FIELDS),
    )  # fmt: skip


def _said(value: Value) -> str | None:
    return str(getattr(value, "description", "")) or None


def _own(value: Value, told: set[str]) -> list[CustomProperty] | None:
    """The fields that the standard does not know, but for those that are as they are by default."""
    fields = value.model_dump(mode="json", exclude_defaults=True, exclude=told)
    return [CustomProperty(property=f"{_OURS}{name}", value=each) for name, each in fields.items()] or None


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
    kind = one.physicalType if one.physicalType in _TYPES else _FROM_LOGICAL.get(one.logicalType or "string")
    if kind is None or one.properties or one.items:
        msg = f"{table}.{one.name} is of the type {one.logicalType!r}, which no column here is; {_NOTHING_DONE}."
        raise InvalidInput(msg)
    options = one.logicalTypeOptions or {}
    fields: dict[str, Any] = {"name": one.name, "type": kind, "required": bool(one.required)}
    fields["personal"] = (one.classification or "").casefold() in {_PERSONAL, "pii"}
    fields |= {name: options[name] for name in ("minimum", "maximum", "pattern") if name in options}
    if one.enum:
        fields["allowed"] = [str(each.value) for each in one.enum]
    return _built(Column, fields | _asked(one, Column), f"{table}.{one.name}")


def _asked(one: SchemaObject | SchemaProperty, kind: type[Value]) -> dict[str, Any]:
    """Our own properties, and the description where our values have one."""
    asked = {
        str(each.property).removeprefix(_OURS): each.value
        for each in one.customProperties or ()
        if str(each.property).startswith(_OURS)
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
