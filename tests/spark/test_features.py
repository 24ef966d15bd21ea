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
from use_cases.flights.features import ENTITY, FEATURES, flight_features
from use_cases.flights.history import FIRST as HISTORY_FIRST
from use_cases.flights.history import LAST as HISTORY_LAST
from use_cases.flights.history import LIFTS, WINDOWS

DAY = date(2013, 3, 1)
FIRST = DAY - timedelta(days=35)
Key = tuple[object, ...]


@pytest.fixture(scope="module")
def tables() -> dict[str, Rows]:
    """Five weeks and a day."""
    return world(days(FIRST, 36))


@pytest.fixture(scope="module")
def seen(spark: SparkSession, tables: dict[str, Rows]) -> dict[Key, dict[str, float | None]]:
    """The features of one day."""
    return features(spark, tables, DAY)


def frames(spark: SparkSession, tables: dict[str, Rows]) -> dict[str, DataFrame]:
    return {name: spark.createDataFrame(pa.Table.from_pylist(rows, schema=SCHEMAS[name])) for name, rows in tables.items()}


def features(spark: SparkSession, tables: dict[str, Rows], *dates: date) -> dict[Key, dict[str, float | None]]:
    """Features by (date, entity); the register stands under each date, as the platform gives it."""
    register = [{**row, "data_date": day} for day in dates for row in tables["planes"]]
    found = flight_features(frames(spark, {**tables, "planes": register}), date_frame(spark, FLIGHTS, dates)).collect()
    return {(row["data_date"], *(row[name] for name in ENTITY)): {name: row[name] for name in FEATURES} for row in found}


def with_outcomes(tables: dict[str, Rows], *changed: dict[str, object]) -> dict[str, Rows]:
    """The tables with some outcomes put in the place of those of the same key, or added."""
    keys = {tuple(row[name] for name in ("data_date", *ENTITY)) for row in changed}
    kept = [row for row in tables["outcomes"] if tuple(row[name] for name in ("data_date", *ENTITY)) not in keys]
    return {**tables, "outcomes": [*kept, *changed]}


def outcome(day: date, flight: int = 900, delay: float = 90.0, available_at: datetime | None = None) -> dict[str, object]:
    row = {
        "carrier": "AA",
        "flight": flight,
        "origin": "EWR",
        "dest": "BOS",
        "tailnum": "N8",
        "arr_delay": delay,
        **ours(day, lag_days=2),
    }
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


@pytest.mark.parametrize(
    ("group", "columns"),
    [("carrier", ["carrier"]), ("origin", ["origin"]), ("route", ["origin", "dest"]), ("aircraft", ["tailnum"])],
)
@pytest.mark.parametrize("window", WINDOWS)
def test_a_lift_is_the_rate_of_the_group_minus_that_of_all_flights(
    seen: dict[Key, dict[str, float | None]], tables: dict[str, Rows], group: str, columns: list[str], window: int
) -> None:
    past = {DAY - timedelta(days=HISTORY_LAST + back) for back in range(window)}
    known = [row for row in tables["outcomes"] if row["data_date"] in past and row["arr_delay"] is not None]
    late = [row for row in known if float(str(row["arr_delay"])) > 15]
    assert len(late) > 10 * window
    for flight in (row for row in tables["schedule"] if row["data_date"] == DAY and row["tailnum"]):
        mine, mine_late = (sum(all(row[name] == flight[name] for name in columns) for row in rows) for rows in (known, late))
        expected = (mine_late - len(late) / len(known) * mine) / (mine + 20)
        assert seen[(DAY, *(flight[name] for name in ENTITY))][f"{group}_lift_{window}"] == pytest.approx(expected)


def test_a_plane_that_nobody_planned_or_registered_has_no_facts(
    seen: dict[Key, dict[str, float | None]], tables: dict[str, Rows]
) -> None:
    register = {row["tailnum"]: row for row in tables["planes"]}
    for flight in (row for row in tables["schedule"] if row["data_date"] == DAY):
        found = seen[(DAY, *(flight[name] for name in ENTITY))]
        plane = register.get(flight["tailnum"], {"year": None, "seats": None})
        age = None if plane["year"] is None else DAY.year - int(str(plane["year"]))
        assert (found["plane_age"], found["plane_seats"]) == (age, plane["seats"])
        assert (found["aircraft_lift_28"] is None) is (flight["tailnum"] is None)
    assert {None, 1.0 * DAY.year - 1993} <= {found["plane_age"] for found in seen.values()}


@pytest.mark.parametrize(
    ("day", "away"), [(date(2013, 7, 4), 0), (date(2013, 7, 2), 2), (date(2012, 12, 31), 1), (date(2013, 3, 1), 7)]
)
def test_a_holiday_is_some_days_away_and_never_more_than_a_week(spark: SparkSession, day: date, away: int) -> None:
    found = features(spark, world([day]), day)
    assert {row["holiday"] for row in found.values()} == {away}


def test_an_outcome_that_came_after_the_prediction_is_not_known(spark: SparkSession, tables: dict[str, Rows]) -> None:
    before = features(spark, tables, DAY)
    midnight = FLIGHTS.prediction_time(DAY).astimezone(UTC)
    late = outcome(DAY - timedelta(days=5), available_at=midnight + timedelta(seconds=1))
    in_time = outcome(DAY - timedelta(days=5), available_at=midnight)
    assert features(spark, with_outcomes(tables, late), DAY) == before
    assert features(spark, with_outcomes(tables, in_time), DAY) != before


@pytest.mark.parametrize(("back", "is_known"), [(0, False), (1, False), (2, True), (29, True), (30, False)])
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


def test_before_the_first_register_arrives_planes_are_unknown_and_every_flight_has_its_row(
    stack: Settings, lake: LakeFSLake, spark: SparkSession, tables: dict[str, Rows]
) -> None:
    commit = publish(stack, lake, {name: rows for name, rows in tables.items() if name != "planes"})
    found = feature_frame(spark, FLIGHTS, lake.repository, commit, [DAY]).collect()
    assert len(found) == 60
    assert {(row["plane_age"], row["plane_seats"]) for row in found} == {(None, None)}


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
    assert {(row["data_date"], *(row[name] for name in ENTITY)): row["carrier_lift_28"] for row in found} == {
        key: seen["carrier_lift_28"] for key, seen in expected.items()
    }


def test_features_that_break_their_promise_are_refused(stack: Settings, lake: LakeFSLake, spark: SparkSession) -> None:
    commit = publish(stack, lake, world([DAY]))
    broken = FLIGHTS.model_copy(update={"feature_names": (*FEATURES, "moon")})
    with pytest.raises(ConfigurationError, match="missing \\['moon'\\], undeclared \\[\\]"):
        feature_frame(spark, broken, lake.repository, commit, [DAY])
    silent = FLIGHTS.model_copy(update={"feature_names": FEATURES[1:]})
    with pytest.raises(ConfigurationError, match=f"undeclared \\['{FEATURES[0]}'\\].*nothing was computed"):
        feature_frame(spark, silent, lake.repository, commit, [DAY])
    words = FLIGHTS.model_copy(update={"categories": ("hour",)})
    with pytest.raises(ConfigurationError, match="wrong \\['hour is double'\\]"):
        feature_frame(spark, words, lake.repository, commit, [DAY])
    nowhere = FLIGHTS.model_copy(update={"features": "use_cases.flights.features:nothing"})
    with pytest.raises(ConfigurationError, match="name no function"):
        feature_frame(spark, nowhere, lake.repository, commit, [DAY])


def test_the_case_names_its_features_and_its_entities_as_the_function_gives_them() -> None:
    assert FLIGHTS.feature_names == FEATURES
    assert FLIGHTS.entity == ENTITY
    assert entity_table(FLIGHTS).name == "schedule"
    assert {read.table: (read.first, read.last) for read in FLIGHTS.reads}["outcomes"] == (HISTORY_FIRST, HISTORY_LAST)
