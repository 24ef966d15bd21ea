"""What people ask of commands: a case and a table there are, and a reason that is one."""

from __future__ import annotations

import re
from collections.abc import Iterable

import typer

from lakeloop.core.errors import InvalidInput
from lakeloop.core.names import case_named
from lakeloop.core.reasons import fault_of
from lakeloop.core.words import quoted

_REF = re.compile(r"\w(?!.*\.\.)[\w.+~^@-]{0,254}", re.ASCII)


def case_asked(case: str, undone: str = "nothing was done") -> str:
    """The name of a case that there is.

    Raises:
        NoSuchName: there is none of that name; it says which there are, and what was not done.
    """
    from lakeloop import wiring

    return case_named(case, wiring.case_names(), undone)


def cases_asked(case: str) -> list[str]:
    """The case of that name, or all of them where none is named."""
    from lakeloop import wiring

    return [case_asked(case, "nothing was listed")] if case else wiring.case_names()


def tables_of(cases: Iterable[str]) -> dict[str, list[str]]:
    """The tables that cases have by their contracts, which are loaded for it: ask only of cases that are meant."""
    from lakeloop import wiring

    return {name: [table.name for table in wiring.load_case(wiring.case_ref(name)).tables] for name in cases}


def ref_asked(ref: str, undone: str) -> str:
    """What may be the name of a commit, branch or tag.

    Raises:
        InvalidInput: it cannot be; the words say what was not done.
    """
    if not _REF.fullmatch(ref):
        message = f"{quoted(ref)} is no name of a commit, branch or tag; {undone}"
        raise InvalidInput(message)
    return ref


def reason_asked(words: str | None) -> str | None:
    """A reason as it was given, for an option's callback; one that was left out stays so."""
    if words is not None and (fault := fault_of(words)):
        message = f"{fault}; nothing was done"
        raise typer.BadParameter(message)
    return words
