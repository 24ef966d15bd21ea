"""`lakeloop`: every command by name. A module of commands is registered here by one line; it must be light to import."""

from __future__ import annotations

import sys

import typer

from lakeloop.cli import (
    alerts,
    bench,
    compose,
    contract,
    deliveries,
    demo,
    doctor,
    ingest,
    lake,
    lineage,
    models,
    quarantine,
    reproduce,
    retention,
    sql,
    stack,
    trial,
)
from lakeloop.cli.typed import Typed
from lakeloop.core.errors import LakeloopError, NoSuchName
from lakeloop.core.words import spelled

app = typer.Typer(
    name="lakeloop",
    cls=Typed,
    help="Batch MLOps on a versioned lake: nothing reaches a reader before it was audited.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,  # locals hold keys
    context_settings={"help_option_names": ["-h", "--help"]},
)

doctor.register(app)
stack.register(app)
alerts.register(app)
lake.register(app)
deliveries.register(app)
sql.register(app)
ingest.register(app)
quarantine.register(app)
retention.register(app)
contract.register(app)
lineage.register(app)
reproduce.register(app)
trial.register(app)
models.register(app)
demo.register(app)
bench.register(app)
compose.register(app)


def main() -> None:
    """The console script: a failure the platform can explain is one sentence and exit code 1, not a traceback.

    A case or a table that there is not does not fit, as an option that typer refuses: exit code 2.
    """
    try:
        app()
    except LakeloopError as error:
        sys.stderr.write(f"lakeloop: {spelled(str(error))}\n")
        sys.exit(2 if isinstance(error, NoSuchName) else 1)
