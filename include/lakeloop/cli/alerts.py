"""`lakeloop alerts`: what was said to on-call, and what still waits to be said."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from lakeloop.cli.output import AsJson, say, show_json, show_table

commands = typer.Typer(name="alerts", help="What was said to on-call, and what still waits to be said.", no_args_is_help=True)
Limit = Annotated[int, typer.Option("-n", "--limit", min=1, help="How many, newest first.")]


def register(app: typer.Typer) -> None:
    """Adds the group."""
    app.add_typer(commands)


@commands.command("list")
def list_alerts(limit: Limit = 20, as_json: AsJson = False) -> None:
    """Show the newest alerts: sent, or waiting with the reason."""
    alerts = _outbox().all(limit)
    if as_json:
        show_json([alert._asdict() for alert in alerts])
        return
    rows = [
        (_time(alert.created_at), alert.severity, alert.title, alert.channel, _state(alert.sent_at, alert.last_error))
        for alert in alerts
    ]
    show_table("alerts", ("at (UTC)", "severity", "alert", "channel", "state"), rows)


@commands.command()
def flush(as_json: AsJson = False) -> None:
    """Make every waiting alert due now, whatever its back-off; the alerts process sends it within seconds."""
    outbox = _outbox()
    outbox.retry_now()
    due = outbox.due()
    if as_json:
        show_json({"due": due})
    else:
        say(f"{due} alerts are due; `lakeloop alerts list` shows when they are sent" if due else "nothing waits")


def _outbox() -> Any:
    from lakeloop.adapters.platform_db import PlatformDb
    from lakeloop.settings import Settings

    return PlatformDb(Settings.load().platform_db_url).outbox


def _time(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S}"


def _state(sent_at: float | None, last_error: str | None) -> str:
    return f"sent {_time(sent_at)}" if sent_at else f"waits: {last_error or 'not tried yet'}"
