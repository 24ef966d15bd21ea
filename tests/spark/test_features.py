"""Features know what was known: nothing of tomorrow, nothing that came too late, the same rows for one date or many."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pyarrow as pa
import pytest
from pyspark.sql import DataFrame, SparkSession

from lakeloop.adapters.lakefs_lake import LakeFSLake
from lakeloop.core.errors import ConfigurationError
from lakeloop.settings import Settings
from lakeloop.spark.features import date_frame, entity_table, feature_frame
from tests.spark.small_flights import SCHEMAS, Rows, days, ours, publish, world
from use_cases.flights import FLIGHTS
from use_cases.flights.features import ENTITY, FEATURES, HISTORY_FIRST, HISTORY_LAST, LIFTS, flight_features

DAY = date(2013, 3, 1)
FIRST = DAY - timedelta(days=35)
Key = tuple[object, ...]


@pytest.fixture(scope="module")
def tables() -> dict[str, Rows]:
    """Five weeks and a day."""
    return world(days(FIRST, 36))


def frames(spark: SparkSession, tables: dict[str, Rows]) -> dict[str, DataFrame]:
    return {name: spark.createDataFrame(pa.Table.from_pylist(rows, schema=SCHEMAS[name])) for name, rows in tables.items()}


def features(spark: SparkSession, tables: dict[str, Rows], *dates: date) -> dict[Key, dict[str, float | None]]:
    """Features by (date, entity)."""
    found = flight_features(frames(spark, tables), date_frame(spark, FLIGHTS, dates)).collect()
    return {(row["data_date"], *(row[name] for name in ENTITY)): {name: row[name] for name in FEATURES} for row in found}


def with_outcomes(tables: dict[str, Rows], *changed: dict[str, object]) -> dict[str, Rows]:
    """The tables with some outcomes put in the place of those of the same key, or added."""
    keys = {tuple(row[name] for name in ("data_date", *ENTITY)) for row in changed}
    kept = [row for row in tables["outcomes"] if tuple(row[name] for name in ("data_date", *ENTITY)) not in keys]
    return {**tables, "outcomes": [*kept, *changed]}


def outcome(day: date, flight: int = 900, delay: float = 90.0, available_at: datetime | None = None) -> dict[str, object]:
    row = {"carrier": "AA", "flight": flight, "origin": "EWR", "arr_delay": delay, **ours(day, lag_days=2)}
    return row if available_at is None else {**row, "available_at": available_at}


def test_every_scheduled_flight_has_its_plan_and_the_weather_of_its_hour(spark: SparkSession, tables: dict[str, Rows]) -> None:
    found = features(spark, tables, DAY)
    planned = [row for row in tables["schedule"] if row["data_date"] == DAY]
    sky = {(row["origin"], row["time_hour"]): row for row in tables["weather"] if row["data_date"] == DAY}
    assert len(found) == len(planned)
    for row in planned:
        seen = found[(DAY, *(row[name] for name in ENTITY))]
        at_once = sum((row["origin"], row["time_hour"]) == (other["origin"], other["time_hour"]) for other in planned)
        air = sky[row["origin"], row["time_hour"]]
        assert (seen["hour"], seen["distance"], seen["weekday"], seen["congestion"]) == (
            row["hour"], row["distance"], DAY.weekday(), at_once,
        )  # fmt: skip
        assert (seen["temp"], seen["precip"], seen["wind_gust"]) == (air["temp"], air["precip"], None)


def test_a_lift_is_the_rate_of_the_group_minus_that_of_all_flights(spark: SparkSession, tables: dict[str, Rows]) -> None:
    window = {DAY - timedelta(days=back) for back in range(HISTORY_LAST, HISTORY_FIRST + 1)}
    known = [row for row in tables["outcomes"] if row["data_date"] in window and row["arr_delay"] is not None]
    late = [row for row in known if float(str(row["arr_delay"])) > 15]
    mine = [row for row in known if row["carrier"] == "B6"]
    mine_late = [row for row in late if row["carrier"] == "B6"]
    expected = (len(mine_late) - len(late) / len(known) * len(mine)) / (len(mine) + 20)
    found = [seen["carrier_lift"] for key, seen in features(spark, tables, DAY).items() if key[1] == "B6"]
    assert found == pytest.approx([expected] * len(found))
    assert expected > 0.02


def test_an_outcome_that_came_after_the_prediction_is_not_known(spark: SparkSession, tables: dict[str, Rows]) -> None:
    before = features(spark, tables, DAY)
    midnight = FLIGHTS.prediction_time(DAY).astimezone(UTC)
    late = outcome(DAY - timedelta(days=5), available_at=midnight + timedelta(seconds=1))
    in_time = outcome(DAY - timedelta(days=5), available_at=midnight)
    assert features(spark, with_outcomes(tables, late), DAY) == before
    assert features(spark, with_outcomes(tables, in_time), DAY) != before


@pytest.mark.parametrize(("back", "is_known"), [(0, False), (1, False), (2, True), (30, True), (31, False)])
def test_only_outcomes_of_the_window_matter(spark: SparkSession, tables: dict[str, Rows], back: int, is_known: bool) -> None:
    early = datetime(2013, 1, 1, tzinfo=UTC)  # as if it had been there in time: the window alone must keep it out
    changed = with_outcomes(tables, outcome(DAY - timedelta(days=back), available_at=early))
    assert (features(spark, changed, DAY) != features(spark, tables, DAY)) is is_known


def test_changing_every_outcome_of_yesterday_and_later_changes_nothing(spark: SparkSession, tables: dict[str, Rows]) -> None:
    flipped = [
        {**row, "arr_delay": 300.0, "available_at": datetime(2013, 1, 1, tzinfo=UTC)}
        for row in tables["outcomes"]
        if row["data_date"] in (DAY, DAY - timedelta(days=1))
    ]
    assert features(spark, with_outcomes(tables, *flipped), DAY) == features(spark, tables, DAY)


def test_a_date_has_the_same_features_alone_and_among_others(spark: SparkSession, tables: dict[str, Rows]) -> None:
    alone = features(spark, tables, DAY)
    together = features(spark, tables, *days(DAY - timedelta(days=9), 10))
    assert {key: seen for key, seen in together.items() if key[0] == DAY} == alone


def test_without_history_lifts_are_null_and_no_flight_is_lost(spark: SparkSession, tables: dict[str, Rows]) -> None:
    found = features(spark, tables, FIRST)
    assert len(found) == 60
    assert all(seen[name] is None for seen in found.values() for name in LIFTS)


def test_weather_of_another_day_is_never_joined(spark: SparkSession, tables: dict[str, Rows]) -> None:
    misfiled = [{**row, "data_date": DAY - timedelta(days=1)} if row["data_date"] == DAY else row for row in tables["weather"]]
    found = features(spark, {**tables, "weather": misfiled}, DAY)
    assert len(found) == 60
    assert all(seen["temp"] is None for seen in found.values())


def test_a_job_reads_one_commit_and_only_the_dates_the_case_names(
    stack: Settings, lake: LakeFSLake, spark: SparkSession, tables: dict[str, Rows]
) -> None:
    commit = publish(stack, lake, tables)
    expected = features(spark, tables, DAY)
    publish(stack, lake, world(days(FIRST, 3)))  # main has moved on
    found = feature_frame(spark, FLIGHTS, lake.repository, commit, [DAY]).collect()
    assert {(row["data_date"], *(row[name] for name in ENTITY)): row["carrier_lift"] for row in found} == {
        key: seen["carrier_lift"] for key, seen in expected.items()
    }


def test_features_that_break_their_promise_are_refused(stack: Settings, lake: LakeFSLake, spark: SparkSession) -> None:
    commit = publish(stack, lake, world([DAY]))
    broken = FLIGHTS.model_copy(update={"feature_names": (*FEATURES, "moon")})
    with pytest.raises(ConfigurationError, match="missing \\['moon'\\]"):
        feature_frame(spark, broken, lake.repository, commit, [DAY])
    nowhere = FLIGHTS.model_copy(update={"features": "use_cases.flights.features:nothing"})
    with pytest.raises(ConfigurationError, match="name no function"):
        feature_frame(spark, nowhere, lake.repository, commit, [DAY])


def test_the_case_names_its_features_and_its_entities_as_the_function_gives_them() -> None:
    assert FLIGHTS.feature_names == FEATURES
    assert FLIGHTS.entity == ENTITY
    assert entity_table(FLIGHTS).name == "schedule"
    assert {read.table: (read.first, read.last) for read in FLIGHTS.reads}["outcomes"] == (HISTORY_FIRST, HISTORY_LAST)
