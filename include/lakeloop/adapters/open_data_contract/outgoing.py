"""A case's contracts as a document of the standard."""

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

from lakeloop.adapters.open_data_contract.words import LOGICAL, OURS, PERSONAL
from lakeloop.core.contract import Column, TableContract
from lakeloop.core.use_case import UseCase
from lakeloop.core.value import Value

VERSION = "v3.1.0"
_COLUMN_FIELDS = {"name", "type", "required", "minimum", "maximum", "pattern", "allowed", "description", "personal"}
_TABLE_FIELDS = {"name", "columns", "key", "description"}


def exported(case: UseCase) -> str:
    """All contracts of a case as one YAML document."""
    document = OpenDataContractStandard(
        apiVersion=VERSION, kind="DataContract", id=f"lakeloop:{case.name}", name=case.name, status="active",
        version=case.contract_version(), domain=case.name, team=Team(name=case.owner),
        description=Description(purpose=f"What the tables of the use case {case.name} promise"),
        schema=[_table(contract) for contract in case.tables],
    )  # fmt: skip
    return document.to_yaml()


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
        name=column.name, logicalType=LOGICAL[column.type], physicalType=column.type,
        required=column.required or None, classification=PERSONAL if column.personal else None, description=_said(column),
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
    return [CustomProperty(property=f"{OURS}{name}", value=each) for name, each in fields.items()] or None
