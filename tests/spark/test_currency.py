"""Prices in another currency break no rule of a row: the audit sees them by what the same items cost before."""

from __future__ import annotations

import json
import random
from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import write_deltalake
from pyspark.sql import SparkSession

from lakeloop.adapters.lakefs_lake import LakeFSLake
from lakeloop.core.contract import Column, TableContract
from lakeloop.core.jobs import AuditJob, LandedUnit
from lakeloop.core.reports import Check
from lakeloop.core.use_case import DriftPolicy, Label, UnitRatio, UseCase
from lakeloop.settings import Settings
from lakeloop.spark.audit import audit
from tests.spark.small_flights import SCHEMAS, arrived, days, options, ours

PRICES = TableContract(
    name="prices",
    columns=(Column(name="item", type="int", required=True), Column(name="price", type="double", unit="EUR", minimum=0)),
    key=("item",),
)
SHOP = UseCase(
    name="shop",
    tables=(PRICES,),
    features="nowhere:features",
    feature_names=("price",),
    entity=("item",),
    reads=(),
    label=Label(table="prices", expression="1"),
    drift=DriftPolicy(ratios=(UnitRatio(table="prices", column="price", low=0.97, high=1.03, by=("item",)),)),
)
RUN = "a" * 64
DATES = days(date(2024, 5, 1), 14)
FACTORS = {DATES[9]: 1.08, DATES[11]: 160.0, DATES[12]: 0.01, DATES[13]: 1.01}  # dollars, yen, cents taken for euros; dearer
SCHEMA = pa.schema([("item", pa.int32()), ("price", pa.float64()), *(SCHEMAS["planes"].field(at) for at in range(3, 7))])


def prices(day: date) -> list[dict[str, object]]:
    """Forty items between 50 cents and 4,000 euros, each within a percent of what it always costs."""
    draw, factor = random.Random(f"{day}"), FACTORS.get(day, 1.0)
    return [
        {"item": n, "price": factor * 0.5 * 1.26**n * draw.uniform(0.99, 1.01), **ours(day), "run_key": RUN} for n in range(40)
    ]


@pytest.fixture(scope="module")
def found(
    spark: SparkSession, stack: Settings, shared_lake: LakeFSLake, tmp_path_factory: pytest.TempPathFactory
) -> dict[date, dict[str, Check]]:
    """The audit of the last five nights as one range."""
    rows = pa.Table.from_pylist([row for day in DATES for row in prices(day)], schema=SCHEMA)
    path = f"s3://{shared_lake.repository}/main/clean/shop/prices"
    write_deltalake(path, rows, partition_by=["data_date"], storage_options=options(stack))
    commit = shared_lake.commit("main", "prices", {})
    units = tuple(
        LandedUnit(
            table="prices", data_date=day, delivery=1, sha256="b" * 64, path="", files=(), manifest_rows=40,
            delivered_at=arrived(day), available_at=arrived(day),
        )
        for day in DATES[9:]
    )  # fmt: skip
    nothing = list(shared_lake.log("main"))[-1].id
    job = AuditJob(
        repository=shared_lake.repository, case="nowhere:SHOP", snapshot=commit, base=nothing, run_key=RUN, units=units,
        written=(),
    )  # fmt: skip
    report = audit(job, spark, SHOP, suites(tmp_path_factory.mktemp("suites")))
    return {one.data_date: {check.name: check for check in one.checks} for one in report.units}


def suites(folder: Path) -> Path:
    """The least that a suite must ask."""
    kind = "expect_column_values_to_be_between"
    asked = [{"column": "row_count", "min_value": 1}, {"column": "completeness__price", "min_value": 0.5}]
    (folder / "shop").mkdir()
    text = json.dumps({"expectations": [{"type": kind, "kwargs": kwargs} for kwargs in asked]})
    (folder / "shop" / "prices.json").write_text(text)
    return folder


@pytest.mark.parametrize("day", DATES[9:], ids=["dollars", "euros again", "yen", "cents", "a little dearer"])
def test_another_currency_is_refused_and_dearer_days_are_not(found: dict[date, dict[str, Check]], day: date) -> None:
    check = found[day]["fact:ratio:prices.price"]
    is_euros = FACTORS.get(day, 1.0) in {1.0, 1.01}
    assert (check.passed, check.severity) == (is_euros, "critical")
    assert {name for name, one in found[day].items() if not one.passed} <= {check.name}
