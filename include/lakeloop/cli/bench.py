"""`lakeloop bench`: figures as ratios within one run, with the machine named."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from lakeloop.cli.output import AsJson, say, show_json, show_table


class Part(StrEnum):
    """What can be measured by itself."""

    YEAR = "year"
    DAY = "day"
    CURVE = "curve"
    SCALE = "scale"
    TRAINING = "training"


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(bench)


def bench(
    part: Annotated[list[Part] | None, typer.Option(help="Only this part; may be given more than once.")] = None,
    days: Annotated[int, typer.Option(min=10, help="Length of the curve.")] = 1000,
    full: Annotated[bool, typer.Option("--full", help="The whole year at 30 times its width too, not a quarter of it.")] = False,
    as_json: AsJson = False,
) -> None:
    """A year of nights against a bare Spark job, at its own width and 10 times that, a quarter of it at 30 times; and more.

    A night, a thousand days of one small table, and training are the other parts.
    """
    from lakeloop.bench import figures, parts
    from lakeloop.settings import Settings

    folder = Settings.load().home / "bench"
    for measured in parts.run([each.value for each in part or list(Part)], days, full, say):
        kept = figures.keep(measured, folder)
    if as_json:
        show_json(measured.model_dump(mode="json"))
        return
    show_table(measured.machine, ("what", "figure", "aim"), figures.rows(measured))
    say(f"kept in {kept}")
