"""`lakeloop quarantine`: rows that broke a rule, by reason and as they came; and their way back after the rule was mended."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Annotated, Any

import typer

from lakeloop.cli.asked import reason_asked, tables_of
from lakeloop.cli.ingest import Case, ChunkDays, DryRun, First, Last, Table, ingest_range
from lakeloop.cli.output import AsJson, say, show_json, show_table
from lakeloop.core.names import case_named, table_named
from lakeloop.core.words import quoted

commands = typer.Typer(
    name="quarantine", help="Rows that broke a rule: why, as they came, and their way back.", no_args_is_help=True
)
OfCase = Annotated[str, typer.Option("--case", help="Only this case.")]
Since = Annotated[datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="First data date.")]
Until = Annotated[datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="Last data date.")]
Reason = Annotated[
    str, typer.Option("--reason", help="Only rows with this reason, e.g. missing:origin, or range for all ranges.")
]
Ref = Annotated[str, typer.Option(help="A branch, tag or commit to read instead of main.")]


def register(app: typer.Typer) -> None:
    """Adds the group."""
    app.add_typer(commands)


@commands.command("list")
def list_rows(
    case: OfCase = "", table: Table = "", since: Since = None, until: Until = None, reason: Reason = "", ref: Ref = "main",
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """Count rows by table, data date, run and reason; a row with several reasons counts under each."""
    rows = _ask(_COUNTS, case, table, (since, until), reason, ref)
    if as_json:
        show_json(rows)
        return
    shown = [tuple(str(value)[:12] if name == "run_key" else str(value) for name, value in row.items()) for row in rows]
    show_table("in quarantine", _LISTED, shown)


@commands.command()
def show(
    case: OfCase = "", table: Table = "", since: Since = None, until: Until = None, reason: Reason = "", ref: Ref = "main",
    limit: Annotated[int, typer.Option("-n", "--limit", min=1, help="How many rows at most.")] = 50, as_json: AsJson = False,
) -> None:  # fmt: skip
    """Show rows as they came, each with all its reasons, its delivery and its line."""
    rows = _ask(_ROWS, case, table, (since, until), reason, ref, limit)
    if as_json:
        show_json(rows)
        return
    columns = ("source", "data_date", "delivery", "line", "reasons", "row")
    show_table("in quarantine", columns, [tuple(str(row[name]) for name in columns) for row in rows])
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


_LISTED = ("source", "data_date", "run_key", "reason", "rows")
_IS_ASKED = "($reason IN ('', {one}) OR starts_with({one}, $reason || ':'))"  # any reason, this one, or one of its family
_BAD = (
    "SELECT * FROM {view} WHERE data_date BETWEEN $first AND $last AND $case IN ('', split_part(source, '.', 1)) "
    "AND $table IN ('', split_part(source, '.', 2)) "
    f"AND len(list_filter(reasons, lambda one: {_IS_ASKED.format(one='one')})) > 0"
)
_COUNTS = (
    "SELECT source, data_date, run_key, reason, count(*) AS rows FROM (SELECT *, unnest(reasons) AS reason FROM ({bad})) "
    f"WHERE {_IS_ASKED.format(one='reason')} GROUP BY ALL ORDER BY ALL LIMIT $limit"
)
_ROWS = (
    "SELECT source, data_date, delivery, line, array_to_string(reasons, ' ') AS reasons, \"row\", run_key FROM ({bad}) "
    "ORDER BY ALL LIMIT $limit"
)
_REASONS = "SELECT DISTINCT unnest(reasons) AS reason FROM ({bad}) ORDER BY ALL LIMIT $limit"
_ALL, _NAMED = 1_000_000, 40


def _ask(
    query: str, case: str, table: str, days: tuple[datetime | None, datetime | None], reason: str, ref: str, limit: int = _ALL
) -> list[dict[str, Any]]:
    from lakeloop.cli.sql import opened
    from lakeloop.cli.sql_views import QUARANTINED

    first, last = (day.date() if day else edge for day, edge in zip(days, (date.min, date.max), strict=True))
    asked = {"first": first, "last": last, "case": case, "table": table, "reason": reason, "limit": limit}
    with opened(ref) as database:
        is_any = QUARANTINED in database.views
        if case or table:
            _check_names(case, table, database.ask(f"SELECT DISTINCT source FROM {QUARANTINED}").rows if is_any else ())
        if not is_any:
            return []
        bad = _BAD.format(view=QUARANTINED)
        found = database.ask(query.format(bad=bad), asked)
        rows = [dict(zip(found.columns, row, strict=True)) for row in found.rows]
        if reason and not rows:
            there = database.ask(_REASONS.format(bad=bad), asked | {"reason": "", "limit": _NAMED}).rows
            say(_no_such_reason(reason, [name for (name,) in there]))
        return rows


def _check_names(case: str, table: str, kept: Iterable[Sequence[str]]) -> None:
    """Refuse a case or a table that no contract names, and of which no row is kept: rows outlive the contract they broke."""
    from lakeloop import wiring

    held: dict[str, set[str]] = {}
    for (source,) in kept:
        owner, _, name = source.partition(".")
        held.setdefault(owner, set()).add(name)
    undone, folders = "nothing was listed", wiring.case_names()
    names = sorted({*folders, *held})
    asked = [case_named(case, names, undone)] if case else names
    if table:
        stated = tables_of(name for name in asked if name in folders)
        table_named(table, {name: sorted({*stated.get(name, ()), *held.get(name, ())}) for name in asked}, undone)


def _no_such_reason(reason: str, there: Sequence[str]) -> str:
    """What there is instead; not refused, since a reason of an older contract, or one that nobody broke yet, is no mistake."""
    if not there:
        return "no row of these is in quarantine, whatever its reason"
    more = f" (the first {_NAMED})" if len(there) == _NAMED else ""
    return f"no row of these has the reason {quoted(reason)}; the reasons they have are {', '.join(there)}{more}"
