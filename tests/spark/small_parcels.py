"""A made-up case with a column of every type and a rule of every family, and how its files are landed and written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import NamedTuple

from deltalake import DeltaTable

from lakeloop.adapters.lakefs_lake import LakeFSLake
from lakeloop.core.contract import Column, RowRule, TableContract
from lakeloop.core.files import FileShape
from lakeloop.core.jobs import LandedUnit, WriteJob
from lakeloop.core.reports import UnitWritten, WriteReport
from lakeloop.core.use_case import Label, Lookback, UseCase
from lakeloop.settings import Settings
from lakeloop.spark.connect import ConnectRunner
from tests.spark.small_flights import options

CASE, RUN_KEY = "tests.spark.small_parcels:PARCELS", "a" * 64
Cells = Mapping[str, str | None]

CONTRACT = TableContract(
    name="parcels",
    columns=(
        Column(name="id", type="string", required=True, pattern=r"[A-Z]\d{1,4}"),
        Column(name="note", type="string"),
        Column(name="raw", type="string", invisible=True),
        Column(name="weight", type="double", minimum=0, maximum=1000),
        Column(name="pieces", type="int"),
        Column(name="price", type="decimal", precision=8, scale=2),
        Column(name="insured", type="bool"),
        Column(name="size", type="string", allowed=("small", "large")),
        Column(name="sent", type="date"),
        Column(name="due", type="date", around_days=30),
        Column(name="picked", type="timestamp", timezone="America/New_York"),
        Column(name="docked", type="timestamp", timezone="Australia/Lord_Howe", repeated_hour="later"),
        Column(name="signed", type="timestamp", timezone="Asia/Kolkata", may_be_absent=True),
    ),
    key=("id",),
    rules=(
        RowRule(name="dear_is_insured", check="price < 500 OR insured", words="what costs 500 or more is insured"),
        RowRule(
            name="a_piece_is_cheap",
            check="price / pieces < 900000 OR try_cast(note AS bigint) = 1",
            words="no piece costs 900000",
        ),
    ),
    date_of="sent",
    late="keep",
    late_days=2,
)
NAMES = tuple(column.name for column in CONTRACT.columns)
NAUGHTY = (  # texts that mean nothing to us
    'five" nine', "O'Neill", "a\\nb\\", "{{ 7*7 }} ${x} %s {0}", "'; DROP TABLE parcels; --", "<script>alert(1)</script>&amp;",
    "=cmd|' /C calc'!A0", "+1+1", "-1+1", "@SUM(1+1)", "👩\u200d🚀 👍🏽 ❤️\u200d🔥 🏴", "مرحبا שלום", "𠜎 田中さん",
    " padded ", "null None", "../../etc/passwd", "a,b", "a\tb", "Zoë Ångström", "Z\u0363\u034aalgo", "1E400", "_row _reasons",
    "x" * 70_000,
)  # fmt: skip
PARCELS = UseCase(
    name="parcels",
    tables=(CONTRACT,),
    features="nowhere:features",
    feature_names=("weight",),
    entity=("id",),
    reads=(Lookback(table="parcels", first=0, last=0),),
    label=Label(table="parcels", expression="1"),
)


class Landed(NamedTuple):
    """What is delivered for one date: the files' bytes, what the intake says of them, and the rows of the manifest."""

    files: dict[str, bytes]
    rows: int
    shapes: tuple[FileShape, ...] = ()


class Written(NamedTuple):
    """The write's report by date, and the rows of both tables by date."""

    units: dict[date, UnitWritten]
    clean: dict[date, list[dict[str, object]]]
    quarantine: dict[date, list[dict[str, object]]]


def write(
    stack: Settings, lake: LakeFSLake, runner: ConnectRunner, branch: str, delivered: Mapping[date, Landed], case: str = CASE
) -> Written:
    """Land the deliveries on a new branch and write all of them by one job."""
    lake.create_branch(branch, "main")
    units = units_of(delivered)
    for unit, landed in zip(units, delivered.values(), strict=True):
        for name, content in landed.files.items():
            lake.put(branch, f"{unit.path}{name}", content)
    commit = lake.commit(branch, "landed", {})
    job = WriteJob(
        repository=lake.repository, case=case, landing_commit=commit, branch=branch, run_key=RUN_KEY, units=units
    )  # fmt: skip
    report = runner.run(job)
    assert isinstance(report, WriteReport)
    tables = [rows_of(stack, lake, branch, f"{folder}/parcels/parcels") for folder in ("clean", "quarantine")]
    clean, quarantine = ({day: [row for row in rows if row["data_date"] == day] for day in delivered} for rows in tables)
    return Written({one.data_date: one for one in report.units}, clean, quarantine)


def units_of(delivered: Mapping[date, Landed]) -> tuple[LandedUnit, ...]:
    """The deliveries as a job names them."""
    return tuple(_unit(day, landed) for day, landed in delivered.items())


def rows_of(stack: Settings, lake: LakeFSLake, branch: str, table: str) -> list[dict[str, object]]:
    """A Delta table's rows, read without Spark; none where nothing was ever written."""
    uri = f"s3://{lake.repository}/{branch}/{table}"
    if not DeltaTable.is_deltatable(uri, storage_options=options(stack)):
        return []
    rows: list[dict[str, object]] = DeltaTable(uri, storage_options=options(stack)).to_pyarrow_table().to_pylist()
    return rows


def line(cells: Cells, delimiter: str = ",", names: Sequence[str] = NAMES) -> str:
    """A row of CSV; a cell that needs quotes must bring them."""
    return delimiter.join(cells.get(name) or "" for name in names)


def counts(one: UnitWritten) -> tuple[int, int, int, int]:
    """Rows in, published, quarantined, deduplicated."""
    account = one.account
    return account.rows_in, account.published, account.quarantined, account.deduplicated


def _unit(day: date, landed: Landed) -> LandedUnit:
    at = datetime(2024, 4, 30, 20, tzinfo=UTC)
    return LandedUnit(
        table="parcels", data_date=day, delivery=1, sha256="b" * 64, path=f"landing/parcels/parcels/{day}/1-bbbbbbbbbbbb/",
        files=tuple(landed.files), shapes=landed.shapes, manifest_rows=landed.rows, delivered_at=at, available_at=at,
    )  # fmt: skip
