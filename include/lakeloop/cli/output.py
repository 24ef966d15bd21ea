"""How commands speak: tables for people, one JSON document for programs, errors in a sentence."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer

AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on standard output, nothing else there.")]


def say(words: str) -> None:
    """A line of progress, on standard error, so that standard output stays clean for programs."""
    sys.stderr.write(f"{words}\n")
    sys.stderr.flush()


def show_json(content: Any) -> None:
    """One document, keys in the order they were given."""
    sys.stdout.write(json.dumps(content, indent=2, default=str) + "\n")


def show_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table as wide as the terminal; colours follow NO_COLOR."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*row)
    Console().print(table)
