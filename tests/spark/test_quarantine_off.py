"""A mutation: with quarantine switched off, one bad row turns the audit red, of whatever family and type of column."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import date
from itertools import product
from pathlib import Path
from typing import get_args

import pytest
from pydantic import ValidationError
from pyspark.sql import functions as F

from lakeloop.adapters.lakefs_lake import LakeFSLake
from lakeloop.core.contract import FAMILIES, OF_A_COLUMN, Column, ColumnType
from lakeloop.core.jobs import AuditJob
from lakeloop.core.reports import AuditReport, UnitAudit
from lakeloop.core.runs import SessionKey
from lakeloop.settings import Settings
from lakeloop.spark import offenders, read
from lakeloop.spark import write as writing
from lakeloop.spark.connect import ConnectRunner
from tests.spark.small_flights import days
from tests.spark.small_parcels import CASE, PARCELS, RUN_KEY, Landed, line, units_of, write

ROWS = 4
FULL = {
    "string": "a",
    "int": "1",
    "double": "1",
    "decimal": "1",
    "bool": "true",
    "date": "2024-05-10",
    "timestamp": "2024-05-10T08:00",
}
CONTRACT = PARCELS.tables[0].model_copy(
    update={
        "columns": (
            *PARCELS.tables[0].columns,
            *(Column(name=f"full_{type_}", type=type_, required=True) for type_ in get_args(ColumnType)),
            *(Column(name=f"high_{type_}", type=type_, minimum=0) for type_ in ("int", "double", "decimal")),
        )
    }
)
NAMES = tuple(column.name for column in CONTRACT.columns)
FILLED = {f"full_{type_}": cell for type_, cell in FULL.items()}


def row(**cells: str) -> str:
    """A line of CSV that lacks nothing but what is taken out of it."""
    return line({"id": "Z1"} | FILLED | cells, names=NAMES)


def json_row(**cells: object) -> str:
    """The same as JSON."""
    typed = {"full_int": 1, "full_double": 1, "full_decimal": 1, "full_bool": True}
    return json.dumps({"id": "Z1"} | FILLED | typed | cells)


HEADER = ",".join(NAMES)
Kind = tuple[str, str]  # a family, and the type of the column where it is of one
BAD: dict[Kind, str] = {  # a row that is bad by nothing else; where its column need not be filled, its cell would be an empty one
    ("malformed", ""): f"{row()},",
    ("header_again", ""): HEADER,
    ("repeated_key", ""): json_row().replace('"id"', '"id": "Z1", "id"', 1),
    ("unknown_key", ""): json_row(colour="red"),
    **{("missing", type_): row(**{f"full_{type_}": ""}) for type_ in FULL},
    ("type", "string"): json_row(note=5),
    ("type", "int"): row(pieces="1.5"),
    ("type", "double"): row(weight="heavy"),
    ("type", "decimal"): row(price="1.234"),
    ("type", "bool"): row(insured="yes"),
    ("type", "date"): row(sent="2024-02-30"),
    ("type", "timestamp"): row(picked="1715328000"),
    **{("range", type_): row(**{f"high_{type_}": "-1"}) for type_ in ("int", "double", "decimal")},
    ("range", "date"): row(due="2023-05-10"),
    ("range", "timestamp"): row(picked="1800-01-01T00:00:00Z"),
    ("allowed", "string"): row(size="huge"),
    ("pattern", "string"): row(id="xA1"),
    ("text", "string"): row(note="a\u200bb"),
    ("gap", "timestamp"): row(picked="2024-03-10 02:30:00"),
    ("repeated", "timestamp"): row(picked="2024-11-03T01:30"),
    ("rule", ""): row(price="500", insured="false"),
    ("other_date", ""): row(sent="2023-05-10"),
    ("duplicate_key", ""): row(id="A1", weight="2"),
    ("refused", ""): row(),
}  # fmt: skip
KINDS = tuple(BAD)
ASKED: dict[str, tuple[dict[str, object], ...]] = {  # what a column has to say so that a row can be bad by the family
    "missing": ({"required": True},), "type": ({},), "allowed": ({"allowed": ("1",)},), "pattern": ({"pattern": "1"},),
    "range": ({"minimum": 0}, {"earliest": date(2000, 1, 1)}), "text": ({},),
    "gap": ({"timezone": "Asia/Tokyo"},), "repeated": ({"timezone": "Asia/Tokyo"},),
}  # fmt: skip
SEEN_AS = dict.fromkeys(FAMILIES, "rule_breaches") | {
    "malformed": "cells_lost", "header_again": "cells_lost", "repeated_key": "cells_lost", "unknown_key": "cells_lost",
    "type": "cells_lost", "gap": "cells_lost", "repeated": "cells_lost",
    "duplicate_key": "key_repeats", "refused": "rows_unaccounted",
}  # fmt: skip
GOOD = date(2024, 5, 10)
DAYS = dict(zip(KINDS, days(date(2024, 5, 11), len(KINDS)), strict=True))


def can_be_stated() -> set[Kind]:
    """Every family with every type of a column whose contract is not refused for it."""
    found: set[Kind] = {(family, "") for family in FAMILIES if family not in OF_A_COLUMN}
    for family, type_ in product(OF_A_COLUMN, get_args(ColumnType)):
        for asked in ASKED[family]:
            with suppress(ValidationError):
                if Column(name="x", type=type_, **asked).has_rule(family):
                    found.add((family, type_))
    return found


def test_there_is_a_bad_row_for_whatever_a_contract_may_state() -> None:
    assert can_be_stated() == set(BAD)


def delivered(bad: str | None, promised: int = 0) -> Landed:
    """Good rows, and one more in the format that it is of."""
    if bad and bad.startswith("{"):
        rows = [*(json_row(id=f"A{at}") for at in range(ROWS)), bad]
        return Landed({"rows.jsonl": "".join(f"{one}\n" for one in rows).encode()}, len(rows))
    rows = [*(row(id=f"A{at}", weight="1") for at in range(ROWS)), *([bad] if bad else [])]
    return Landed({"rows.csv": "".join(f"{one}\n" for one in (HEADER, *rows)).encode()}, promised or len(rows))


def deliveries() -> dict[date, Landed]:
    """A date for each kind, and one without a bad row; of a delivery that is refused whole a row is missing."""
    bad = {DAYS[kind]: delivered(BAD[kind], promised=ROWS + 2 if kind[0] == "refused" else 0) for kind in KINDS}
    return {GOOD: delivered(None)} | bad


@pytest.fixture(scope="module", autouse=True)
def wide() -> Iterator[None]:
    """The case with a column of every type that has to be filled."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tests.spark.small_parcels.PARCELS", PARCELS.model_copy(update={"tables": (CONTRACT,)}))
        yield


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
def audited(stack: Settings, shared_lake: LakeFSLake, parcels: ConnectRunner) -> AuditReport:
    """One write and audit of a date for each kind, nothing of which reached quarantine."""
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
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(offenders, "_CHECKS", 10 * len(KINDS))  # a page shows rows of the first faults of a run; here, of all
        report = parcels.run(job)
    assert isinstance(report, AuditReport)
    return report


@pytest.fixture(scope="module")
def unguarded(audited: AuditReport) -> dict[date, UnitAudit]:
    """The audit of each date."""
    return {one.data_date: one for one in audited.units}


@pytest.mark.parametrize("kind", KINDS, ids=":".join)
def test_a_row_that_should_be_in_quarantine_is_seen_among_the_published(unguarded: dict[date, UnitAudit], kind: Kind) -> None:
    assert SEEN_AS[kind[0]] in {check.name for check in unguarded[DAYS[kind]].failed("critical")}


@pytest.mark.parametrize(
    ("kind", "rows"),
    [
        (("missing", "string"), ["id=Z1, what breaks a rule=full_string (null)"]),
        (("range", "double"), ["id=Z1, what breaks a rule=high_double (-1.0)"]),
        (("rule", ""), ["id=Z1, what breaks a rule=rule:dear_is_insured"]),
        (("other_date", ""), ["id=Z1, what breaks a rule=other_date"]),
        (("duplicate_key", ""), ["id=A1", "id=A1"]),
    ],
)
def test_the_page_shows_the_rows_and_what_they_break(audited: AuditReport, kind: Kind, rows: list[str]) -> None:
    units = json.loads(audited.pages["audit.json"])["units"]
    (unit,) = (one for one in units if one["data_date"] == str(DAYS[kind]))
    (found,) = (each["rows"] for each in unit["failed"] if each["name"] == SEEN_AS[kind[0]])
    assert len(found) == len(rows)
    assert all(row.startswith(start) for row, start in zip(found, rows, strict=True))


def test_a_date_without_a_bad_row_stays_green(unguarded: dict[date, UnitAudit]) -> None:
    assert [check.told for check in unguarded[GOOD].failed("critical")] == []


def test_with_quarantine_on_each_of_the_rows_is_there_for_its_family_alone(
    stack: Settings, shared_lake: LakeFSLake, parcels: ConnectRunner
) -> None:
    found = write(stack, shared_lake, parcels, "guarded", deliveries())
    families = {
        kind: {reason.partition(":")[0] for row in found.quarantine[day] for reason in row["reasons"]}  # type: ignore[attr-defined]
        for kind, day in DAYS.items()
    }
    assert families == {kind: {kind[0]} for kind in KINDS}
