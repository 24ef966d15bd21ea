"""`lakeloop lineage`: where a table's dates came from, and who read them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated

import typer

from lakeloop.cli.output import AsJson, say, show_json, show_table
from lakeloop.core.errors import InvalidInput, NotFound
from lakeloop.core.lineage import SCORES, Link, is_named, of_commit, of_table
from lakeloop.core.words import quoted
from lakeloop.settings import Settings

_COMMIT = re.compile(r"[0-9a-f]{8,64}")
_TABLE = re.compile(r"(?P<case>[a-z][a-z0-9_]*)\.(?P<table>[a-z][a-z0-9_]*)")
_FIRST, _LAST = datetime(1900, 1, 1), datetime(2199, 12, 31)  # noqa: DTZ001  # days, not moments


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(lineage)


def lineage(
    what: Annotated[str, typer.Argument(help=f"<case>.<table>, <case>.{SCORES}, or a commit of main or run key (8 digits do).")],
    since: Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="First data date.")] = _FIRST,
    until: Annotated[datetime, typer.Option("--to", formats=["%Y-%m-%d"], help="Last data date.")] = _LAST,
    as_json: AsJson = False,
) -> None:
    """Both ways: the deliveries and tables behind something, and the scores and models made from it."""
    links = _links(what, since.date(), until.date())
    if not links:
        message = f"main's receipts know nothing of {what} in these dates; nothing was read. Next: `lakeloop deliveries`."
        raise NotFound(message)
    if as_json:
        show_json([link._asdict() for link in links])
        return
    for way, title in (("from", f"{what} came from"), ("to", f"made from {what}")):
        rows = [_row(link) for link in links if link.way == way]
        if rows:
            show_table(title, ("what", "dates", "commit", "receipt", ""), rows)
        else:
            say(f"{title}: nothing")


def _links(what: str, first: date, last: date) -> list[Link]:
    from lakeloop import wiring
    from lakeloop.steps.history import read_entries, read_ledger

    lake = wiring.lake_of(Settings.load())
    table = _TABLE.fullmatch(what)
    if table:
        return of_table(read_ledger(lake, table["case"]), table["case"], table["table"], first, last)
    if _COMMIT.fullmatch(what):
        cases = {entry.receipt.case for entry in read_entries(lake) if is_named(entry, what)}
        return [link for case in sorted(cases) for link in of_commit(read_ledger(lake, case), what)]
    message = f"{quoted(what)} is neither <case>.<table> nor a commit; nothing was read. Next: for instance `flights.weather`."
    raise InvalidInput(message)


def _row(link: Link) -> Sequence[str]:
    return link.what, _span(link.dates), link.commit[:12], link.run_key[:12], link.words


def _span(dates: Sequence[date]) -> str:
    if not dates:
        return ""
    first, last = dates[0], dates[-1]
    gaps = "" if (last - first).days + 1 == len(dates) else f" ({len(dates)} of them)"
    return f"{first}" if first == last else f"{first} to {last}{gaps}"
