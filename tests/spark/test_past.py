"""The past through Spark: replayed under a mended rule, grown by a column, taken back after it, read at its old commit."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from pyspark.sql import SparkSession
from use_cases.tiny import TINY

from lakeloop.core.contract import Column
from lakeloop.core.jobs import Slice
from lakeloop.core.lake import UnitId
from lakeloop.core.receipts import DataReceipt, PublishedRecord, RefusalReceipt
from lakeloop.core.reports import RowAccount, RowChange
from lakeloop.core.runs import Run, SessionKey
from lakeloop.core.withdrawal import Condemned
from lakeloop.settings import REPO_ROOT, Settings
from lakeloop.spark.clean import read_clean
from lakeloop.steps import ingest, ingest_publish, withdraw
from lakeloop.steps.bootstrap import bootstrap
from lakeloop.steps.history import receipt_on
from lakeloop.steps.platform import Platform
from lakeloop.steps.verify import verify
from lakeloop.wiring import lake_of, open_platform

CASE, TABLE = "use_cases.tiny:TINY", "clean/tiny/forecasts"
D1, D2, D3 = (date(2024, 5, 1) + timedelta(days=n) for n in range(3))
COLD = {"harbour": "20", "market": "-65", "station": "22"}  # the market's is under the contract's -60
WIND = Column(name="wind", type="double", minimum=0)
NewPlatform = Callable[[str], Platform]


@pytest.fixture
def new_platform(stack: Settings, mlflow_uri: str, tmp_path: Path, new_key: Callable[[], SessionKey]) -> Iterator[NewPlatform]:
    """The real ports around an empty lake of a name of its own."""
    with ExitStack() as opened:

        def make(name: str) -> Platform:
            settings = stack.model_copy(
                update={
                    "home": tmp_path / name, "repository": f"past-{name}", "mlflow_tracking_uri": mlflow_uri,
                    "platform_db_url": f"sqlite:///{tmp_path / name}.db",
                    "expectations": REPO_ROOT / "tests" / "use_cases" / "tiny" / "expectations",
                }
            )  # fmt: skip
            bootstrap(lake_of(settings), f"local://{settings.repository}", "c0de")
            return opened.enter_context(open_platform(CASE, new_key(), settings))

        yield make


@pytest.fixture
def with_contract(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Platform]:
    """The same platform after the contract of forecasts changed in the code."""

    def change(p: Platform, version: int, *columns: Column) -> Platform:
        names = {column.name for column in columns}
        forecasts, sales = TINY.tables
        kept = tuple(column for column in forecasts.columns if column.name not in names)
        changed = forecasts.model_copy(update={"columns": (*kept, *columns), "version": version})
        case = TINY.model_copy(update={"tables": (changed, sales)})
        monkeypatch.setattr("use_cases.tiny.TINY", case)
        return replace(p, case=case)

    return change


def deliver(p: Platform, day: date, celsius: dict[str, str], number: int = 1, **more: str) -> None:
    rows = [{"opens": "", "visitors": "100", "celsius": heat, "shop": shop, **more} for shop, heat in celsius.items()]
    send(p, "forecasts", day, {"all.csv": rows}, number)


def send(p: Platform, table: str, day: date, files: dict[str, list[dict[str, str]]], number: int = 1) -> None:
    folder = p.source._root / "tiny" / table / day.isoformat() / str(number)  # type: ignore[attr-defined]
    folder.mkdir(parents=True)
    told = []
    for name, rows in files.items():
        body = as_csv(rows) if name.endswith("csv") else as_json(rows)
        (folder / name).write_bytes(body)
        told.append({"name": name, "sha256": hashlib.sha256(body).hexdigest(), "size": len(body), "rows": len(rows)})
    manifest = {
        "table": table, "data_date": day.isoformat(), "files": told, "rows": sum(map(len, files.values())), "source": "s",
        "delivered_at": datetime.combine(day - timedelta(days=1), time(20 + number), UTC).isoformat(),
    }  # fmt: skip
    (folder / "manifest.json").write_text(json.dumps(manifest))


def as_csv(rows: list[dict[str, str]]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def as_json(rows: list[dict[str, str]]) -> bytes:
    typed = [{name: text if name == "shop" else json.loads(text or "null") for name, text in row.items()} for row in rows]
    return "".join(f"{json.dumps(row)}\n" for row in typed).encode()


def take_in(p: Platform, **more: Any) -> list[PublishedRecord]:
    """One ingest; what it published."""
    receipt = receipt_of(p, **more)
    assert isinstance(receipt, DataReceipt), receipt
    return list(receipt.published)


def receipt_of(p: Platform, **more: Any) -> DataReceipt | RefusalReceipt:
    """One ingest; what it said of its work."""
    run = Run(case=CASE, stage="ingest", run_id="r", **more)
    written = ingest.write(p, run, ingest.intake(p, run))
    done = ingest_publish.publish_units(p, run, ingest_publish.audit(p, run, written))
    receipt = receipt_on(p.lake, "main", done["run_key"])
    assert isinstance(receipt, DataReceipt | RefusalReceipt)
    return receipt


def rows_of(p: Platform, *days: date, ref: str = "main", without: tuple[str, ...] = ()) -> Any:
    return p.tables.fingerprints(ref, [Slice(table=TABLE, values=tuple(day.isoformat() for day in days))], without)


def test_what_a_rule_kept_out_comes_back_by_a_replay_after_the_rule_was_mended(
    new_platform: NewPlatform, with_contract: Callable[..., Platform]
) -> None:
    p = new_platform("replay")
    deliver(p, D1, COLD)
    (first,) = take_in(p)
    assert (first.account.published, first.account.by_first_reason) == (2, {"range:celsius": 1})
    mended = with_contract(p, 2, Column(name="celsius", type="double", required=True, minimum=-70, maximum=60))
    (again,) = take_in(mended, replay="a freezer may be colder", date_from=D1, date_to=D1)
    assert (again.delivery, again.account.published, again.account.quarantined) == (1, 3, 0)
    assert again.change == RowChange(added=1, same=2)
    assert again.available_at == first.available_at
    assert rows_of(p, D1)[(TABLE, D1.isoformat())].rows == 3
    assert [finding for _, findings in verify(p.lake) for finding in findings] == []


def test_a_table_grows_by_a_column_and_what_was_before_it_stays_readable_and_can_come_back(
    new_platform: NewPlatform, with_contract: Callable[..., Platform], spark: SparkSession
) -> None:
    p = new_platform("grown")
    cool = {"harbour": "20", "market": "21", "station": "22"}
    deliver(p, D1, cool)
    (first,) = take_in(p)
    old, was = p.lake.head("main"), rows_of(p, D1)
    grown = with_contract(p, 2, WIND)
    deliver(p, D2, cool, wind="3.5")
    deliver(p, D1, cool | {"market": "25"}, number=2, wind="4")
    records = {one.data_date: one for one in take_in(grown)}
    assert records[D1].change == RowChange(changed=3)
    before = read_clean(spark, p.lake.repository, old, grown.case, "forecasts")
    assert dict(before.dtypes)["wind"] == "double"
    assert [row["wind"] for row in before.collect()] == [None] * 3
    now = read_clean(spark, p.lake.repository, "main", grown.case, "forecasts").where(f"data_date = DATE'{D2}'")
    assert [row["wind"] for row in now.collect()] == [3.5] * 3
    owner = ingest.read_ledger(p.lake, "tiny").owner(UnitId("forecasts", D1))
    assert owner is not None
    assert owner.record.restates != ""
    run = Run(case=CASE, stage="watch", run_id="w")
    withdraw.withdraw(grown, run, [Condemned(UnitId("forecasts", D1), owner.run_key, "wrong")], [], {})
    assert rows_of(p, D1) == was, "its rows are what they were, though the table has a column more"
    assert first.fingerprint == was[(TABLE, D1.isoformat())]


class Night(NamedTuple):
    """What one night brings: a day's forecasts, the sales of the day before it, and forecasts of the first day once more."""

    forecasts: dict[str, list[dict[str, str]]]
    sales: dict[str, list[dict[str, str]]] | None = None
    restated: dict[str, list[dict[str, str]]] | None = None


def heat(**celsius: str) -> list[dict[str, str]]:
    return [{"shop": shop, "celsius": heat, "visitors": "100", "opens": ""} for shop, heat in celsius.items()]


def sold(*shops: str) -> list[dict[str, str]]:
    return [{"shop": shop, "sold_out": "1"} for shop in shops]


ALL = ("harbour", "market", "station")
NIGHTS = [
    Night({"a.csv": [*heat(**COLD), *heat(harbour="20")]}),  # a row breaks a rule, and one stands there twice
    Night({"a.csv": heat(harbour="20"), "b.csv": heat(harbour="20")}, {"a.csv": sold(*ALL)}),  # one shop of three, twice: refused
    Night(  # an equal row in the other file, of the other format; sales of a day whose forecasts main has not; a restatement
        {"a.csv": heat(harbour="20", market="21"), "b.jsonl": heat(harbour="20", station="22")},
        {"a.csv": sold("harbour")},
        {"b.csv": [*heat(harbour="19", market="-6.5", station="22"), *heat(market="-6.5")]},
    ),  # fmt: skip
    Night(  # rows that differ in two files: refused; and sales of one shop where three were forecast: refused
        {"a.csv": heat(harbour="20", market="21", station="22"), "b.csv": heat(station="23")}, {"a.jsonl": sold("harbour")}
    ),
    Night(  # an equal row in the same file, beside two files of one day of another table
        {"a.jsonl": [*heat(harbour="20", market="21"), *heat(market="21")]}, {"a.csv": sold("harbour"), "b.csv": sold("market")}
    ),
    Night({"a.csv": heat(harbour="20", market="hot", station="22")}, {"a.csv": sold(*ALL), "b.jsonl": sold("harbour")}),
]
REFUSED = {("forecasts", D2), ("forecasts", D2 + timedelta(days=2)), ("sales", D3)}


@pytest.mark.parametrize("count", [3, pytest.param(len(NIGHTS), marks=[pytest.mark.more, pytest.mark.timeout(1800)])])
def test_a_range_and_daily_loads_of_the_same_nights_end_alike(count: int, new_platform: NewPlatform) -> None:
    """In the rows of both tables and of quarantine, in every account, and in what is refused and why.

    Of a date that is restated within the range only the newest delivery is ever written; by night both are, and what the first
    one had in quarantine stays there.
    """
    whole, daily = new_platform(f"range{count}"), new_platform(f"daily{count}")
    days, told = [D1 + timedelta(days=at) for at in range(count)], []
    for day, night in zip(days, NIGHTS, strict=False):
        for p in (whole, daily):
            send(p, "forecasts", day, night.forecasts)
            if night.sales:
                send(p, "sales", day - timedelta(days=1), night.sales)
            if night.restated:
                send(p, "forecasts", D1, night.restated, number=2)
        told.append(receipt_of(daily))
    by_night, by_range = said_by(*told), said_by(receipt_of(whole, date_from=days[0], date_to=days[-1]))
    assert by_range == by_night
    assert {unit for unit, (_, refusal) in by_night.items() if refusal} == {unit for unit in REFUSED if unit in by_night}
    assert len(by_night) == 2 * count - 1
    held = held_by(daily, days)
    assert held.pop(("quarantine/tiny/forecasts", D1.isoformat())).rows == 1, "quarantine keeps what each run refused"
    assert held_by(whole, days) == held
    assert sum(account.deduplicated for account, _ in by_night.values()) == {3: 2, len(NIGHTS): 4}[count]


def said_by(*receipts: DataReceipt | RefusalReceipt) -> dict[tuple[str, date], tuple[RowAccount, str]]:
    """The account of every delivery, and why it was refused if it was."""
    found: dict[tuple[str, date], tuple[RowAccount, str]] = {}
    for receipt in receipts:
        for one in receipt.refused:
            assert one.account is not None
            found[one.table, one.data_date] = one.account, one.refusal.message
        for done in receipt.published if isinstance(receipt, DataReceipt) else ():
            found[done.table, done.data_date] = done.account, ""
    return found


def held_by(p: Platform, days: list[date]) -> Any:
    """The rows of each date in every table, whoever wrote them."""
    tables = [f"{folder}/tiny/{table}" for folder in ("clean", "quarantine") for table in ("forecasts", "sales")]
    values = tuple(day.isoformat() for day in days)
    return p.tables.fingerprints("main", [Slice(table=table, values=values) for table in tables], ("run_key",))
