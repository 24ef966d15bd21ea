"""Commands of the embedded stack: up, down, status, logs, env, backup, restore, upgrade."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Annotated, Any

import typer

from lakeloop.cli.lake import frozen_now
from lakeloop.cli.output import AsJson, say, show_json, show_table
from lakeloop.core.errors import InvalidInput
from lakeloop.core.words import quoted
from lakeloop.settings import Settings

Program = Annotated[str | None, typer.Argument(help="One program of the stack; all of them when left out.")]


def register(app: typer.Typer) -> None:
    """Adds the commands, in the order a person meets them."""
    for command in (up, down, status, logs, env, backup, restore, upgrade):
        app.command()(command)


def up(as_json: AsJson = False) -> None:
    """Bring everything up, in order of readiness, each part proved; on a running stack only the proof is repeated."""
    settings = bring_up()
    if as_json:
        show_json({"home": str(settings.home), **_addresses(settings)})
    else:
        rows = [(name, address) for name, address in _addresses(settings).items()]
        show_table("up", ("part", "address"), [*rows, ("sign in", "lakeloop env")])


def down(as_json: AsJson = False) -> None:
    """End everything; nothing is left running, also after a crash."""
    from lakeloop.stack.lifecycle import Lifecycle, no_bootstrap

    killed = Lifecycle(Settings.load(), no_bootstrap).down()
    if as_json:
        show_json({"down": True, "killed": killed})
    else:
        say(f"down{f', {len(killed)} processes of a crashed stack killed' if killed else ''}")


def status(as_json: AsJson = False) -> None:
    """What is up, where, how much memory it takes, and what is wrong; exit code 1 unless all is well."""
    from lakeloop.stack.status import status as ask

    settings = Settings.load()
    found, (frozen, readable) = ask(settings.home), frozen_now(settings)
    ok = found.ok and readable
    if as_json:
        show_json(found.to_json() | {"ok": ok, "frozen": frozen})
    else:
        rows = [
            (
                each.name,
                _since(each.state, each.seconds),
                str(each.pid or ""),
                f"{each.pss_mib:.0f}",
                each.address,
                each.problem or "works",
            )
            for each in found.programs
        ]
        show_table(f"{found.home}, {found.pss_mib:.0f} MiB", ("program", "state", "pid", "MiB", "address", "answer"), rows)
        if found.strays:
            say(f"processes of a crashed stack: {', '.join(map(str, found.strays))}; `lakeloop down` ends them")
        if frozen:
            say(f"FROZEN: nothing is published or retrained: {frozen}" + ("; `lakeloop unfreeze` ends it" if readable else ""))
    raise typer.Exit(int(not ok))


def logs(
    program: Program = None,
    lines: Annotated[int, typer.Option("-n", "--lines", min=0, help="How many lines from the end.")] = 50,
    follow: Annotated[bool, typer.Option("-f", "--follow", help="Keep showing what is written.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show the end of the programs' logs."""
    folder = Settings.load().home / "logs"
    files = [path for path in sorted(folder.glob("*.log")) if program in {None, path.stem}]
    if not files:
        message = f"no log of {quoted(program) if program else 'any program'} in {folder}; `lakeloop status` names the programs"
        raise InvalidInput(message)
    if as_json:
        show_json({path.stem: _tail(path, lines) for path in files})
        return
    more = ["--follow=name", "--retry"] if follow else []
    try:
        subprocess.run(["tail", "-n", str(lines), *more, *map(str, files)], check=False)  # until the user ends it
    except KeyboardInterrupt:
        raise typer.Exit(0) from None


def env(as_json: AsJson = False) -> None:
    """What outside clients need to reach the stack, its keys included: they are yours."""
    found = client_environment(Settings.load())
    if as_json:
        show_json(found)
    else:
        rows = [(f"{part}.{name}", value) for part, values in found.items() for name, value in values.items()]
        show_table("for clients", ("name", "value"), rows)


def backup(target: Annotated[Path, typer.Argument(help="The file to write.")], as_json: AsJson = False) -> None:
    """Stop, copy everything that cannot be made again into one private file, start again if it ran."""
    from lakeloop.stack import backup as copies
    from lakeloop.stack.layout import StackRoot
    from lakeloop.stack.lifecycle import Lifecycle, no_bootstrap
    from lakeloop.stack.supervisor import Supervisor

    settings = Settings.load()
    root = StackRoot(settings.home)
    ran = Supervisor(root).answers()
    if ran:
        say("stopping the stack for the copy")
        Lifecycle(settings, no_bootstrap).down()
    try:
        size = copies.backup(root, target)
    finally:
        if ran:
            bring_up()
    without = "Airflow's database is a server of yours and is not in it" if settings.airflow_db_url.get_secret_value() else ""
    if as_json:
        show_json({"file": str(target), "bytes": size, "without": without})
    else:
        say(f"{target}: {size / 1024**2:.1f} MiB; it holds every key of this stack. {without}")


def restore(
    source: Annotated[Path, typer.Argument(help="A file that `backup` wrote.", exists=True, dir_okay=False)],
    force: Annotated[bool, typer.Option("--force", help="Replace a stack root that is not empty.")] = False,
    as_json: AsJson = False,
) -> None:
    """Put a backup in the place of the stack root; the stack must be down."""
    from lakeloop.stack import backup as copies
    from lakeloop.stack.layout import StackRoot

    home = Settings.load().home
    copies.restore(StackRoot(home), source, force)
    if as_json:
        show_json({"home": str(home), "restored": str(source)})
    else:
        say(f"{home} is what {source} held; `lakeloop up` starts it")


def upgrade(as_json: AsJson = False) -> None:
    """Bring a newer gate onto main, as maintenance: hook files only."""
    from lakeloop import wiring

    done = wiring.upgrade_lake(Settings.load())
    if as_json:
        show_json({"upgraded": done})
    else:
        say("the lake's gate is the code's")


def client_environment(settings: Settings) -> dict[str, dict[str, Any]]:
    """Addresses and keys in the form that outside clients read."""
    return {
        "lakefs": {
            "endpoint": settings.lakefs_endpoint,
            "access_key_id": settings.lakefs_access_key_id,
            "secret_access_key": settings.lakefs_secret_access_key.get_secret_value(),
            "repository": settings.repository,
        },
        "mlflow": {"tracking_uri": settings.mlflow_tracking_uri},
        "spark": {"remote": settings.spark_connect_url},
        "airflow": {
            "url": settings.airflow_url,
            "username": settings.airflow_username,
            "password": settings.airflow_password.get_secret_value(),
            "approver": settings.airflow_approver,
            "approver_password": settings.airflow_approver_password.get_secret_value(),
        },
    }


def bring_up() -> Settings:
    """The stack up and proved, the lake under its gate."""
    from lakeloop import wiring
    from lakeloop.stack.lifecycle import Lifecycle

    return Lifecycle(Settings.load(), wiring.bootstrap_lake, say).up()


def _since(state: str, seconds: int) -> str:
    """`up 3 min` for what runs, be it for less than the minute that Supervisor calls starting; else Supervisor's own word."""
    if state not in {"STARTING", "RUNNING"}:
        return state.lower()
    return f"up {seconds // 60} min" if seconds >= 60 else f"up {seconds} s"


def _addresses(settings: Settings) -> dict[str, str]:
    return {
        "lakefs": settings.lakefs_endpoint,
        "spark": settings.spark_remote,
        "mlflow": settings.mlflow_url,
        "airflow": settings.airflow_url,
        "alerts": settings.alerts_url,
    }


def _tail(path: Path, lines: int) -> list[str]:
    return path.read_text("utf-8", "replace").splitlines()[-lines:] if lines else []
