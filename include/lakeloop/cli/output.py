"""How commands speak: tables for people, one JSON document for programs, errors in a sentence."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Annotated, Any

import typer

from lakeloop.core.words import spelled

AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on standard output, nothing else there.")]


def ends(example: str, codes: str) -> str:
    """What the help of a command ends with: a line to copy, and what its exit codes say."""
    return f"Example: `{example}`\n\nExit code {codes}; 2 for an option or argument that does not fit."


def say(words: str) -> None:
    """A line of progress, on standard error, so that standard output stays clean for programs."""
    sys.stderr.write(f"{spelled(words)}\n")
    sys.stderr.flush()


def show_json(content: Any) -> None:
    """One document, keys in the order they were given."""
    sys.stdout.write(json.dumps(content, indent=2, default=str) + "\n")


def show_table(
    title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], colours: Mapping[str, str] = MappingProxyType({})
) -> None:
    """A table as wide as the terminal, of text that is no markup; NO_COLOR is followed.

    Cells that are one of the words in `colours` have its colour.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(spelled(title)), title_justify="left", box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(spelled(cell), colours.get(cell, "")) for cell in row))
    Console().print(table)
