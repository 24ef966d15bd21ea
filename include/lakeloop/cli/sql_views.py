"""The views of `lakeloop sql`: which tables of the lake an analyst sees under which name."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from lakeloop.adapters.duckdb_sql import RECALLED, TRUSTED, View
from lakeloop.core.lake import clean, profiles, quarantine, scores, verdicts

QUARANTINED = "quarantined"  # every row in quarantine, of all cases and tables; also those that no longer stand
Folders = Callable[[str], Iterable[str]]


def views_of(folders: Folders) -> list[View]:
    """Scores and verdicts over all cases, then one view a table; a view without tables shows that nothing is there yet."""
    scored = tuple((case, scores(case)) for case in folders("scores/"))
    watched = [(case, set(folders(f"watch/{case}/"))) for case in folders("watch/")]
    views = [
        View("scores", scored, RECALLED),
        View("scores_trusted", scored, TRUSTED),
        View("verdicts", tuple((case, verdicts(case)) for case, tables in watched if "verdicts" in tables)),
    ]
    views += [View(f"{case}_profiles", (("", profiles(case)),)) for case, tables in watched if "profiles" in tables]
    for case in folders("clean/"):
        views += [View(f"{case}_{table}", (("", clean(case, table)),)) for table in folders(f"clean/{case}/")]
    bad = [(case, table) for case in folders("quarantine/") for table in folders(f"quarantine/{case}/")]
    views += [View(f"{case}_{table}_quarantine", (("", quarantine(case, table)),)) for case, table in bad]
    return [*views, View(QUARANTINED, tuple((f"{case}.{table}", quarantine(case, table)) for case, table in bad), label="source")]
