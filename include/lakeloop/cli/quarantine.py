"""`lakeloop quarantine`: rows that broke a rule, by reason and as they came; and their way back after the rule was mended."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any

import typer

from lakeloop.cli.asked import reason_asked
from lakeloop.cli.ingest import Case, ChunkDays, DryRun, First, Last, Table, ingest_range
from lakeloop.cli.output import AsJson, say, show_json, show_table
from lakeloop.cli.quarantine_rows import COUNTS, ROWS, Asked, rows_asked

commands = typer.Typer(
    name="quarantine", help="Rows that broke a rule: why, as they came, and their way back.", no_args_is_help=True
)
OfCase = Annotated[str, typer.Option("--case", help="Only this case.")]
Since = Annotated[datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="First data date.")]
Until = Annotated[datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="Last data date.")]
Reason = Annotated[
    str, typer.Option("--reason", help="Only rows with this reason, e.g. missing:origin, or range for all ranges.")
]
All = Annotated[bool, typer.Option("--all", help="Also rows that no longer stand: replaced or withdrawn since.")]
Ref = Annotated[str, typer.Option(help="A branch, tag or commit to read instead of main.")]


def register(app: typer.Typer) -> None:
    """Adds the group."""
    app.add_typer(commands)


@commands.command("list")
def list_rows(
    case: OfCase = "", table: Table = "", since: Since = None, until: Until = None, reason: Reason = "", ref: Ref = "main",
    is_all: All = False, as_json: AsJson = False,
) -> None:  # fmt: skip
    """Count the rows that stand by table, data date, run and reason; a row with several reasons counts under each."""
    rows = rows_asked(COUNTS, Asked(case, table, (since, until), reason, ref, is_all))
    if as_json:
        show_json(rows)
        return
    _show(_LISTED, rows)


@commands.command()
def show(
    case: OfCase = "", table: Table = "", since: Since = None, until: Until = None, reason: Reason = "", ref: Ref = "main",
    limit: Annotated[int, typer.Option("-n", "--limit", min=1, help="How many rows at most.")] = 50, is_all: All = False,
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """Show the rows that stand as they came, each with all its reasons, its run, its delivery and its line."""
    rows = rows_asked(ROWS, Asked(case, table, (since, until), reason, ref, is_all), limit)
    if as_json:
        show_json(rows)
        return
    _show(_SHOWN, rows)
    if len(rows) == limit:
        say(f"(the first {limit} rows; -n gives more)")


@commands.command()
def replay(
    case: Case,
    first: First,
    reason: Annotated[str, typer.Option("--reason", callback=reason_asked, help="Why; it stands on the receipt.")],
    last: Last = None,
    table: Table = "",
    dry_run: DryRun = False,
    chunk_days: ChunkDays = 31,
    as_json: AsJson = False,
) -> None:
    """Write published deliveries of these nights again, from their landing bytes under today's contract, and follow it.

    Those written under another version of their contract, or with rows in quarantine. Each replaces its date as a restatement.
    """
    nights = (first.date(), (last or first).date())
    ingest_range(case, nights, {"table": table, "replay": reason}, chunk_days, dry_run=dry_run, as_json=as_json)


_LISTED = ("source", "data_date", "run_key", "standing", "reason", "rows")
_CUT = {"run_key": 12}
_SHOWN = ("source", "data_date", "run_key", "standing", "delivery", "line", "reasons", "row")


def _show(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    show_table("in quarantine", columns, [tuple(str(row[name])[: _CUT.get(name)] for name in columns) for row in rows])
