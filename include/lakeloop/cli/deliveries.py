"""`lakeloop deliveries`: what arrived, what became of it, why, and what to do."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any

import typer

from lakeloop.cli.asked import cases_asked, tables_of
from lakeloop.cli.output import AsJson, say, show_json, show_table
from lakeloop.core.names import table_named
from lakeloop.core.words import counted

_COLUMNS = ("table", "data date", "no.", "state", "sent (UTC)", "rows", "reason", "next")


class DeliveryState(StrEnum):
    """A delivery's state, as one asks for it."""

    WAITING = "waiting"
    TAKEN_IN = "taken in"
    PUBLISHED = "published"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    SUPERSEDED = "superseded"


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(deliveries)


def deliveries(
    case: Annotated[str, typer.Option("--case", help="Only this case.")] = "",
    table: Annotated[str, typer.Option("--table", help="Only this table.")] = "",
    since: Annotated[datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="First data date.")] = None,
    until: Annotated[datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="Last data date.")] = None,
    state: Annotated[DeliveryState | None, typer.Option("--state", help="Only deliveries in this state.")] = None,
    as_json: AsJson = False,
) -> None:
    """List deliveries: those on main with their state, and those that wait in the feed."""
    known = {name: _of_case(name) for name in cases_asked(case)}
    if table:  # deliveries outlive the contract that they came under
        stated = tables_of(known)
        there = {name: list(dict.fromkeys([*stated[name], *(one.table for one in known[name])])) for name in known}
        table_named(table, there, "nothing was listed")
    found = [
        one
        for every in known.values()
        for one in every
        if (not table or one.table == table)
        and (since is None or one.data_date >= since.date())
        and (until is None or one.data_date <= until.date())
        and (state is None or one.state == state)
    ]
    if as_json:
        show_json([one.model_dump(mode="json") for one in found])
        return
    show_table("deliveries", _COLUMNS, [_row(one) for one in found])
    states = Counter(one.state for one in found)
    say(", ".join(f"{number} {name}" for name, number in states.items()) or "no delivery")


def _of_case(name: str) -> list[Any]:
    from lakeloop import wiring
    from lakeloop.core.errors import SourceFailed
    from lakeloop.core.listing import listed
    from lakeloop.settings import Settings
    from lakeloop.steps.history import read_ledger

    settings = Settings.load()
    case, source = wiring.load_case(wiring.case_ref(name)), wiring.source_of(settings)
    ledger = read_ledger(wiring.lake_of(settings), name)
    try:
        feed = source.walk(case)
    except SourceFailed as error:
        say(f"what waits in the feed is not listed: {error}")
        return listed(ledger, case)
    if number := len(feed.strays):
        say(f"{counted(number, 'folder')} in the feed of {name} {'is' if number == 1 else 'are'} no delivery:")
        for stray in feed.strays:
            say(f"  {stray.path}: {stray.why}")
    return listed(ledger, case, [arrival.record for arrival in feed.arrivals])


def _row(one: Any) -> tuple[str, ...]:
    sent = f"{one.delivered_at.astimezone(UTC):%Y-%m-%d %H:%M}"
    number = "" if one.delivery is None else str(one.delivery)
    return (f"{one.case} {one.table}", str(one.data_date), number, one.state, sent, str(one.rows), one.reason, one.next)
