"""`lakeloop retention`: what is past its time by contract, and its way out; a dry run unless told."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from lakeloop.cli.asked import cases_asked, reason_asked
from lakeloop.cli.lake import lake_at_hand
from lakeloop.cli.output import AsJson, say, show_json, show_table
from lakeloop.core.words import counted

_LISTED = 40
_UNIT = 1024


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(retention)


def retention(
    case: Annotated[str, typer.Argument(help="Only this case; all when left out.")] = "",
    apply: Annotated[bool, typer.Option("--apply", help="Take it from main, in one gated merge a case.")] = False,
    reason: Annotated[
        str, typer.Option("--reason", callback=reason_asked, help="Why; it stands on the receipt.")
    ] = "past its time by contract",
    as_json: AsJson = False,
) -> None:
    """List what is past its time by contract, with its bytes, and what only history refers to; --apply takes it from main.

    Old commits still hold what is taken: its bytes go when storage is collected.
    """
    from lakeloop.settings import Settings
    from lakeloop.stack.storage import storage_of

    settings, names = Settings.load(), cases_asked(case)
    lake = lake_at_hand(settings)
    found = {name: _found(settings, lake, name) for name in names}
    done = {name: _applied(settings, name, reason) for name, due in found.items() if due} if apply else {}
    due, storage = [{"case": name, **one} for name, due in found.items() for one in due], storage_of(lake, settings)
    if as_json:
        show_json({"due": due, "applied": done, "storage": storage._asdict() if storage else None})
        return
    more = f", the first {_LISTED} of {len(due)}" if len(due) > _LISTED else ""
    show_table(f"past its time{more}", ("what", "path", "objects", "size", "because"), [_row(one) for one in due[:_LISTED]])
    say("; ".join(one["summary"] for one in done.values()) or _said(due))
    say(_said_of(storage, settings.storage_namespace))


def _found(settings: Any, lake: Any, name: str) -> list[dict[str, Any]]:
    from lakeloop import wiring
    from lakeloop.steps.history import read_ledger
    from lakeloop.steps.retention import due

    case, files = wiring.load_case(wiring.case_ref(name)), wiring.table_files_of(settings)
    return [one.record.model_dump() for one in due(lake, files, case, read_ledger(lake, name), datetime.now(UTC))]


def _applied(settings: Any, name: str, reason: str) -> dict[str, Any]:
    from lakeloop import wiring
    from lakeloop.core.runs import Run, SessionKey
    from lakeloop.steps.retention import apply

    ref, now = wiring.case_ref(name), datetime.now(UTC)
    key = SessionKey(installation=settings.installation_id, database="cli", dag="retention", run="lakeloop", task="apply")
    run = Run.asked(case=ref, stage="retention", run_id=f"{now:%Y%m%d%H%M%S}", reason=reason, actor=settings.airflow_username)
    with wiring.noted(key, settings), wiring.open_platform(ref, key, settings) as p:
        return apply(p, run, wiring.table_files_of(settings), now)


def _row(one: dict[str, Any]) -> tuple[str, ...]:
    return (one["what"], one["path"], str(one["objects"]), in_bytes(one["size"]), one["because"])


def _said(due: Sequence[dict[str, Any]]) -> str:
    if not due:
        return "nothing is past its time"
    objects, size = sum(one["objects"] for one in due), sum(one["size"] for one in due)
    return f"a dry run: {counted(objects, 'object')}, {in_bytes(size)}; nothing was removed. Next: the same with --apply"


def _said_of(storage: Any, namespace: str) -> str:
    if storage is None:
        return (
            f"dead bytes are not counted: the lake's storage is {namespace}. Next: lakeFS's garbage collection, a Spark job "
            "over its gc_rules, finds and frees them"
        )
    return (
        f"storage holds {counted(storage.objects, 'object')}, {in_bytes(storage.size)}; no branch and no tag refers to "
        f"{storage.dead_objects} of them, {in_bytes(storage.dead_size)}. Old commits read them, and nothing frees them: "
        "open-source lakeFS collects no local storage"
    )


def in_bytes(size: float) -> str:
    """`512 B`, `1.5 KiB`, `20.0 GiB`."""
    for unit in ("B", "KiB", "MiB"):
        if size < _UNIT:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= _UNIT
    return f"{size:.1f} GiB"
