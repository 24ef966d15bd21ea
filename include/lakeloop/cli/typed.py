"""What is typed behind a command, before any command looks at it, and what is said of it where it does not fit."""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperGroup

from lakeloop.core.words import quoted

_SHOWN = 400  # characters of a message at its begin, and as many at its end


class Typed(TyperGroup):
    """The root of the commands: it takes nothing that is no text, and repeats nothing at length."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Refuse what no path and no file can hold: NUL, and the halves of characters that bytes become which are not UTF-8."""
        for arg in args:
            if "\0" in arg or arg.encode(errors="ignore").decode() != arg:
                message = f"{quoted(arg)} is no text: it has a NUL or is not UTF-8; nothing was done"
                raise typer.BadParameter(message, ctx)
        return super().parse_args(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        """Leave out the middle of a message that repeats what does not fit, however long it is."""
        try:
            return super().invoke(ctx)
        except typer.BadParameter as error:
            if len(error.message) <= 2 * _SHOWN:
                raise
            message = f"{error.message[:_SHOWN]}…{error.message[-_SHOWN:]}"
            raise typer.BadParameter(message, error.ctx, error.param, error.param_hint) from None
