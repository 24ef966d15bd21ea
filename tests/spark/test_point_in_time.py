"""Point in time: the check that a case's own tests call, for each case of this repository, and for features that peek."""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta

import pyarrow as pa
import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from use_cases.tiny import TINY
from use_cases.tiny.features import shop_features

from lakeloop.core.errors import InvalidInput, LeakageFound
from lakeloop.core.use_case import UseCase
from lakeloop.spark.point_in_time import check_point_in_time
from tests.spark.small_flights import SCHEMAS, days
from tests.spark.test_leakage import FIRST, careless, case_of, restless
from tests.spark.test_second_case import forecasts, sales
from use_cases.flights import FLIGHTS

NIGHTS = days(date(2024, 5, 1), 20)
LATE = NIGHTS[14]  # its sales come four days late
Tables = dict[str, DataFrame]


@pytest.fixture(scope="module")
def flights(spark: SparkSession) -> tuple[Tables, list[date]]:
    """Forty days in which deliveries come late, and three of them that are predicted."""
    draw = random.Random(5)
    day = FIRST + timedelta(days=draw.randrange(30, 35))
    rows = restless(draw, day)
    frames = {name: spark.createDataFrame(pa.Table.from_pylist(rows[name], schema=SCHEMAS[name])) for name in rows}
    return frames, days(day - timedelta(days=1), 3)


@pytest.fixture(scope="module")
def shops(spark: SparkSession) -> Tables:
    """Twenty nights of the second case; the sales of one come late."""
    table = {"forecasts": (forecasts, 0), "sales": (sales, 1)}
    texts = {"forecasts": "shop string, celsius double, visitors int, opens timestamp", "sales": "shop string, sold_out int"}
    found = {}
    for name, (rows, lag) in table.items():
        said = [{**row, "data_date": day, "available_at": came(day, lag)} for day in NIGHTS for row in rows(day)]
        whole = [{key: value or None if key == "opens" else value for key, value in row.items()} for row in said]
        found[name] = spark.createDataFrame(whole, f"{texts[name]}, data_date date, available_at timestamp")
    return found


def came(day: date, lag: int) -> datetime:
    late = timedelta(days=4) if lag and day == LATE else timedelta()
    return datetime.combine(day + timedelta(days=lag - 1), time(20), UTC) + late


def test_the_features_of_flights_know_what_their_prediction_could(
    spark: SparkSession, flights: tuple[Tables, list[date]]
) -> None:
    check_point_in_time(spark, FLIGHTS, *flights)


def test_the_features_of_the_second_case_know_what_their_prediction_could(spark: SparkSession, shops: Tables) -> None:
    check_point_in_time(spark, TINY, shops, NIGHTS[15:20])


def test_features_that_take_whatever_is_there_are_found_among_several_dates(
    spark: SparkSession, flights: tuple[Tables, list[date]]
) -> None:
    tables, dates = flights
    case = case_of("careless", "flown", "delay", "seats").model_copy(update={"features": f"{careless.__module__}:careless"})
    with pytest.raises(LeakageFound, match=r"flown in \d+ of \d+ rows.*when 3 dates are computed together.*Next: in "):
        check_point_in_time(spark, case, tables, dates)
    check_point_in_time(spark, case, tables, dates[:1])  # alone the platform's cut is all it needs, so several are asked


def hasty(tables: Mapping[str, DataFrame], dates: DataFrame) -> DataFrame:
    """The shops' features by somebody who joins the days and does not ask when they were delivered."""
    ever = tables["sales"].withColumn("available_at", F.lit("2000-01-01").cast("timestamp"))
    return shop_features({"forecasts": tables["forecasts"], "sales": ever}, dates)


def case_that(function: str) -> UseCase:
    return TINY.model_copy(update={"features": f"{__name__}:{function}"})


def test_features_that_do_not_ask_when_history_came_are_found_where_some_came_late(spark: SparkSession, shops: Tables) -> None:
    with pytest.raises(LeakageFound, match="of tiny for 2024-05-16 .*: usual in [123] of 3 rows differ"):
        check_point_in_time(spark, case_that("hasty"), shops, NIGHTS[15:20])


def ranked(tables: Mapping[str, DataFrame], dates: DataFrame) -> DataFrame:
    """A feature that depends on which dates are asked for together."""
    return shop_features(tables, dates).withColumn("visitors", F.lit(dates.count()).cast("double"))


def test_features_that_look_at_the_dates_beside_them_are_found(spark: SparkSession, shops: Tables) -> None:
    with pytest.raises(LeakageFound, match="visitors in 3 of 3 rows differ when 2 dates"):
        check_point_in_time(spark, case_that("ranked"), shops, NIGHTS[15:17])


def test_a_check_that_would_say_nothing_is_refused(spark: SparkSession, shops: Tables) -> None:
    with pytest.raises(InvalidInput, match="tiny reads sales, which the tables given do not have"):
        check_point_in_time(spark, TINY, {"forecasts": shops["forecasts"]}, NIGHTS[:1])
    ended = {name: frame.where("available_at < '2024-05-20'") for name, frame in shops.items()}
    with pytest.raises(InvalidInput, match="nothing came after the prediction of 2024-05-20"):
        check_point_in_time(spark, TINY, ended, NIGHTS[19:])
    with pytest.raises(InvalidInput, match="no row of forecasts of 2024-06-01 was there"):
        check_point_in_time(spark, TINY, shops, [date(2024, 6, 1)])
