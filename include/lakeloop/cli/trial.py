"""`lakeloop try`: changed features, parameters or contracts tried on the lake's own data; nothing is published."""

from __future__ import annotations

import getpass
import sys
from typing import Annotated
from uuid import uuid4

import typer

from lakeloop.cli.asked import case_asked, ref_asked
from lakeloop.cli.lake import lake_at_hand
from lakeloop.cli.output import AsJson, ends, say, show_json
from lakeloop.cli.trial_rows import show
from lakeloop.core.errors import InvalidInput
from lakeloop.core.trial import Trial
from lakeloop.core.use_case import UseCase

_MOST_DAYS = 3660
_BAD_INPUT = 2


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("try", epilog=ends("lakeloop try flights --on main", "0: tried, whatever came of it; 1: it failed"))(try_out)


def try_out(
    case: Annotated[str, typer.Argument(help="The case, by its folder under use_cases.")],
    on: Annotated[str, typer.Option("--on", help="A commit, branch or tag of the lake; main's head when left out.")] = "main",
    days: Annotated[
        int,
        typer.Option("--days", min=0, max=_MOST_DAYS, help="Published dates of a table to read again when its contract changed."),
    ] = 14,
    as_json: AsJson = False,
) -> None:
    """Try the code of this checkout on production data: rows, features, metrics, gates, slices and scores beside the champion's.

    It works on a branch that is deleted whatever comes of it.
    """
    try:
        trial = _tried(case, on, days)
    except InvalidInput as error:
        sys.stderr.write(f"lakeloop: {error}\n")
        raise typer.Exit(_BAD_INPUT) from error
    if as_json:
        show_json({**trial.model_dump(mode="json"), "changes_nothing": trial.changes_nothing, "verdict": trial.verdict})
        return
    show(trial)
    typer.echo(trial.verdict)


def _tried(name: str, on: str, days: int) -> Trial:
    from lakeloop import wiring
    from lakeloop.core.runs import Run, SessionKey
    from lakeloop.settings import Settings
    from lakeloop.steps.training.trial import try_out as tried

    ref_asked(on, "nothing was tried. Next: `--on main`, or a commit of a receipt")
    settings, ref = Settings.load(), wiring.case_ref(_case(name).name)
    lake_at_hand(settings)
    once = uuid4().hex[:12]  # a session that was ended is not opened again
    key = SessionKey(installation=settings.installation_id, database="cli", dag="try", run=once, task=name)
    with wiring.noted(key, settings), wiring.open_platform(ref, key, settings) as p:
        return tried(p, Run(case=ref, stage="train", run_id=f"try-{once}", actor=getpass.getuser()), on, days, say)


def _case(name: str) -> UseCase:
    """The case as its files stand now.

    Raises:
        InvalidInput: there is none, or what was changed cannot be loaded.
    """
    from lakeloop import wiring

    case_asked(name, "nothing was tried")
    try:
        return wiring.load_case(wiring.case_ref(name))
    except Exception as error:  # whatever the files of a case under change raise
        message = f"the case {name} cannot be loaded: {type(error).__name__}: {error}; nothing was tried. Next: mend its files"
        raise InvalidInput(message) from error
