"""Canaries through the real Airflow: what stands in a cell is told by no log, no XCom, no alert and no event."""

from __future__ import annotations

import hashlib
import io
import itertools
import json
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from lakeloop.adapters.platform_db import PlatformDb
from lakeloop.core.lake import UnitId
from lakeloop.ports import Lake
from lakeloop.settings import Settings
from lakeloop.story.stage import now
from tests.integration.nights import STEPS, Nights

pytestmark = [pytest.mark.stack, pytest.mark.timeout(1800)]
CANARY = "canary@nest.example"
BEFORE = date(2013, 1, 20)  # nights that no other test works, and nobody scores
MAY_KNOW = {
    "feed",
    "lakefs",
}  # folders of the stack's root: what was delivered, and where the lake keeps landing/ and quarantine/


def spoil(settings: Settings, table: str, day: date, change: Callable[[str], bytes]) -> None:
    """Another text in a delivery that nobody took in yet, promised by its manifest."""
    folder = settings.home / "feed" / "flights" / table / day.isoformat() / "1"
    body = change((folder / f"{table}.csv").read_text("utf-8"))
    (folder / f"{table}.csv").write_bytes(body)
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    rows = body.count(b"\n") - 1
    file = {"name": f"{table}.csv", "sha256": hashlib.sha256(body).hexdigest(), "size": len(body), "rows": rows}
    (folder / "manifest.json").write_text(json.dumps(manifest | {"files": [file], "rows": rows}), "utf-8")


def bad_rows(text: str) -> bytes:
    """A row that is malformed, one of a wrong type, one that breaks a pattern."""
    header, row, *_ = text.splitlines()
    cells = dict(zip(header.split(","), row.split(","), strict=True))
    wrong = (cells | {"flight": "9001", name: CANARY} for name in ("sched_dep_time", "dest"))
    return "\n".join([text.rstrip("\n"), CANARY, *(",".join(one.values()) for one in wrong), ""]).encode()


def files_with_it(root: Path) -> dict[str, int]:
    """How many files know it, by folder of the stack's root; but Spark's scratch, of which docs/personal-data.md speaks."""
    found: dict[str, int] = {}
    scratch = root / "spark" / "local"
    for path in (path for path in root.rglob("*") if scratch not in path.parents):
        if path.is_file() and not path.is_symlink() and CANARY.encode() in path.read_bytes():
            folder = path.relative_to(root).parts[0]
            found[folder] = found.get(folder, 0) + 1
    return found


def objects_with_it(lake: Lake, before: str) -> set[str]:
    """The folders of main with an object that knows it, of those that are new since a commit; rows are read as such."""
    new = [change.path for change in lake.diff(before, "main") if change.type != "removed"]
    found = {path: lake.get("main", path) for path in new}
    return {path.partition("/")[0] for path, content in found.items() if CANARY in content.decode("latin-1") + cells(content)}


def cells(content: bytes) -> str:
    """The cells of a Parquet file; nothing of any other."""
    return str(pq.read_table(io.BytesIO(content)).to_pylist()) if content.startswith(b"PAR1") else ""


def test_bad_cells_are_known_to_landing_and_quarantine_and_nowhere_else(nights: Nights, stack: Settings) -> None:
    past = Nights(stack, after=BEFORE)  # on a stack with a history, which a night before it would become a part of
    night, before = past.next(), past.stage.lake.head("main")
    spoil(stack, "schedule", night, bad_rows)
    run = past.start("ingest", {"date_from": night.isoformat(), "date_to": night.isoformat()})
    past.succeeds("ingest", run)
    owner = past.stage.ledger().owner(UnitId("schedule", night))
    assert owner is not None
    assert owner.record.account.quarantined == 3
    assert objects_with_it(past.stage.lake, before) == {"landing", "quarantine"}
    assert CANARY not in str([past.airflow.xcom("flights__ingest", run, task) for task in STEPS["ingest"]])
    assert CANARY not in str(list(itertools.takewhile(lambda commit: commit.id != before, past.stage.lake.log("main"))))
    assert set(files_with_it(stack.home)) == MAY_KNOW, "logs, events, Airflow's database and the alerts' among them"
    past.settle()


@pytest.mark.more
def test_what_a_night_brought_is_known_where_the_lake_keeps_it_and_nowhere_else(nights: Nights, stack: Settings) -> None:
    began, night = now().timestamp(), nights.next()
    flown = night - timedelta(days=2)
    spoil(stack, "schedule", night, bad_rows)
    spoil(stack, "weather", night, lambda text: text.replace("temp", CANARY, 1).encode())
    spoil(stack, "outcomes", flown, lambda text: text.encode() + f"é{CANARY}\n".encode("latin-1"))
    nights.succeeds("ingest", nights.start("ingest"))
    nights.settle()
    owner = nights.stage.ledger().owner(UnitId("schedule", night))
    assert owner is not None
    assert owner.record.account.quarantined == 3
    told = [str(alert.body) for alert in PlatformDb(stack.platform_db_url).outbox.all() if alert.created_at >= began]
    assert all(any(words in alert for alert in told) for words in ("is not UTF-8", "weather.csv"))
    assert set(files_with_it(stack.home)) == MAY_KNOW
    nights.feed.repair("weather", night)
    nights.feed.repair("outcomes", flown)
    nights.play(night)
