"""What is known about a flight when its day begins: the same frame for training and for scoring."""

from collections.abc import Mapping

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

ENTITY = ("carrier", "flight", "origin")
LATE = "arr_delay > 15"
HISTORY_FIRST, HISTORY_LAST = 30, 2  # days before D; outcomes of D-1 are never there in time
PLAN = ("hour", "distance", "weekday", "congestion")
WEATHER = ("temp", "dewp", "humid", "wind_speed", "wind_gust", "precip", "pressure", "visib")
LIFTS = ("carrier_lift", "origin_lift", "carrier_origin_lift")
FEATURES = (*PLAN, *WEATHER, *LIFTS)
_PRIOR_FLIGHTS = 20  # a group with few flights is pulled towards no difference at all


def flight_features(tables: Mapping[str, DataFrame], dates: DataFrame) -> DataFrame:
    """One row a scheduled flight of `dates` (data_date, prediction_time); an unknown fact is null, never zero."""
    at_once = Window.partitionBy("data_date", "origin", "time_hour")
    frame = (
        tables["schedule"]
        .join(F.broadcast(dates.select("data_date")), "data_date")
        .withColumn("congestion", F.count("*").over(at_once))
        .withColumn("weekday", F.weekday("data_date"))
        .join(_weather(tables["weather"]), ["data_date", "origin", "time_hour"], "left")
        .join(F.broadcast(_lifts(_known(tables["outcomes"], dates))), ["data_date", "carrier", "origin"], "left")
    )
    return frame.select(*ENTITY, "data_date", *(F.col(name).cast("double").alias(name) for name in FEATURES))


def _weather(weather: DataFrame) -> DataFrame:
    """The scheduled hour's weather at the origin: observed weather stands in for the evening's forecast."""
    return weather.select("data_date", "origin", "time_hour", *WEATHER)


def _known(outcomes: DataFrame, dates: DataFrame) -> DataFrame:
    """Flights and late ones that each date's prediction may know: old enough, and delivered by then."""
    late = F.expr(LATE)
    daily = (
        outcomes.where(late.isNotNull())
        .groupBy(F.col("data_date").alias("flown"), "available_at", "carrier", "origin")
        .agg(F.sum(late.cast("int")).alias("late"), F.count("*").alias("flights"))
    )
    days = F.sequence(F.date_sub("data_date", HISTORY_FIRST), F.date_sub("data_date", HISTORY_LAST))
    readable = dates.select("data_date", "prediction_time", F.explode(days).alias("flown"))
    return (
        daily.join(F.broadcast(readable), "flown")
        .where("available_at <= prediction_time")
        .groupBy("data_date", "carrier", "origin")
        .agg(F.sum("late").alias("late"), F.sum("flights").alias("flights"))
    )


def _lifts(known: DataFrame) -> DataFrame:
    """Each group's late rate minus that of all flights: the level itself would be an index of the day."""
    return known.select(
        "data_date",
        "carrier",
        "origin",
        _lift("carrier").alias("carrier_lift"),
        _lift("origin").alias("origin_lift"),
        _lift("carrier", "origin").alias("carrier_origin_lift"),
    )


def _lift(*keys: str) -> Column:
    group, everywhere = Window.partitionBy("data_date", *keys), Window.partitionBy("data_date")
    flights = F.sum("flights").over(group)
    usual = F.sum("late").over(everywhere) / F.sum("flights").over(everywhere)
    return (F.sum("late").over(group) - usual * flights) / (flights + _PRIOR_FLIGHTS)
