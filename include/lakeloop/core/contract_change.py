"""Change of contract: what differs between the contracts main was written under and today's, and whether it may go through."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, Literal

from lakeloop.core.contract import Column, TableContract
from lakeloop.core.value import Value

Kind = Literal["additive", "looser", "stricter", "retired", "breaking", "retyped"]
CONTRACT: Final = "contract.json"  # the evidence of a data receipt that keeps the contracts it was written under
_SAYS_NOTHING: Final = frozenset(
    {"name", "columns", "version", "owner", "breaks", "description", "retention"}
)  # of rows and readers
_TYPE: Final = ("type", "precision", "scale")
_MEANING: Final = ("unit", "timezone", "null_words")  # the same text is another value
_PERSONAL: Final = {
    True: "is personal now: masked from the next write on; what is published stays as it is until it is replayed",
    False: "is personal no more: what was masked would be published",
}
_ALL: Final = 1.0  # rows that a reason without a limit may have
_PROMISES: Final = ("key", "kind", "lag_days")  # what readers and the platform build on

WILL_HAPPEN: dict[Kind, str] = {
    "additive": "the table grows with the next write; older dates read as null",
    "looser": "rows that were quarantined pass from now on; a replay takes in the old ones",
    "stricter": "rows that passed may be quarantined from now on; published ones stay",
    "retired": "nothing is taken in any more; published rows stay readable",
    "breaking": "readers of what was promised break",
    "retyped": "a published column never changes its type: give the new column a new name",
}


class ContractBook(Value):
    """The contracts of a case's tables at one time."""

    tables: tuple[TableContract, ...]


class ContractChange(Value):
    """One difference; `refused` says why it may not go through, and is empty when it may."""

    table: str
    column: str = ""
    kind: Kind
    what: str
    refused: str = ""


def compare(
    before: Sequence[TableContract], now: Sequence[TableContract], earlier: Sequence[TableContract] = ()
) -> list[ContractChange]:
    """Every difference, table by table; equal contracts have none. What is new is held against `earlier` ones too."""
    old, new = ({table.name: table for table in tables} for tables in (before, now))
    changes = [change for name in old if name in new for change in _judged(old[name], new[name])]
    changes += [ContractChange(table=name, kind="additive", what=f"a new table {name}") for name in new if name not in old]
    changes += [change for name in new for change in _returned(old.get(name), new[name], earlier)]
    retired = [name for name in old if name not in new]
    return changes + [ContractChange(table=name, kind="retired", what=f"no table {name} any more") for name in retired]


def _judged(old: TableContract, new: TableContract) -> Iterator[ContractChange]:
    for change in (*_columns(old, new), *_rules(old, new)):
        yield change.model_copy(update={"refused": _refusal(old, new, change)})


def _refusal(old: TableContract, new: TableContract, change: ContractChange) -> str:
    if change.kind == "retyped":
        return WILL_HAPPEN["retyped"]
    if new.version <= old.version:
        return f"the version is {new.version}, main was written under {old.version}: count it up to {old.version + 1}"
    if change.kind == "breaking" and new.breaks in {"", old.breaks}:
        return f"version {new.version} does not declare it: take it back, or say why in `breaks` of {new.name}"
    return ""


def _columns(old: TableContract, new: TableContract) -> Iterator[ContractChange]:
    was, now = ({column.name: column for column in table.columns} for table in (old, new))
    for name, column in now.items():
        if name not in was:
            kind: Kind = "breaking" if column.required else "additive"
            what = f"a new {'required' if column.required else 'optional'} column {name} ({column.type})"
            yield ContractChange(table=new.name, column=name, kind=kind, what=what)
        elif column != was[name]:
            yield from _rules_of_column(new.name, was[name], column)
    for name in was:
        if name not in now:
            yield ContractChange(table=new.name, column=name, kind="breaking", what=f"no column {name} any more")


def _returned(old: TableContract | None, new: TableContract, earlier: Sequence[TableContract]) -> Iterator[ContractChange]:
    """Columns that are new but were published before, under another type: their old rows are in the table still."""
    held = {column.name for column in old.columns} if old else set()
    fresh = {column.name: column for column in new.columns if column.name not in held}
    found: dict[str, str] = {}
    for table in (one for one in earlier if one.name == new.name):
        for once in (column for column in table.columns if column.name in fresh):
            for field, was, now in _differences(once, fresh[once.name]):
                if field in _TYPE:
                    found[once.name] = f"{once.name}: {field} {_said(was)} of version {table.version} becomes {_said(now)}"
    for name, what in found.items():
        yield ContractChange(table=new.name, column=name, kind="retyped", what=what, refused=WILL_HAPPEN["retyped"])


def _rules_of_column(table: str, old: Column, new: Column) -> Iterator[ContractChange]:
    for field, was, now in _differences(old, new):
        if field == "personal":
            what = f"{new.name} {_PERSONAL[now]}"
            yield ContractChange(table=table, column=new.name, kind="stricter" if now else "breaking", what=what)
            continue
        what = f"{new.name}: {field} {_said(was)} becomes {_said(now)}"
        yield ContractChange(table=table, column=new.name, kind=_kind(field, was, now), what=what)


def _kind(field: str, was: Any, now: Any) -> Kind:
    """The class of a column's rule that changed."""
    if field in _TYPE:
        return "retyped"
    if field in _MEANING:
        return "breaking"
    if field == "repeated_hour":  # none refuses such an hour
        return "breaking" if was and now else "looser" if now else "stricter"
    return "looser" if _is_looser(field, was, now) else "stricter"


def _rules(old: TableContract, new: TableContract) -> Iterator[ContractChange]:
    for field, was, now in _differences(old, new):
        kind: Kind = "breaking" if field in {*_PROMISES, *_MEANING} else "looser" if _is_looser(field, was, now) else "stricter"
        yield ContractChange(table=new.name, kind=kind, what=f"{field} {_said(was)} becomes {_said(now)}")


def _differences(old: Value, new: Value) -> Iterator[tuple[str, Any, Any]]:
    for field in type(new).model_fields:
        was, now = getattr(old, field), getattr(new, field)
        if field not in _SAYS_NOTHING and was != now and not (field == "unit" and not was):  # a first unit describes
            yield field, was, now


_LOOSER: Mapping[str, Callable[[Any, Any], bool]] = {
    "required": lambda was, now: was and not now,
    "minimum": lambda was, now: now < was,
    "maximum": lambda was, now: now > was,
    "allowed": lambda was, now: set(now) > set(was),
    "formats": lambda was, now: set(now) > set(was),
    "earliest": lambda was, now: now < was,
    "latest": lambda was, now: now > was,
    "around_days": lambda was, now: now > was,
    "invisible": lambda was, now: now and not was,
    "not_personal": lambda was, now: bool(now),
    "rules": lambda was, now: all(rule in was for rule in now),
    "late_days": lambda was, now: now > was,
    "quarantine_limit": lambda was, now: now > was,
    "quarantine_limits": lambda was, now: all(most >= was.get(reason, _ALL) for reason, most in now.items()),
}


def _is_looser(field: str, was: Any, now: Any) -> bool:
    """Whether every row that kept the old rule keeps the new one; what cannot be told is stricter."""
    if now is None or was is None:
        return now is None
    return field in _LOOSER and _LOOSER[field](was, now)


def _said(value: Any) -> str:
    if value is None or value == "":
        return "none"
    return value.model_dump_json(exclude_defaults=True) if isinstance(value, Value) else str(value)
