"""What people ask of commands: a case there is, and a reason that is one."""

from __future__ import annotations

import typer

from lakeloop.core.errors import InvalidInput
from lakeloop.core.reasons import fault_of
from lakeloop.core.words import quoted


def case_asked(case: str, undone: str = "nothing was done") -> str:
    """The name of a case that there is.

    Raises:
        InvalidInput: there is none of that name; it says which there are, and what was not done.
    """
    from lakeloop import wiring

    names = wiring.case_names()
    if case not in names:
        message = (
            f"there is no case {quoted(case)}, there are {', '.join(names) or 'none'}; {undone}. "
            "Next: one of these names; a case is a folder under include/use_cases"
        )
        raise InvalidInput(message)
    return case


def cases_asked(case: str) -> list[str]:
    """The case of that name, or all of them where none is named."""
    from lakeloop import wiring

    return [case_asked(case, "nothing was listed")] if case else wiring.case_names()


def reason_asked(words: str | None) -> str | None:
    """A reason as it was given, for an option's callback; one that was left out stays so."""
    if words is not None and (fault := fault_of(words)):
        message = f"{fault}; nothing was done"
        raise typer.BadParameter(message)
    return words
