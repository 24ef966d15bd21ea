"""`lakeloop demo`: the stack up, the story played on real flights, a verdict screen."""

from __future__ import annotations

import typer

from lakeloop.cli.output import AsJson, say, show_json
from lakeloop.cli.stack import bring_up


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(demo)


def demo(as_json: AsJson = False) -> None:
    """Play the whole loop on real flights and show what each run did; exit code 0 only if all ended as the story says."""
    from rich.console import Console

    from lakeloop.story import screen, teller

    settings = bring_up()
    story = teller.tell(settings, say)
    if as_json:
        show_json(story.model_dump(mode="json"))
    else:
        screen.ending(Console(), story, settings)
    raise typer.Exit(0 if story.ok else 1)
