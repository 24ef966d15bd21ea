"""What a document sets and a contract here does not say, by its place: found in the text itself.

The standard's models pass over a field that they do not know, and a promise may stand in it.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from open_data_contract_standard.model import SchemaProperty

from lakeloop.adapters.open_data_contract.columns import is_known, is_personal, is_typing, options_unsaid, typed
from lakeloop.adapters.open_data_contract.words import OURS
from lakeloop.core.contract_source import LeftOut

Node = Mapping[str, Any]
_DOCUMENT = frozenset({"apiVersion", "kind", "id", "name", "version", "status", "schema"})  # read, or what each document has
_TABLE = frozenset({"name", "properties", "logicalType", "physicalType"})
_COLUMN = frozenset(
    {"name", "logicalType", "logicalTypeOptions", "required", "primaryKey", "primaryKeyPosition", "classification",
     "enum", "description"}
)  # fmt: skip
_INFORMATION = frozenset(  # it decides about no row and no person
    {"id", "description", "physicalType", "businessName", "deprecated", "synonyms", "authoritativeDefinitions", "tags",
     "physicalName", "context", "dataGranularityDescription", "semanticType", "partitioned", "partitionKeyPosition",
     "transformSourceObjects", "transformLogic", "transformDescription", "examples", "criticalDataElement", "tenant", "servers",
     "dataProduct", "domain", "support", "price", "team", "roles", "slaDefaultElement", "contractCreatedTs"}
)  # fmt: skip
_NAMED_BY = ("property", "metric", "rule", "type", "to")  # what tells the entries of a list apart


class Unsaid(NamedTuple):
    """What decides about rows or persons, and the names of what is information only."""

    promises: tuple[LeftOut, ...]
    information: tuple[str, ...]


def unsaid(document: Node) -> Unsaid:
    """Everything that is set and that no contract here says."""
    nodes = list(_nodes(document))
    promises = [LeftOut(table, column, *each) for table, column, node, said in nodes for each in _promises(node, said)]
    told = [name for _, _, node, said in nodes for name in _set(node) if name in _INFORMATION - said]
    return Unsaid(tuple(promises), tuple(dict.fromkeys(told)))


def _nodes(document: Node) -> Iterator[tuple[str, str, Node, frozenset[str]]]:
    """The document, its tables and their columns, each with the names that are read of it."""
    yield "", "", document, _DOCUMENT
    for table in document.get("schema") or ():
        columns, name = table.get("properties") or [], str(table.get("name", ""))
        keys = [one.get("name") for one in columns if one.get("primaryKey")]
        yield name, "", {**table, "quality": _foreign(table.get("quality"), keys)}, _TABLE
        for one in columns:
            yield name, str(one.get("name", "")), one, _COLUMN | _also_said(one, keys)


def _also_said(column: Node, keys: Sequence[Any]) -> set[str]:
    found = {"unique"} if keys == [column.get("name")] else set()
    return found | {"physicalType"} if is_typing(column.get("physicalType") or "") else found


def _promises(node: Node, said: frozenset[str]) -> Iterator[tuple[str, Any]]:
    for name, value in _set(node).items():
        if name == "customProperties":
            yield from _entries(name, [one for one in value if not str(one.get("property")).startswith(OURS)])
        elif name == "tags":
            yield from (("tags", tag) for tag in value if is_personal(str(tag)))
        elif name not in said | _INFORMATION:
            yield from _entries(name, value)
    if "logicalTypeOptions" in said:
        kind = typed(SchemaProperty.model_validate(node)).get("type", "")
        yield from options_unsaid(kind, _set(node.get("logicalTypeOptions") or {}))
        if node.get("classification") and not is_known(node["classification"]):
            yield "classification", node["classification"]


def _entries(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """A list's entries one by one, by the name that each has."""
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        yield name, value
        return
    for one in value:
        yield ".".join([name, *[str(one[by]) for by in _NAMED_BY if one.get(by)][:1]]), one


def _foreign(quality: Sequence[Node] | None, keys: Sequence[Any]) -> list[Node]:
    """The rules of a table but for the one that its key says already."""
    return [one for one in quality or () if not _is_of_key(one, keys)]


def _is_of_key(rule: Node, keys: Sequence[Any]) -> bool:
    columns = (rule.get("arguments") or {}).get("properties")
    return (
        rule.get("metric") == "duplicateValues" and rule.get("mustBe") == 0 and columns is not None and set(columns) == set(keys)
    )


def _set(node: Node) -> Node:
    """The fields that say something: not those that are as if they were not there."""
    return {
        str(name): value for name, value in node.items() if value is not None and value is not False and value not in ("", [], {})
    }
