"""What people ask of commands: a case and a table there are, and a reason that is one."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

import typer

from lakeloop.core.errors import NoSuchName
from lakeloop.core.reasons import fault_of
from lakeloop.core.words import quoted


def case_asked(case: str, undone: str = "nothing was done") -> str:
    """The name of a case that there is.

    Raises:
        NoSuchName: there is none of that name; it says which there are, and what was not done.
    """
    from lakeloop import wiring

    return case_of(case, wiring.case_names(), undone)


def case_of(case: str, names: Collection[str], undone: str) -> str:
    """The name of a case that is one of these; NoSuchName when it is none."""
    if case not in names:
        message = (
            f"there is no case {quoted(case)}, there are {', '.join(names) or 'none'}; {undone}. "
            "Next: one of these names; a case is a folder under include/use_cases"
        )
        raise NoSuchName(message)
    return case


def cases_asked(case: str) -> list[str]:
    """The case of that name, or all of them where none is named."""
    from lakeloop import wiring

    return [case_asked(case, "nothing was listed")] if case else wiring.case_names()


def tables_of(cases: Iterable[str]) -> dict[str, list[str]]:
    """The tables that cases have by their contracts."""
    from lakeloop import wiring

    return {name: [table.name for table in wiring.load_case(wiring.case_ref(name)).tables] for name in cases}


def table_of(table: str, tables: Mapping[str, Collection[str]], undone: str) -> str:
    """The name of a table that one of these cases has, or none.

    Raises:
        NoSuchName: none of them has one of that name; it says which there are, and what was not done.
    """
    if table and not any(table in names for names in tables.values()):
        has = {case: ", ".join(names) or "none" for case, names in tables.items()}
        if len(has) == 1:
            ((case, names),) = has.items()
            there_are = f"{case} has no table {quoted(table)}; it has {names}"
        else:
            there_are = "; ".join(
                [f"no case has a table {quoted(table)}", *(f"{case} has {names}" for case, names in has.items())]
            )
        message = f"{there_are}; {undone}. Next: one of these names"
        raise NoSuchName(message)
    return table


def reason_asked(words: str | None) -> str | None:
    """A reason as it was given, for an option's callback; one that was left out stays so."""
    if words is not None and (fault := fault_of(words)):
        message = f"{fault}; nothing was done"
        raise typer.BadParameter(message)
    return words
