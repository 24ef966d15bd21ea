"""Commands of the compose stack: its secrets, and what its containers run."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from lakeloop.cli.output import AsJson, say, show_json
from lakeloop.settings import Settings

FIRST_USER = 1000  # the first user of most Linux machines, and the compose file's default
Program = Annotated[str, typer.Argument(help="A program of the stack, as `lakeloop status` names it.")]
User = Annotated[int, typer.Option(envvar="LAKELOOP_UID", help="Who the containers run as, when root makes the secrets.")]
Group = Annotated[int, typer.Option(envvar="LAKELOOP_GID", help="That user's group.")]

commands = typer.Typer(name="compose", help="The same stack in containers; docs/compose.md.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Adds the group."""
    app.add_typer(commands)


@commands.command()
def secrets(user: User = FIRST_USER, group: Group = FIRST_USER, as_json: AsJson = False) -> None:
    """Make the secret files that docker-compose.yaml names, once; those that are there stay as they are."""
    from lakeloop.stack.compose import write_secrets

    files = write_secrets(Settings.load().home, (user, group))
    if as_json:
        show_json({"files": [str(file) for file in files]})
        return
    say(f"{len(files)} secret files in {files[0].parent}, for their owner's eyes only")
    own = os.geteuid() or user
    if own != FIRST_USER:
        say(f"the containers must run as that owner: export LAKELOOP_UID={own} LAKELOOP_GID={os.getegid() or group}")


@commands.command()
def run(program: Program) -> None:
    """In a container: become one program of the stack."""
    from lakeloop.stack import container

    container.run(program, Settings.load())


@commands.command()
def prove(program: Program) -> None:
    """In a container: exit 0 when the program works; the question behind each health check."""
    from lakeloop.stack import container

    container.prove(program, Settings.load())


@commands.command()
def prepare() -> None:
    """In a container, once: bucket, lakeFS's user, the repository under its gate, every database's tables."""
    from lakeloop.stack import container

    say(container.prepare(Settings.load()))


@commands.command()
def furnish() -> None:
    """In a container, once Airflow and MLflow answer: pool and connection for the DAGs, the registry's webhook."""
    from lakeloop.stack import container

    heard = container.furnish(Settings.load())
    say(f"Airflow has its pool and its connection; {heard}")
