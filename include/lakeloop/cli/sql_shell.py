"""The prompt of `lakeloop sql`: a query ends with a semicolon, a word with a dot is for the prompt itself."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Sequence

from lakeloop.core.errors import LakeloopError

HELP = "a query ends with ;   .views lists the views   .quit (or Ctrl-D) leaves"


def converse(views: Sequence[str], ask: Callable[[str], None], read: Callable[[str], str] = input) -> None:
    """Ask until the user leaves; a query that fails is said and the prompt stays."""
    with contextlib.suppress(ImportError):  # line editing, where Python was built with it
        import readline  # noqa: F401

    _say(HELP)
    lines: list[str] = []
    while True:
        try:
            line = read("   ...> " if lines else "lake> ")
        except EOFError:
            return
        except KeyboardInterrupt:
            lines.clear()
            _say("")
            continue
        word = line.strip()
        if not lines and word in {".quit", ".exit"}:
            return
        if not lines and word.startswith("."):
            _say("\n".join(views) if word == ".views" else HELP)
        elif word or lines:
            lines.append(line)
        if word.endswith(";"):
            _try(ask, "\n".join(lines))
            lines.clear()


def _try(ask: Callable[[str], None], query: str) -> None:
    try:
        ask(query)
    except LakeloopError as error:
        _say(str(error))
    except KeyboardInterrupt:
        _say("interrupted")


def _say(words: str) -> None:
    sys.stderr.write(f"{words}\n")
