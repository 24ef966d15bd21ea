"""What the features are given of the clean tables: what the case declares, and nothing that was not known yet."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import partial

import pyarrow as pa
import pytest
from deltalake import write_deltalake
from pyspark.sql import DataFrame, SparkSession

from lakeloop.adapters.lakefs_lake import LakeFSLake
from lakeloop.core.contract import Column, TableContract
from lakeloop.core.errors import ConfigurationError
from lakeloop.core.use_case import Label, Lookback, UseCase
from lakeloop.settings import Settings
from lakeloop.spark.clean import read_clean
from lakeloop.spark.features import CleanTables
from tests.spark.small_flights import days, options

D = days(date(2024, 5, 1), 12)
_ID = (Column(name="id", type="int", required=True),)
CASE = UseCase(
    name="sights",
    tables=(
        *(TableContract(name=name, columns=_ID, key=("id",)) for name in ("today", "past", "both", "undeclared")),
        *(TableContract(name=name, columns=_ID, key=("id",), kind="reference") for name in ("places", "unnamed")),
    ),
    features="nowhere:features",
    feature_names=("id",),
    entity=("id",),
    reads=(
        Lookback(table="today", first=0, last=0),
        Lookback(table="past", first=5, last=1),
        Lookback(table="both", first=2, last=0),
    ),
    references=("places",),
    label=Label(table="past", expression="1"),
)
SCHEMA = pa.schema([("id", pa.int32()), ("data_date", pa.date32()), ("available_at", pa.timestamp("us", "UTC"))])
Held = dict[date, datetime]


def midnight(day: date, seconds: int = 0) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(seconds=seconds)


IN_TIME = {day: midnight(day) for day in D}
LATE = IN_TIME | {D[6]: midnight(D[8], 1), D[7]: midnight(D[8])}  # D7 came in the last moment for D8, D6 a second after it


@pytest.fixture(scope="module")
def world(stack: Settings, shared_lake: LakeFSLake) -> tuple[str, str]:
    """Repository and commit of all tables, one row a date whose id is its day."""
    # a place list of every third day; that of the 10th was first sent a second too late for the 10th
    places = {day: at for day, at in IN_TIME.items() if day.day in (2, 5, 10)} | {D[9]: midnight(D[9], 1)}
    tables: dict[str, Held] = {"today": LATE, "past": LATE, "both": LATE, "undeclared": LATE, "places": places, "unnamed": places}
    for name, held in tables.items():
        rows = [{"id": day.day, "data_date": day, "available_at": at} for day, at in held.items()]
        write_deltalake(
            f"s3://{shared_lake.repository}/main/clean/sights/{name}", pa.Table.from_pylist(rows, schema=SCHEMA),
            partition_by=["data_date"], storage_options=options(stack),
        )  # fmt: skip
    return shared_lake.repository, shared_lake.commit("main", "sights", {})


def given(spark: SparkSession, world: tuple[str, str], *dates: date) -> CleanTables:
    return CleanTables(spark, CASE, partial(read_clean, spark, *world, CASE), dates)


def ids(frame: DataFrame) -> list[int]:
    return sorted(row["id"] for row in frame.collect())


@pytest.mark.parametrize("name", ["undeclared", "unnamed", "nothing"])
def test_a_table_that_the_case_does_not_say_it_reads_is_refused(spark: SparkSession, world: tuple[str, str], name: str) -> None:
    with pytest.raises(ConfigurationError, match=f"ask for '{name}'.*`reads`.*`references`.*nothing was computed"):
        given(spark, world, D[8])[name]
    assert list(given(spark, world, D[8])) == ["today", "past", "both", "places"]


def test_history_is_cut_to_what_the_prediction_could_know(spark: SparkSession, world: tuple[str, str]) -> None:
    assert ids(given(spark, world, D[8])["past"]) == [4, 5, 6, 8]  # D6 (id 7) came a second late, D7 (id 8) in time
    assert ids(given(spark, world, D[9])["past"]) == [5, 6, 7, 8, 9]


def test_history_of_several_dates_is_what_the_latest_of_them_could_know(spark: SparkSession, world: tuple[str, str]) -> None:
    assert ids(given(spark, world, D[7], D[9])["past"]) == [3, 4, 5, 6, 7, 8, 9]
    assert ids(given(spark, world, D[3], D[8])["past"]) == [1, 2, 3, 4, 5, 6, 8]


def test_a_dates_own_data_is_its_condition_and_is_not_cut(spark: SparkSession, world: tuple[str, str]) -> None:
    assert ids(given(spark, world, D[6])["today"]) == [7]
    assert ids(given(spark, world, D[6])["both"]) == [5, 6, 7]
    assert ids(given(spark, world, D[8])["both"]) == [8, 9]  # as history of D8 the same row came too late
    assert given(spark, world, D[8])["both"].columns == SCHEMA.names


def test_a_reference_is_its_newest_delivery_known_then_under_the_date_it_is_read_for(
    spark: SparkSession, world: tuple[str, str]
) -> None:
    found = given(spark, world, D[0], D[1], D[3], D[4], D[9], D[10])["places"].collect()
    assert {(row["data_date"], row["id"]) for row in found} == {(D[1], 2), (D[3], 2), (D[4], 5), (D[9], 5), (D[10], 10)}
    assert len(found) == 5
    assert ids(given(spark, world, D[0])["places"]) == []
