"""`lakeloop models`: versions of a case's model, which of them is champion and why, and the way to another one."""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from lakeloop.cli.asked import case_asked, cases_asked, reason_asked
from lakeloop.cli.lake import lake_at_hand
from lakeloop.cli.model_rows import LISTED, beside, facts, listed, pages
from lakeloop.cli.output import AsJson, ends, say, show_json, show_table
from lakeloop.core.errors import InvalidInput
from lakeloop.core.model_facts import VersionFacts, versions_of

commands = typer.Typer(name="models", help="Versions of a model: champion, challenger, and the way back.", no_args_is_help=True)
Case = Annotated[str, typer.Argument(help="The case, by its folder under use_cases.")]
AnyCase = Annotated[str, typer.Argument(help="Only this case; all when left out.")]
Version = Annotated[int, typer.Argument(min=1, help="A version, as `lakeloop models list` shows it.")]
Reason = Annotated[str, typer.Option("--reason", callback=reason_asked, help="Why; it stands on the receipt with your login.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done; write nothing.")]
_WHY = '--reason "better on the storm days" --dry-run'
_REFUSED = "1: refused or failed, and the champion is as it was"
_COLOURS = {"champion": "green", "challenger": "cyan", "pass": "green", "warn": "yellow"} | dict.fromkeys(
    ("refused", "rejected", "fail"), "red"
)


def register(app: typer.Typer) -> None:
    """Adds the group."""
    app.add_typer(commands)


@commands.command("list", epilog=ends("lakeloop models list flights", "0: listed; 1: it failed, and says why"))
def list_versions(case: AnyCase = "", as_json: AsJson = False) -> None:
    """List versions, newest first: state, what each learnt from, how well it ranks, who promoted it and when."""
    found = {name: _listed(name) for name in cases_asked(case)}
    if as_json:
        show_json({name: [one.model_dump(mode="json") for one in rows] for name, rows in found.items()})
        return
    for name, rows in found.items():
        show_table(f"models of {name}", LISTED, [listed(one) for one in rows], _COLOURS)


@commands.command(epilog=ends("lakeloop models show flights 3", "0: shown; 1: there is no such version, or it failed"))
def show(case: Case, version: Version, as_json: AsJson = False) -> None:
    """Show a version: its facts, gates, metrics, and the addresses of its card, its gates' page, its runs and its data."""
    with _opened(case) as (p, _):
        one, metrics = _version(p, version)
        links = _links(p, one)
    if as_json:
        show_json({**one.model_dump(mode="json"), "metrics": metrics, "links": links})
        return
    show_table(f"{case} version {version}", ("what", "is"), facts(one, links), _COLOURS)
    show_table("gates", ("gate", "outcome", "because"), [(gate.name, gate.outcome, gate.words) for gate in one.gates], _COLOURS)
    show_table("metrics", ("metric", "value"), [(name, f"{value:.4f}") for name, value in sorted(metrics.items())])


@commands.command(epilog=ends("lakeloop models compare flights 2 3", "0: shown, whatever differs; 1: it failed"))
def compare(case: Case, first: Version, second: Version, as_json: AsJson = False) -> None:
    """Compare two versions side by side: days, features, metrics and gates."""
    with _opened(case) as (p, _):
        rows = beside(*_version(p, first), *_version(p, second))
    columns = ("what", f"version {first}", f"version {second}", "difference")
    if as_json:
        show_json([dict(zip(columns, row, strict=True)) for row in rows])
        return
    show_table(case, columns, rows, _COLOURS)


@commands.command(epilog=ends(f"lakeloop models promote flights 3 {_WHY}", f"0: it is champion; {_REFUSED}"))
def promote(case: Case, version: Version, reason: Reason, dry_run: DryRun = False, as_json: AsJson = False) -> None:
    """Make a version champion, by the gated merge that a training run makes; a gate that failed is not overruled."""
    from lakeloop.steps.models import promote_version

    with _opened(case, reason) as (p, run):
        _end(promote_version(p, run, version, dry_run=dry_run), as_json=as_json)


@commands.command(epilog=ends(f"lakeloop models rollback flights --to 2 {_WHY}", f"0: it is champion; {_REFUSED}"))
def rollback(
    case: Case,
    reason: Reason,
    to: Annotated[int | None, typer.Option("--to", min=1, help="An earlier champion; the last one when left out.")] = None,
    despite_withdrawn: Annotated[
        bool, typer.Option("--despite-withdrawn", help="Also to one that learnt from withdrawn data; its scores are degraded.")
    ] = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Make an earlier champion champion again; its gates are not asked anew."""
    from lakeloop.steps.models import roll_back

    with _opened(case, reason) as (p, run):
        _end(roll_back(p, run, to, despite_withdrawn=despite_withdrawn, dry_run=dry_run), as_json=as_json)


@commands.command(
    epilog=ends(
        "lakeloop models reconcile --dry-run", "0: they agree, or were put right; 1: a person has to mend something, or it failed"
    )
)
def reconcile(case: AnyCase = "", dry_run: DryRun = False, as_json: AsJson = False) -> None:
    """Put the registry's aliases back where the promotion ledger has them, and say what no alias can mend."""
    from lakeloop.steps.reconcile import reconcile as put_right

    found = {}
    for name in cases_asked(case):
        with _opened(name, "reconcile") as (p, _):
            found[name] = put_right(p.lake, p.registry, p.outbox, p.case, dry_run=dry_run)
    if as_json:
        show_json(found)
    else:
        say("\n".join(one["summary"] for one in found.values()))
    raise typer.Exit(int(any(one["faults"] for one in found.values())))


@contextmanager
def _opened(name: str, reason: str = "") -> Iterator[tuple[Any, Any]]:
    """The case's platform, and a run of the person at this shell; Spark is not asked."""
    from lakeloop import wiring
    from lakeloop.core.runs import Run, SessionKey
    from lakeloop.settings import Settings

    settings = Settings.load()
    case_asked(name)
    lake_at_hand(settings)
    key = SessionKey(installation=settings.installation_id, database="cli", dag="models", run="lakeloop", task="promote")
    slug = f"shell-{datetime.now(UTC):%Y%m%d%H%M%S}"
    run = Run.asked(case=wiring.case_ref(name), stage="train", run_id=slug, reason=reason, actor=getpass.getuser())
    with wiring.open_platform(run.case, key, settings) as p:
        yield p, run


def _listed(name: str) -> list[VersionFacts]:
    with _opened(name) as (p, _):
        return _versions(p)


def _versions(p: Any) -> list[VersionFacts]:
    from lakeloop.steps.history import read_ledger
    from lakeloop.steps.reconcile import registered_tags

    return versions_of(read_ledger(p.lake, p.case.name), registered_tags(p.registry, p.case.name))


def _version(p: Any, version: int) -> tuple[VersionFacts, dict[str, float]]:
    name = p.case.name
    found = next((one for one in _versions(p) if one.version == version), None)
    if found is None:
        message = f"{name} has no version {version}; nothing was shown. Next: `lakeloop models list {name}`"
        raise InvalidInput(message)
    return found, dict(p.registry.metrics(name, version)) if found.registered else {}


def _links(p: Any, one: VersionFacts) -> dict[str, str]:
    run_id = p.registry.version(p.case.name, one.version).run_id if one.registered else ""
    return pages(p.case.name, one, run_id, p.sites | p.links)


def _end(done: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        show_json(done)
    else:
        say(done["summary"])
