"""`lakeloop contract`: what the tables of a case promise, and what a change of it would do."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from lakeloop.cli.asked import case_asked, cases_asked
from lakeloop.cli.lake import lake_at_hand
from lakeloop.cli.output import AsJson, say, show_json, show_table
from lakeloop.core.names import table_named
from lakeloop.core.words import quoted

commands = typer.Typer(name="contract", help="What tables promise, and what a change of it would do.", no_args_is_help=True)
Case = Annotated[str, typer.Argument(help="The case, by its folder under use_cases; all of them when none is named.")]


def register(app: typer.Typer) -> None:
    """Adds the group."""
    app.add_typer(commands)


@commands.command()
def show(
    case: Annotated[str, typer.Argument(help="The case, by its folder under use_cases.")],
    table: Annotated[str, typer.Option(help="One table only.")] = "",
    html: Annotated[Path | None, typer.Option(help="Write a page that needs nothing from outside.")] = None,
    markdown: Annotated[Path | None, typer.Option(help="Write the same for a repository's docs.")] = None,
    as_json: AsJson = False,
) -> None:
    """The contracts of a case: columns with their rules, keys, limits, readiness and owner."""
    from lakeloop import wiring
    from lakeloop.cli.contract_page import as_html, as_markdown, rules_of

    found = wiring.load_case(wiring.case_ref(case_asked(case)))
    table_named(table, {case: [one.name for one in found.tables]}, "nothing was shown")
    tables = [one for one in found.tables if table in {"", one.name}]
    for path, page in ((html, as_html), (markdown, as_markdown)):
        if path is not None:
            _write(path, page(found, tables))
            say(f"{case}: {', '.join(one.name for one in tables)} in {path}")
    if as_json:
        show_json([one.model_dump(mode="json") for one in tables])
    elif html is None and markdown is None:
        for one in tables:
            rows = [(column.name, column.type, column.unit, rules_of(column), column.description) for column in one.columns]
            show_table(f"{one.name}, key {', '.join(one.key)}", ("column", "type", "unit", "rules", "what it is"), rows)


def _write(path: Path, page: str) -> None:
    try:
        path.write_text(page, encoding="utf-8")
    except OSError as error:
        message = f"{quoted(str(path))} cannot be written ({error.strerror}); nothing was written there"
        raise typer.BadParameter(message) from error


@commands.command()
def diff(case: Case = "", as_json: AsJson = False) -> None:
    """Compare today's contracts with those main was written under; exit code 1 when the next ingest would refuse them."""
    names = cases_asked(case)
    found = [row for name in names for row in _changes(name)]
    if as_json:
        show_json(found)
    elif found:
        columns = ("case", "table", "change", "class", "touches", "what happens")
        show_table("contracts: main against this code", columns, [tuple(row[name] for name in _SHOWN) for row in found])
    else:
        say(f"the contracts of {', '.join(names)} are those main was written under")
    raise typer.Exit(int(any(row["refused"] for row in found)))


@commands.command()
def export(case: Annotated[str, typer.Argument(help="The case, by its folder under use_cases.")]) -> None:
    """Write a case's contracts to standard output as one document of the Open Data Contract Standard (YAML)."""
    from lakeloop import wiring
    from lakeloop.adapters.open_data_contract import exported

    sys.stdout.write(exported(wiring.load_case(wiring.case_ref(case_asked(case)))))


@commands.command(name="import")
def read_in(
    document: Annotated[Path, typer.Argument(help="A document of the standard (YAML).", exists=True, dir_okay=False)],
    leave_out: Annotated[
        bool, typer.Option("--leave-out", help="Import without what a contract here cannot say; each is written as a comment.")
    ] = False,
) -> None:
    """Write a document's contracts to standard output as Python, for a case's own file; nothing else is changed."""
    from lakeloop.adapters.open_data_contract import imported
    from lakeloop.core.contract_source import as_python

    found = imported(document.read_text("utf-8", errors="replace"), leaves_out=leave_out)
    for one in found.left_out:
        say(f"not imported: {one.words}")
    if found.information:
        say(f"left out, since it decides about no row and no person: {', '.join(found.information)}")
    sys.stdout.write(as_python(found.tables, found.left_out))


_SHOWN = ("case", "table", "what", "kind", "touches", "happens")


def _changes(name: str) -> list[dict[str, Any]]:
    from lakeloop import wiring
    from lakeloop.core.contract_change import WILL_HAPPEN
    from lakeloop.settings import Settings
    from lakeloop.steps.contract import changes_of, touched_by
    from lakeloop.steps.history import read_ledger

    case = wiring.load_case(wiring.case_ref(name))
    lake = lake_at_hand(Settings.load())
    ledger = read_ledger(lake, case.name)
    return [
        {
            "case": name,
            **change.model_dump(),
            "touches": ", ".join(touched_by(case, ledger, change)) if change.kind in {"breaking", "retyped", "retired"} else "",
            "happens": f"refused: {change.refused}" if change.refused else WILL_HAPPEN[change.kind],
        }
        for change in changes_of(lake, ledger, case)
    ]
