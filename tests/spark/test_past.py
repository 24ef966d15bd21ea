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
from typing import Any

import pytest
from pyspark.sql import SparkSession
from use_cases.tiny import TINY

from lakeloop.core.contract import Column
from lakeloop.core.jobs import Slice
from lakeloop.core.lake import UnitId
from lakeloop.core.receipts import DataReceipt, PublishedRecord
from lakeloop.core.reports import RowChange
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
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    body = text.getvalue().encode()
    folder = p.source._root / "tiny" / "forecasts" / day.isoformat() / str(number)  # type: ignore[attr-defined]
    folder.mkdir(parents=True)
    (folder / "all.csv").write_bytes(body)
    file = {"name": "all.csv", "sha256": hashlib.sha256(body).hexdigest(), "size": len(body), "rows": len(rows)}
    sent = datetime.combine(day - timedelta(days=1), time(20 + number), UTC).isoformat()
    manifest = {
        "table": "forecasts", "data_date": day.isoformat(), "files": [file], "rows": len(rows), "source": "s",
        "delivered_at": sent,
    }  # fmt: skip
    (folder / "manifest.json").write_text(json.dumps(manifest))


def take_in(p: Platform, **more: Any) -> list[PublishedRecord]:
    """One ingest; what it published."""
    run = Run(case=CASE, stage="ingest", run_id="r", **more)
    written = ingest.write(p, run, ingest.intake(p, run))
    done = ingest_publish.publish_units(p, run, ingest_publish.audit(p, run, written))
    receipt = receipt_on(p.lake, "main", done["run_key"])
    assert isinstance(receipt, DataReceipt), done["refusals"]
    return list(receipt.published)


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


@pytest.mark.more
def test_a_range_and_daily_loads_of_the_same_days_give_equal_tables(new_platform: NewPlatform) -> None:
    whole, daily = new_platform("range"), new_platform("daily")
    for p in (whole, daily):
        for at, day in enumerate((D1, D2, D3)):
            deliver(p, day, COLD | {"harbour": str(20 + at)})
            if p is daily:
                take_in(p)
    take_in(whole, date_from=D1, date_to=D3)
    ranges, days = (rows_of(p, D1, D2, D3, without=("run_key",)) for p in (whole, daily))
    assert ranges == days
    assert len(days) == 3
