"""`lakeloop reproduce`: a model version made again from its own record, and what came out otherwise."""

from __future__ import annotations

import re
from typing import Annotated
from uuid import uuid4

import typer

from lakeloop.cli.asked import case_asked
from lakeloop.cli.lake import lake_at_hand
from lakeloop.cli.output import AsJson, ends, say, show_json, show_table
from lakeloop.core.errors import InvalidInput
from lakeloop.core.reproduction import Reproduction
from lakeloop.core.words import quoted

_MODEL = re.compile(r"(?P<case>[a-z][a-z0-9_]*)/(?P<version>[1-9]\d{0,8})")


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command(epilog=ends("lakeloop reproduce flights/3", "0: equal to the byte; 1: it differs, or it failed"))(reproduce)


def reproduce(
    model: Annotated[str, typer.Argument(help="<case>/<version>, for instance flights/3.")], as_json: AsJson = False
) -> None:
    """Train a version again from its record, in a work area of its own, and compare all of it with what was recorded.

    Compared are the training set (digest, rows, columns), the model's bytes and its metrics by day. Nothing is registered.
    """
    found = _MODEL.fullmatch(model)
    if not found:
        message = f"{quoted(model)} is not <case>/<version>; nothing was done. Next: `lakeloop models list` shows what there is"
        raise InvalidInput(message)
    report = _reproduced(found["case"], int(found["version"]))
    if as_json:
        show_json({**report.model_dump(mode="json"), "is_equal": report.is_equal})
    else:
        _show(report)
    raise typer.Exit(0 if report.is_equal else 1)


def _reproduced(name: str, version: int) -> Reproduction:
    from lakeloop import wiring
    from lakeloop.core.runs import Run, SessionKey
    from lakeloop.settings import Settings
    from lakeloop.steps.training.reproduce import reproduce as again

    settings, ref = Settings.load(), wiring.case_ref(case_asked(name))
    lake_at_hand(settings)
    once = f"{name}-{version}-{uuid4().hex[:12]}"  # a session that was ended is not opened again
    key = SessionKey(installation=settings.installation_id, database="cli", dag="reproduce", run=once, task="fit")
    with wiring.noted(key, settings), wiring.open_platform(ref, key, settings) as p:
        return again(p, Run(case=ref, stage="train", run_id=f"reproduce-{version}", actor="cli"), version, say)


def _show(report: Reproduction) -> None:
    rows = [(one.what, one.recorded, one.again, one.difference or "equal") for one in report.compared]
    show_table(f"{report.model} version {report.version}, made again", ("", "recorded", "again", ""), rows, {"equal": "green"})
    for cause in report.causes:
        say(f"not as it was: {cause}")
    for gate in report.left_out:
        say(f"left out: {gate}, which the record does not have; a rebuild is compared, no gate judges it")
    for table in report.restated:
        say(f"{table}; the recorded commit was read, so that changed nothing here")
    if report.is_equal:
        say(f"REPRODUCED: {report.model} version {report.version} comes out equal, to the byte")
    else:
        say(f"NOT EQUAL: {report.model} version {report.version} comes out otherwise; nothing was changed")
