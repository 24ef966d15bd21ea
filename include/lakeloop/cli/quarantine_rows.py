"""What `lakeloop quarantine` asks of the lake: rows by reason or as they came, each with how it stands by now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

from lakeloop.cli.asked import tables_of
from lakeloop.cli.output import say
from lakeloop.core.lake import UnitId
from lakeloop.core.names import case_named, table_named
from lakeloop.core.standing import GONE, STANDS, LeftOut, standings
from lakeloop.core.words import counted, quoted

_IS_ASKED = "($reason IN ('', {one}) OR starts_with({one}, $reason || ':'))"  # any reason, this one, or one of its family
_OF_THESE = (
    "data_date BETWEEN $first AND $last AND $case IN ('', split_part(source, '.', 1)) "
    "AND $table IN ('', split_part(source, '.', 2))"
)
_RUNS = f"SELECT DISTINCT source, data_date, delivery, run_key FROM {{view}} WHERE {_OF_THESE}"
_BAD = (
    "SELECT * FROM {view} JOIN (SELECT unnest($runs, recursive := true)) USING (source, data_date, delivery, run_key) "
    f"WHERE {_OF_THESE} AND list_contains($standings, standing) "
    f"AND len(list_filter(reasons, lambda one: {_IS_ASKED.format(one='one')})) > 0"
)
COUNTS = (
    "SELECT source, data_date, run_key, standing, reason, count(*) AS rows "
    "FROM (SELECT *, unnest(reasons) AS reason FROM ({bad})) "
    f"WHERE {_IS_ASKED.format(one='reason')} GROUP BY ALL ORDER BY ALL LIMIT $limit"
)
ROWS = (
    "SELECT source, data_date, delivery, line, array_to_string(reasons, ' ') AS reasons, \"row\", run_key, standing FROM ({bad}) "
    "ORDER BY ALL LIMIT $limit"
)
_LEFT_OUT = "SELECT standing, count(*) AS rows FROM ({bad}) GROUP BY ALL ORDER BY ALL LIMIT $limit"
_REASONS = "SELECT DISTINCT unnest(reasons) AS reason FROM ({bad}) ORDER BY ALL LIMIT $limit"
_ALL, _NAMED = 1_000_000, 40


class Asked(NamedTuple):
    """Which rows are asked for; empty text means any."""

    case: str
    table: str
    days: tuple[datetime | None, datetime | None]
    reason: str
    ref: str
    is_all: bool  # also those that no longer stand

    @property
    def these(self) -> dict[str, Any]:
        """Whose rows, as the queries name it."""
        first, last = (day.date() if day else edge for day, edge in zip(self.days, (date.min, date.max), strict=True))
        return {"first": first, "last": last, "case": self.case, "table": self.table}


def rows_asked(query: str, asked: Asked, limit: int = _ALL) -> list[dict[str, Any]]:
    """The answer to COUNTS or ROWS; what is left out of it is said, and so is a reason that no row has."""
    from lakeloop.cli.sql import opened
    from lakeloop.cli.sql_views import QUARANTINED

    with opened(asked.ref) as database:
        is_any = QUARANTINED in database.views
        if asked.case or asked.table:
            kept = database.ask(f"SELECT DISTINCT source FROM {QUARANTINED}").rows if is_any else ()
            _check_names(asked.case, asked.table, kept)
        if not is_any:
            return []
        runs = _runs(database, asked, QUARANTINED)

        def ask(what: str, standing: Sequence[str], most: int, reason: str = asked.reason) -> list[dict[str, Any]]:
            values = asked.these | {"runs": runs, "standings": standing, "reason": reason, "limit": most}
            if not runs:  # DuckDB knows no type of an empty list
                return []
            found = database.ask(what.format(bad=_BAD.format(view=QUARANTINED)), values)
            return [dict(zip(found.columns, row, strict=True)) for row in found.rows]

        rows = ask(query, (*STANDS, *GONE) if asked.is_all else STANDS, limit)
        left = [] if asked.is_all else ask(_LEFT_OUT, GONE, _ALL)
        if left:
            say(_left_out({each["standing"]: each["rows"] for each in left}))
        elif asked.reason and not rows:
            say(_no_such_reason(asked.reason, [each["reason"] for each in ask(_REASONS, (*STANDS, *GONE), _NAMED, "")]))
        return rows


def _runs(database: Any, asked: Asked, view: str) -> list[dict[str, Any]]:
    """What each run kept of each delivery, with how it stands by the ledger of the commit that is read."""
    from lakeloop.cli.lake import lake_at_hand
    from lakeloop.settings import Settings
    from lakeloop.steps.history import read_ledger

    lake, found = lake_at_hand(Settings.load()), []
    kept: dict[str, dict[LeftOut, dict[str, Any]]] = {}
    for source, day, delivery, run_key in database.ask(_RUNS.format(view=view), asked.these).rows:
        case, _, table = source.partition(".")
        told = {"source": source, "data_date": day, "delivery": delivery, "run_key": run_key}
        kept.setdefault(case, {})[LeftOut(UnitId(table, day), delivery, run_key)] = told
    for case, runs in kept.items():
        stand = standings(read_ledger(lake, case, database.commit), runs)
        found += [told | {"standing": stand[one]} for one, told in runs.items()]
    return found


def _left_out(rows: Mapping[str, int]) -> str:
    each = ", ".join(f"{number} {standing}" for standing, number in rows.items())
    return f"left out: {counted(sum(rows.values()), 'row')} no longer standing ({each}); --all shows them"


def _check_names(case: str, table: str, kept: Iterable[Sequence[str]]) -> None:
    """Refuse a case or a table that no contract names, and of which no row is kept: rows outlive the contract they broke."""
    from lakeloop import wiring

    held: dict[str, set[str]] = {}
    for (source,) in kept:
        owner, _, name = source.partition(".")
        held.setdefault(owner, set()).add(name)
    undone, folders = "nothing was listed", wiring.case_names()
    names = sorted({*folders, *held})
    asked = [case_named(case, names, undone)] if case else names
    if table:
        stated = tables_of(name for name in asked if name in folders)
        table_named(table, {name: sorted({*stated.get(name, ()), *held.get(name, ())}) for name in asked}, undone)


def _no_such_reason(reason: str, there: Sequence[str]) -> str:
    """What there is instead; not refused, since a reason of an older contract, or one that nobody broke yet, is no mistake."""
    if not there:
        return "no row of these is in quarantine, whatever its reason"
    more = f" (the first {_NAMED})" if len(there) == _NAMED else ""
    return f"no row of these has the reason {quoted(reason)}; the reasons they have are {', '.join(there)}{more}"
