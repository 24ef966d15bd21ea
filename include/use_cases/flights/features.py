"""What is known about a flight when its day begins: the same frame for training and for scoring."""

from collections.abc import Mapping

from pandas.tseries.holiday import USFederalHolidayCalendar
from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from use_cases.flights.history import LIFTS, lifts

ENTITY = ("carrier", "flight", "origin")
PLAN = ("hour", "distance", "weekday", "holiday", "congestion")
WEATHER = ("temp", "dewp", "humid", "wind_speed", "wind_gust", "precip", "pressure", "visib")
PLANE = ("plane_age", "plane_seats")
FEATURES = (*PLAN, *WEATHER, *PLANE, *LIFTS)
_NEAR = 7  # days; a holiday farther away is no nearer than any other


def flight_features(tables: Mapping[str, DataFrame], dates: DataFrame) -> DataFrame:
    """One row a scheduled flight of `dates` (data_date, prediction_time); an unknown fact is null, never zero."""
    at_once = Window.partitionBy("data_date", "origin", "time_hour")
    plan = tables["schedule"].join(F.broadcast(_calendar(dates)), "data_date")
    frame = (
        plan.withColumn("congestion", F.count("*").over(at_once))
        .join(F.broadcast(_weather(tables["weather"])), ["data_date", "origin", "time_hour"], "left")
        .join(F.broadcast(_planes(tables["planes"])), ["data_date", "tailnum"], "left")
        .join(lifts(plan, tables["outcomes"], dates), ["data_date", *ENTITY], "left")
    )
    return frame.select(*ENTITY, "data_date", *(F.col(name).cast("double").alias(name) for name in FEATURES))


def _calendar(dates: DataFrame) -> DataFrame:
    """Of each date its weekday, and how many days the nearest federal holiday of the United States is away."""
    days = [row["data_date"] for row in dates.collect()]
    near = USFederalHolidayCalendar().holidays(f"{min(days).year - 1}-12-01", f"{max(days).year + 1}-01-31")
    apart = [F.abs(F.datediff("data_date", F.lit(each.date()))) for each in near]
    return dates.select(
        "data_date",
        F.weekday("data_date").alias("weekday"),
        F.least(F.lit(_NEAR), *apart).alias("holiday"),
    )


def _weather(weather: DataFrame) -> DataFrame:
    """The scheduled hour's weather at the origin: observed weather stands in for the evening's forecast."""
    return weather.select("data_date", "origin", "time_hour", *WEATHER)


def _planes(planes: DataFrame) -> DataFrame:
    """The register's facts of a plane, from its newest delivery known at each date."""
    age = F.year("data_date") - F.col("year")
    return planes.select("data_date", "tailnum", age.alias("plane_age"), F.col("seats").alias("plane_seats"))
