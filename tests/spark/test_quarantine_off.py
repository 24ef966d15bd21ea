"""A mutation: with quarantine switched off, one bad row turns the audit red, whatever the family of its reason."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pytest
from pyspark.sql import functions as F

from lakeloop.adapters.lakefs_lake import LakeFSLake
from lakeloop.core.contract import FAMILIES
from lakeloop.core.jobs import AuditJob
from lakeloop.core.reports import AuditReport, UnitAudit
from lakeloop.core.runs import SessionKey
from lakeloop.settings import Settings
from lakeloop.spark import read
from lakeloop.spark import write as writing
from lakeloop.spark.connect import ConnectRunner
from tests.spark.small_flights import days
from tests.spark.small_parcels import CASE, NAMES, RUN_KEY, Landed, line, units_of, write

ROWS = 4
HEADER = line({name: name for name in NAMES})
BAD = {  # a row that is bad by nothing else; where its column need not be filled, it would be a good row with an empty cell
    "malformed": f"Z1{',' * len(NAMES)}",
    "header_again": HEADER,
    "repeated_key": '{"id": "Z1", "id": "Z1"}',
    "unknown_key": '{"id": "Z1", "colour": "red"}',
    "missing": line({"weight": "1"}),
    "type": line({"id": "Z1", "weight": "heavy"}),
    "range": line({"id": "Z1", "weight": "-1"}),
    "allowed": line({"id": "Z1", "size": "huge"}),
    "pattern": line({"id": "xA1"}),
    "text": line({"id": "Z1", "note": "a\u200bb"}),
    "gap": line({"id": "Z1", "picked": "2024-03-10 02:30:00"}),
    "repeated": line({"id": "Z1", "picked": "2024-11-03T01:30"}),
    "rule": line({"id": "Z1", "price": "500", "insured": "false"}),
    "other_date": line({"id": "Z1", "sent": "2023-05-10"}),
    "duplicate_key": line({"id": "A1", "weight": "2"}),
    "refused": line({"id": "Z1"}),
}
SEEN_AS = dict.fromkeys(FAMILIES, "rule_breaches") | {
    "malformed": "cells_lost", "header_again": "cells_lost", "repeated_key": "cells_lost", "unknown_key": "cells_lost",
    "type": "cells_lost", "gap": "cells_lost", "repeated": "cells_lost",
    "duplicate_key": "key_repeats", "refused": "rows_unaccounted",
}  # fmt: skip
GOOD = date(2024, 5, 10)
DAYS = dict(zip(FAMILIES, days(date(2024, 5, 11), len(FAMILIES)), strict=True))


def delivered(bad: str | None, promised: int = 0) -> Landed:
    """Good rows, and one more in the format that it is of."""
    if bad and bad.startswith("{"):
        rows = [*(json.dumps({"id": f"A{at}"}) for at in range(ROWS)), bad]
        return Landed({"rows.jsonl": "".join(f"{row}\n" for row in rows).encode()}, len(rows))
    rows = [*(line({"id": f"A{at}", "weight": "1"}) for at in range(ROWS)), *([bad] if bad else [])]
    return Landed({"rows.csv": "".join(f"{row}\n" for row in (HEADER, *rows)).encode()}, promised or len(rows))


def deliveries() -> dict[date, Landed]:
    """A date for each family, and one without a bad row; of a delivery that is refused whole a row is missing."""
    bad = {DAYS[family]: delivered(BAD[family], promised=ROWS + 2 if family == "refused" else 0) for family in FAMILIES}
    return {GOOD: delivered(None)} | bad


@pytest.fixture(scope="module")
def parcels(
    stack: Settings, new_key: Callable[[], SessionKey], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ConnectRunner]:
    """A runner with the least suite that there can be: what is seen is seen by what the platform asks of every table."""
    folder = tmp_path_factory.mktemp("expectations")
    asked = [{"column": "row_count", "min_value": 1}, {"column": "completeness__id", "min_value": 0.5}]
    kind = "expect_column_values_to_be_between"
    (folder / "parcels").mkdir()
    text = json.dumps({"expectations": [{"type": kind, "kwargs": kwargs} for kwargs in asked]})
    (folder / "parcels" / "parcels.json").write_text(text)
    with ConnectRunner(stack.model_copy(update={"expectations": Path(folder)}), new_key()) as opened:
        yield opened


@pytest.fixture(scope="module")
def unguarded(stack: Settings, shared_lake: LakeFSLake, parcels: ConnectRunner) -> dict[date, UnitAudit]:
    """One write and audit of a date for each family, nothing of which reached quarantine."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(read, "broken_rules", lambda contract, cells: F.lit(""))
        patch.setattr(writing, "miscounts", lambda units, rows: {})
        patch.setattr(writing, "without_duplicates", lambda contract, judged: judged)
        found = write(stack, shared_lake, parcels, "unguarded", deliveries())
    assert sum(one.account.quarantined for one in found.units.values()) == 0
    job = AuditJob(
        repository=shared_lake.repository, case=CASE, snapshot=shared_lake.commit("unguarded", "written", {}), base="main",
        run_key=RUN_KEY, units=units_of(deliveries()), written=tuple(found.units.values()),
    )  # fmt: skip
    report = parcels.run(job)
    assert isinstance(report, AuditReport)
    return {one.data_date: one for one in report.units}


@pytest.mark.parametrize("family", FAMILIES)
def test_a_row_that_should_be_in_quarantine_is_seen_among_the_published(unguarded: dict[date, UnitAudit], family: str) -> None:
    assert SEEN_AS[family] in {check.name for check in unguarded[DAYS[family]].failed("critical")}


def test_a_date_without_a_bad_row_stays_green(unguarded: dict[date, UnitAudit]) -> None:
    assert [check.told for check in unguarded[GOOD].failed("critical")] == []


def test_with_quarantine_on_each_of_the_rows_is_there_for_its_family_alone(
    stack: Settings, shared_lake: LakeFSLake, parcels: ConnectRunner
) -> None:
    found = write(stack, shared_lake, parcels, "guarded", deliveries())
    families = {
        family: {reason.partition(":")[0] for row in found.quarantine[day] for reason in row["reasons"]}  # type: ignore[attr-defined]
        for family, day in DAYS.items()
    }
    assert families == {family: {family} for family in FAMILIES}
