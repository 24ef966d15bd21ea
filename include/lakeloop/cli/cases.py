"""Cases as people name them at a shell."""

from __future__ import annotations

from lakeloop.core.errors import InvalidInput


def known_case(name: str, undone: str = "nothing was done") -> str:
    """The name of a case that there is.

    Raises:
        InvalidInput: there is none of that name; it says which there are, and what was not done.
    """
    from lakeloop import wiring

    names = wiring.case_names()
    if name not in names:
        message = (
            f"there is no case {name!r}, there are {', '.join(names) or 'none'}; {undone}. "
            "Next: one of these names; a case is a folder under include/use_cases"
        )
        raise InvalidInput(message)
    return name


def cases_asked(case: str) -> list[str]:
    """The case of that name, or all of them."""
    from lakeloop import wiring

    return [known_case(case, "nothing was listed")] if case else wiring.case_names()
