"""Commands about the lake: verify, freeze, unfreeze."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from lakeloop.cli.asked import reason_asked, ref_asked
from lakeloop.cli.output import AsJson, say, show_json, show_table
from lakeloop.core.errors import ConfigurationError, Frozen
from lakeloop.settings import Settings


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    for command in (verify, freeze, unfreeze):
        app.command()(command)


def verify(
    ref: Annotated[str, typer.Option(help="Begin at this commit instead of main's head.")] = "", as_json: AsJson = False
) -> None:
    """Walk main's log and judge every merge by what it attests; exit code 1 when one does not."""
    from lakeloop import wiring
    from lakeloop.steps.verify import verify as judge

    if ref:
        ref_asked(ref, "nothing was judged. Next: a commit of main's log")
    judged = list(judge(wiring.lake_of(Settings.load(), is_kept=False), ref))
    wrong = [(finding.commit, finding.wrong) for _, findings in judged for finding in findings]
    if as_json:
        show_json({"ok": not wrong, "merges": len(judged), "findings": [{"commit": at, "wrong": what} for at, what in wrong]})
    elif wrong:
        show_table("merges that do not attest", ("commit", "what is wrong"), [(at[:12], what) for at, what in wrong])
    else:
        say(f"{len(judged)} merges on main, every one attests")
    raise typer.Exit(int(bool(wrong)))


def lake_at_hand(settings: Settings) -> Any:
    """The lake.

    Raises:
        ConfigurationError: there is no key to it, as before the first `up`; nothing was read.
    """
    from lakeloop import wiring

    if not settings.lakefs_access_key_id:
        message = f"no key to the lake under {settings.home}; nothing was read. Next: `lakeloop up`"
        raise ConfigurationError(message)
    return wiring.lake_of(settings)


def freeze(
    reason: Annotated[str, typer.Argument(callback=reason_asked, help="Why; shown wherever publishing is refused.")],
    as_json: AsJson = False,
) -> None:
    """Stop publishing and retraining everywhere until `unfreeze`; running jobs go on, nothing is merged."""
    from lakeloop import wiring

    wiring.platform_db_of(Settings.load()).lease.freeze(reason)
    if as_json:
        show_json({"frozen": reason})
    else:
        say(f"frozen: {reason}; `lakeloop unfreeze` ends it")


def frozen_now(settings: Settings) -> tuple[str | None, bool]:
    """Why the platform is frozen, or None, and whether that could be read: what cannot be read counts as frozen."""
    from lakeloop import wiring

    try:
        return wiring.platform_db_of(settings).lease.frozen(), True
    except Frozen as error:
        return str(error), False


def unfreeze(as_json: AsJson = False) -> None:
    """Let publishing and retraining go on."""
    from lakeloop import wiring

    wiring.platform_db_of(Settings.load()).lease.unfreeze()
    if as_json:
        show_json({"frozen": None})
    else:
        say("publishing goes on")
