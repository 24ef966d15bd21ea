"""A made-up case that is about people, and deliveries of it with values that are easy to find again."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from lakeloop.core.contract import Column, TableContract
from lakeloop.core.use_case import DriftPolicy, Label, Lookback, UseCase

CASE = "tests.spark.small_people:PEOPLE"
CUSTOMERS = TableContract(
    name="customers",
    columns=(
        Column(name="id", type="string", required=True, pattern=r"[A-Z]\d"),
        Column(name="email", type="string", required=True, pattern=r"[^@]+@.+", personal=True),
        Column(name="born", type="date", required=True, earliest=date(1850, 1, 1), personal=True),
        Column(name="card", type="int", minimum=0, personal=True),
        Column(name="city", type="string"),
        Column(name="spend", type="double"),
    ),
    key=("id",),
    quarantine_limit=1,
)
CONTACTS = TableContract(
    name="contacts",
    columns=(
        Column(name="id", type="string", required=True),
        Column(name="remark", type="string"),
        Column(name="number", type="int"),
        Column(name="first_name", type="string"),
    ),
    key=("id",),
    quarantine_limit=1,
)
NAMES = tuple(column.name for column in CUSTOMERS.columns)
PEOPLE = UseCase(
    name="people",
    tables=(CUSTOMERS, CONTACTS),
    features="nowhere:features",
    feature_names=("spend",),
    entity=("id",),
    reads=(Lookback(table="customers", first=0, last=0),),
    label=Label(table="customers", expression="1"),
    drift=DriftPolicy(minimum_history=0, partial_share=0),
    clock="feed",
)
Cells = Sequence[str]


def person(id_: str, mail: str, city: str = "Oslo", spend: str = "1.5") -> list[str]:
    """A row of customers whose personal values stand nowhere else."""
    return [id_, f"canary.{mail}ü@nest.example", f"1871-03-{len(mail):02}", f"49{ord(mail[0]):03}55512340000", city, spend]


def csv_of(*rows: Cells, names: Cells = NAMES, delimiter: str = ",") -> bytes:
    """Rows of CSV, with a header where there are names."""
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator="\n").writerows([names, *rows] if names else rows)
    return text.getvalue().encode()


def json_of(*rows: Cells | str) -> bytes:
    """Rows of JSON lines; a text stands as it is."""
    lines = [row if isinstance(row, str) else json.dumps(_typed(row)) for row in rows]
    return "".join(f"{line}\n" for line in lines).encode()


def parquet_of(*rows: Cells) -> bytes:
    """Rows of Parquet."""
    out = io.BytesIO()
    born = [_typed(row) | {"born": date.fromisoformat(row[2])} for row in rows]
    pq.write_table(pa.Table.from_pylist(born), out)
    return out.getvalue()


def deliver(home: Path, table: str, day: date, name: str, body: bytes, rows: int, number: int = 1, case: str = "people") -> None:
    """A complete delivery in the feed."""
    folder = home / "feed" / case / table / day.isoformat() / str(number)
    folder.mkdir(parents=True)
    (folder / name).write_bytes(body)
    manifest = {
        "table": table, "data_date": day.isoformat(), "rows": rows, "source": "head office",
        "delivered_at": datetime.combine(day - timedelta(days=1), time(19 + number), UTC).isoformat(),
        "files": [{"name": name, "sha256": hashlib.sha256(body).hexdigest(), "size": len(body), "rows": rows}],
    }  # fmt: skip
    (folder / "manifest.json").write_text(json.dumps(manifest))


def suites(folder: Path) -> Path:
    """The least that a suite must ask, for each table, and a mark where a cell could not be read."""
    (folder / "people").mkdir(parents=True)
    for contract in PEOPLE.tables:
        asked = [
            {"column": "row_count", "min_value": 1},
            {"column": f"completeness__{contract.columns[1].name}", "min_value": 0.5},
        ]
        kind = "expect_column_values_to_be_between"
        mark = {"type": kind, "kwargs": {"column": "quarantine_share__type", "max_value": 0}, "severity": "warning"}
        text = json.dumps({"expectations": [*({"type": kind, "kwargs": kwargs} for kwargs in asked), mark]})
        (folder / "people" / f"{contract.name}.json").write_text(text)
    return folder


def _typed(row: Cells) -> Mapping[str, object]:
    values: dict[str, object] = dict(zip(NAMES, row, strict=True))
    return values | {"card": int(row[3]), "spend": float(row[5]) if row[5] != "much" else row[5]}
