"""Leakage: nothing that came after a prediction moves its features by a bit; no metric can find that, so it is tried."""

from __future__ import annotations

import os
import random
import struct
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, cast

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from lakeloop.adapters.lakefs_lake import LakeFSLake
from lakeloop.core.errors import ConfigurationError
from lakeloop.core.use_case import UseCase
from lakeloop.settings import Settings
from lakeloop.spark.features import feature_frame
from tests.spark.small_flights import Rows, days, planes, publish, world
from use_cases.flights import FLIGHTS

SEED = int(os.environ.get("LAKELOOP_SEED", "0"))  # of the first cut; whoever wants other cuts names another
FIRST = date(2013, 2, 1)
NUMBERS = {"temp", "wind_speed", "dep_delay", "arr_delay", "year", "seats"}
TEXTS = {"tailnum": ("N1", "N5", "N11", None), "dest": ("BOS", "LAX", "ORD")}
Bits = dict[tuple[object, ...], tuple[bytes | None, ...]]


def bits(spark: SparkSession, lake: LakeFSLake, commit: str, dates: Sequence[date], case: UseCase = FLIGHTS) -> Bits:
    """The bytes of every feature by date and entity, as the platform gives them at a commit."""
    found = feature_frame(spark, case, lake.repository, commit, dates).collect()
    keys = ("data_date", *case.entity)
    rows = {tuple(row[key] for key in keys): tuple(_bytes(row[name]) for name in case.feature_names) for row in found}
    assert len(rows) == len(found) > 0
    return rows


def _bytes(value: float | None) -> bytes | None:
    return None if value is None else struct.pack("<d", value)


def restless(draw: random.Random, day: date) -> dict[str, Rows]:
    """Forty days: every fourth delivery of history is late, one too late for a day and not for the next; registers anew."""
    tables = world(days(FIRST, 40))
    late = {day: timedelta(hours=draw.randrange(1, 120)) for day in days(FIRST, 40) if draw.random() < 0.25}
    late[day - timedelta(days=3)] = timedelta(hours=draw.randrange(53, 76))
    tables["outcomes"] = [
        {**row, "available_at": cast(datetime, row["available_at"]) + late.get(cast(date, row["data_date"]), timedelta())}
        for row in tables["outcomes"]
    ]
    for day in days(FIRST + timedelta(days=draw.randrange(20, 30)), 12):
        tables["planes"] += [{**row, "seats": draw.randrange(400)} for row in planes(day)]
    return tables


def until(tables: Mapping[str, Rows], by: datetime) -> dict[str, Rows]:
    """What had come by a moment."""
    return {name: [row for row in rows if cast(datetime, row["available_at"]) <= by] for name, rows in tables.items()}


def scrambled_after(tables: Mapping[str, Rows], by: datetime, draw: random.Random) -> dict[str, Rows]:
    """The same, where whatever came later says something else, or is gone."""

    def other(row: dict[str, object]) -> dict[str, object]:
        said = {name: draw.choice((float(draw.randrange(300)), None)) for name in NUMBERS & row.keys()}
        texts = {name: draw.choice(TEXTS[name]) for name in TEXTS.keys() & row.keys() if "seats" not in row}  # a register's key
        return {**row, **said, **texts}

    later = {name: [row for row in rows if cast(datetime, row["available_at"]) > by] for name, rows in tables.items()}
    early = until(tables, by)
    assert later["outcomes"]
    assert later["planes"]
    return {name: early[name] + [other(row) for row in rows if draw.random() < 0.9] for name, rows in later.items()}


def cuts(quick: int = 2, more: int = 6) -> list[Any]:
    """Seeds from SEED on: a few for every run, the others for the slow ones."""
    return [SEED + at for at in range(quick)] + [pytest.param(SEED + at, marks=pytest.mark.more) for at in range(quick, more)]


@pytest.fixture
def draw(seed: int) -> random.Random:
    """What a test's cut is drawn from; pytest shows which it was where the test fails."""
    print(f"the same cut again: LAKELOOP_SEED={seed}, and the first of these tests")  # noqa: T201
    return random.Random(seed)


@pytest.mark.parametrize("seed", cuts())
def test_whatever_comes_after_a_prediction_leaves_its_features_bit_equal(
    stack: Settings, lake: LakeFSLake, spark: SparkSession, draw: random.Random
) -> None:
    day = FIRST + timedelta(days=draw.randrange(30, 35))
    tables = restless(draw, day)
    by = FLIGHTS.prediction_time(day).astimezone(UTC)
    for branch in ("known", "later"):
        lake.create_branch(branch, "main")
    known = bits(spark, lake, publish(stack, lake, until(tables, by), "known"), [day])
    changed = publish(stack, lake, scrambled_after(tables, by, draw), "later")
    assert bits(spark, lake, changed, [day]) == known
    among_others = bits(spark, lake, changed, days(day - timedelta(days=2), 5))  # later dates know more, and this one does not
    assert {key: row for key, row in among_others.items() if key[0] == day} == known


def careless(tables: Mapping[str, DataFrame], dates: DataFrame) -> DataFrame:
    """Features of somebody who takes whatever is there: any outcome, any plane."""
    past = tables["outcomes"].agg(F.count("*").alias("flown"), F.sum("arr_delay").alias("delay"))
    fleet = tables["planes"].groupBy("data_date").agg(F.sum("seats").alias("seats"))
    plan = tables["schedule"].join(F.broadcast(dates), "data_date").join(fleet, "data_date", "left").crossJoin(past)
    numbers = (F.col(name).cast("double").alias(name) for name in ("flown", "delay", "seats"))
    return plan.select(*FLIGHTS.entity, "data_date", *numbers)


def curious(tables: Mapping[str, DataFrame], dates: DataFrame) -> DataFrame:
    """Features that look where the case does not say it looks."""
    return tables["airlines"].join(dates, "data_date")


def case_of(function: str, *features: str) -> UseCase:
    return FLIGHTS.model_copy(update={"features": f"{__name__}:{function}", "feature_names": features})


@pytest.mark.parametrize("seed", cuts())
def test_the_platform_keeps_what_came_later_from_features_that_do_not_ask_when_it_came(
    stack: Settings, lake: LakeFSLake, spark: SparkSession, draw: random.Random
) -> None:
    day = FIRST + timedelta(days=draw.randrange(30, 35))
    tables = restless(draw, day)
    by = FLIGHTS.prediction_time(day).astimezone(UTC)
    case = case_of("careless", "flown", "delay", "seats")
    for branch in ("known", "later"):
        lake.create_branch(branch, "main")
    known = bits(spark, lake, publish(stack, lake, until(tables, by), "known"), [day], case)
    assert bits(spark, lake, publish(stack, lake, scrambled_after(tables, by, draw), "later"), [day], case) == known


def test_training_and_scoring_give_the_same_rows_the_same_features(
    stack: Settings, lake: LakeFSLake, spark: SparkSession
) -> None:
    dates = days(FIRST + timedelta(days=33), 3)
    commit = publish(stack, lake, restless(random.Random(11), dates[1]))
    training = bits(spark, lake, commit, dates)
    assert {key[0] for key in training} == set(dates)
    scoring = [bits(spark, lake, commit, [day]) for day in dates]
    assert training == scoring[0] | scoring[1] | scoring[2]


def test_features_that_look_into_a_table_the_case_does_not_name_are_refused(
    stack: Settings, lake: LakeFSLake, spark: SparkSession
) -> None:
    commit = publish(stack, lake, world([FIRST]))
    with pytest.raises(ConfigurationError, match="ask for 'airlines'.*nothing was computed"):
        feature_frame(spark, case_of("curious", "name"), lake.repository, commit, [FIRST])
