"""`lakeloop doctor`: is this machine fit?"""

from __future__ import annotations

from dataclasses import asdict

import typer

from lakeloop.cli.output import AsJson, show_json, show_table


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(doctor)


def doctor(as_json: AsJson = False) -> None:
    """Check Python, Java, Go, memory, disk, ports and clock: pass, or the fix. Nothing is written."""
    from lakeloop.settings import Settings
    from lakeloop.stack.doctor import examine

    checks = examine(Settings.load().home)
    if as_json:
        show_json([asdict(check) for check in checks])
    else:
        rows = [("ok" if check.ok else "fix", check.name, check.found, "" if check.ok else check.fix) for check in checks]
        show_table("this machine", ("", "check", "found", "do this"), rows, {"ok": "green", "fix": "red"})
    raise typer.Exit(int(any(not check.ok for check in checks)))
