"""`lakeloop ingest`: a range of nights, chunk by chunk through the case's own DAG; a dry run says what would be done."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Any

import typer

from lakeloop.cli.asked import case_asked, reason_asked, tables_of
from lakeloop.cli.lake import lake_at_hand
from lakeloop.cli.output import AsJson, show_json, show_table
from lakeloop.core.names import table_named
from lakeloop.core.words import spelled

Case = Annotated[str, typer.Argument(help="The case, by its folder under use_cases.")]
First = Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="First night.")]
Last = Annotated[datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="Last night; as the first when left out.")]
Table = Annotated[str, typer.Option(help="Only this table's deliveries.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done; write nothing, ask nothing of Airflow.")]
ChunkDays = Annotated[int, typer.Option(min=1, max=366, help="Nights a run.")]
_LISTED = 40


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(ingest)


def ingest(
    case: Case,
    first: First,
    last: Last = None,
    table: Table = "",
    dry_run: DryRun = False,
    reinstate: Annotated[
        str | None, typer.Option(callback=reason_asked, help="Why withdrawn bytes may be published again.")
    ] = None,
    retry_refused: Annotated[
        str | None, typer.Option(callback=reason_asked, help="Why refused deliveries are tried again; overrides no check.")
    ] = None,
    replay: Annotated[
        str | None, typer.Option(callback=reason_asked, help="Why published deliveries are written again from their bytes.")
    ] = None,
    chunk_days: ChunkDays = 31,
    as_json: AsJson = False,
) -> None:
    """Take in a range of nights, run by run; exit code 1 when a run failed or a delivery was refused.

    Killed and started again it does what is left: a run still going is followed, a chunk with nothing open is skipped.
    """
    reasons = {"reinstate": reinstate or "", "retry_refused": retry_refused or "", "replay": replay or ""}
    nights = (first.date(), (last or first).date())
    ingest_range(case, nights, {"table": table, **reasons}, chunk_days, dry_run=dry_run, as_json=as_json)


def ingest_range(
    name: str, nights: tuple[date, date], asked: dict[str, str], chunk_days: int, *, dry_run: bool, as_json: bool
) -> None:
    """The work of this command, and of a replay out of quarantine."""
    from lakeloop import wiring
    from lakeloop.adapters.airflow_api import AirflowApi
    from lakeloop.cli.ingest_range import chunks, play, run_of
    from lakeloop.core.runs import SessionKey
    from lakeloop.settings import Settings
    from lakeloop.steps.plan import is_open, plan

    settings, ref = Settings.load(), wiring.case_ref(case_asked(name))
    if asked["table"]:
        table_named(asked["table"], tables_of([name]), "nothing was done")
    run_of(ref, nights, asked, settings.airflow_username)  # refused as a whole before a part of it is asked
    parts = chunks(nights, chunk_days)
    lake_at_hand(settings)
    key = SessionKey(installation=settings.installation_id, database="cli", dag="ingest", run="lakeloop", task="plan")
    with wiring.open_platform(ref, key, settings) as p:
        if dry_run:
            found = plan(p, run_of(ref, nights, asked, settings.airflow_username))
            _show_plan([_row(unit) for unit in found.units], found.untouched, as_json=as_json)
            return
        password = settings.airflow_password.get_secret_value()
        with AirflowApi(settings.airflow_url, settings.airflow_username, password) as airflow:
            ended = play(
                airflow, f"{name}__ingest", parts, asked,
                lambda part: is_open(p, run_of(ref, part, asked, settings.airflow_username)),
            )  # fmt: skip
    raise typer.Exit(_show_end(ended, len(parts), as_json=as_json))


def _row(unit: Any) -> dict[str, str]:
    record = unit.record
    return {
        "table": record.table, "data_date": record.data_date.isoformat(), "delivery": str(record.delivery),
        "doing": unit.doing, "words": unit.words,
    }  # fmt: skip


def _show_plan(units: Sequence[dict[str, str]], untouched: dict[str, int], *, as_json: bool) -> None:
    if as_json:
        show_json({"units": units, "untouched": untouched})
        return
    more = f", the first {_LISTED} of {len(units)}" if len(units) > _LISTED else ""
    columns = ("table", "data date", "delivery", "what", "because")
    show_table(f"what a run would do{more}", columns, [tuple(unit.values()) for unit in units[:_LISTED]])
    counts = Counter(unit["doing"] for unit in units)
    told = [*(f"{number} to {doing}" for doing, number in counts.items()), *(f"{n} {state}" for state, n in untouched.items())]
    typer.echo(", ".join(told) or "nothing is there")


def _show_end(ended: Sequence[Any], parts: int, *, as_json: bool) -> int:
    """Shows what became of the runs, and gives the exit code."""
    from lakeloop.cli.ingest_range import verdict

    is_well = all(one.state == "success" and not one.refused for one in ended)
    words = verdict(ended, parts, "see the run's page; what is repaired is taken in by the same command again")
    if as_json:
        show_json({"ok": is_well, "verdict": words, "runs": [one._asdict() for one in ended]})
        return int(not is_well)
    if ended:
        rows = [(one.nights, one.state, str(one.published), str(one.refused), one.page) for one in ended]
        show_table("runs", ("nights", "state", "published", "refused", "page"), rows)
    for refusal in (words for one in ended for words in one.refusals):
        typer.echo(f"refused: {spelled(refusal)}")
    typer.echo(words)
    return int(not is_well)
