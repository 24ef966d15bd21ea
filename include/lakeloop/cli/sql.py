"""`lakeloop sql`: what is published, in plain SQL, at one commit."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Sequence
from enum import StrEnum
from itertools import islice
from typing import Annotated, Any

import typer

from lakeloop.cli.asked import ref_asked
from lakeloop.cli.lake import lake_at_hand
from lakeloop.cli.output import AsJson, say
from lakeloop.core.words import spelled

SHOWN = 200  # rows of a table for people; csv and json give all


class Format(StrEnum):
    """How an answer is written."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(sql)


def sql(
    query: Annotated[str, typer.Argument(help="One SQL query; without it a prompt, or the query on standard input.")] = "",
    form: Annotated[Format, typer.Option("--format", help="How the answer is written.")] = Format.TABLE,
    ref: Annotated[str, typer.Option(help="A branch, tag or commit to read instead of main.")] = "main",
    as_json: AsJson = False,
) -> None:
    """Ask the published tables. Views: scores, scores_trusted, verdicts and one a clean table (flights_weather)."""
    form = Format.JSON if as_json else form
    with opened(ref) as database:
        if not query and sys.stdin.isatty():
            from lakeloop.cli.sql_shell import converse

            converse(database.views, lambda asked: answer(database.ask(asked), form))
            return
        answer(database.ask(query or sys.stdin.read()), form)


def answer(given: Any, form: Format) -> None:
    """Writes an answer (columns, rows) to standard output."""
    if form is Format.JSON:
        rows = [dict(zip(given.columns, row, strict=True)) for row in given.rows]
        sys.stdout.write(json.dumps(rows, indent=2, default=str) + "\n")
    elif form is Format.CSV:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(given.columns)
        writer.writerows(given.rows)
    else:
        _table(given.columns, list(islice(given.rows, SHOWN + 1)))


def _table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for number, column in enumerate(columns):
        is_number = bool(rows) and isinstance(rows[0][number], int | float)
        table.add_column(column, justify="right" if is_number else "left", overflow="fold")
    for row in rows[:SHOWN]:
        table.add_row(*(_cell(value) for value in row))
    Console().print(table)
    more = f"the first {SHOWN} rows; --format csv gives all" if len(rows) > SHOWN else f"{len(rows)} rows"
    say(f"({more})")


def _cell(value: Any) -> str:
    from rich.markup import escape

    if value is None:
        return "[dim]null[/dim]"
    return f"{value:.6g}" if isinstance(value, float) else escape(spelled(str(value)))


def opened(ref: str) -> Any:
    """DuckDB over the commit that a ref is now, with a view for everything published there."""
    from lakeloop.adapters.duckdb_sql import LakeSql
    from lakeloop.cli.sql_views import views_of
    from lakeloop.settings import Settings

    settings = Settings.load()
    lake = lake_at_hand(settings)
    commit = lake.commit_of(ref_asked(ref, "nothing was read. Next: `--ref main`, or a commit of main's log")).id
    secret = settings.lakefs_secret_access_key.get_secret_value()
    database = LakeSql(settings.lakefs_endpoint, settings.lakefs_access_key_id, secret, settings.repository, commit)
    database.add(views_of(lambda prefix: lake.folders(commit, prefix)))
    say(f"{settings.repository} {ref} at {commit[:12]}")
    return database
