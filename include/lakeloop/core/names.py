"""Names that people ask for: one that there is, or a sentence with those there are."""

from collections.abc import Collection, Mapping

from lakeloop.core.errors import NoSuchName
from lakeloop.core.words import quoted


def case_named(case: str, names: Collection[str], undone: str) -> str:
    """The case of that name.

    Raises:
        NoSuchName: it is none of these; it says which there are, and what was not done.
    """
    if case not in names:
        there_are = f"there is no case {quoted(case)}, there are {_these(names)}"
        raise _none(there_are, undone, "; a case is a folder under include/use_cases")
    return case


def table_named(table: str, tables: Mapping[str, Collection[str]], undone: str) -> str:
    """The table of that name, which one of these cases has; empty where none is asked for.

    Raises:
        NoSuchName: none of them has it; it says which tables each of them has, and what was not done.
    """
    if table and not any(table in names for names in tables.values()):
        if len(tables) == 1:
            (case,) = tables
            there_are = f"{case} has no table {quoted(table)}; it has {_these(tables[case])}"
        else:
            has = (f"{case} has {_these(names)}" for case, names in tables.items())
            there_are = "; ".join([f"no case has a table {quoted(table)}", *has])
        raise _none(there_are, undone)
    return table


def _these(names: Collection[str]) -> str:
    return ", ".join(names) or "none"


def _none(there_are: str, undone: str, what: str = "") -> NoSuchName:
    return NoSuchName(f"{there_are}; {undone}. Next: one of these names{what}")
