"""How late the groups of a flight were of late: from outcomes that its prediction could know, against all flights."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

LATE = "arr_delay > 15"
FIRST, LAST = 29, 2  # days before D; outcomes of D-1 are never there in time
WINDOWS = (7, 28)  # days, the newest of which is D - LAST
GROUPS = {"carrier": "carrier", "origin": "origin", "route": "concat(origin, '-', dest)", "aircraft": "tailnum"}
LIFTS = tuple(f"{group}_lift_{window}" for group in GROUPS for window in WINDOWS)
_ALL = "all"
_PRIOR_FLIGHTS = 20  # a group with few flights is pulled towards no difference at all
_COUNTS = [(what, window) for what in ("late", "flights") for window in WINDOWS]


def lifts(plan: DataFrame, outcomes: DataFrame, dates: DataFrame) -> DataFrame:
    """Each group's late rate minus that of all flights, a row a flight: the level itself would be an index of the day.

    Flights are asked for group by group and put together again, so that the outcomes are read and counted once.
    """
    flight = ["data_date", "carrier", "flight", "origin"]
    asked = plan.select(*flight, _members())
    found = asked.join(_known(outcomes, dates), ["data_date", "group", "member"])
    counts = [
        F.max(F.when(F.col("group") == group, F.col(f"{what}_{window}"))).alias(f"{group}_{what}_{window}")
        for group in (*GROUPS, _ALL)
        for what, window in _COUNTS
    ]
    together = found.groupBy(*flight).agg(*counts)
    return together.select(*flight, *(_lift(group, window) for group in GROUPS for window in WINDOWS))


def _members() -> Column:
    """A row for each group that a flight belongs to: (group, member)."""
    groups = F.create_map(*(part for name, of in {**GROUPS, _ALL: "''"}.items() for part in (F.lit(name), F.expr(of))))
    return F.explode(groups).alias("group", "member")


def _known(outcomes: DataFrame, dates: DataFrame) -> DataFrame:
    """Flights and late ones of each group that each date's prediction may know: old enough, and delivered by then."""
    late = F.expr(LATE)
    daily = (
        outcomes.where(late.isNotNull())
        .select(F.col("data_date").alias("flown"), "available_at", late.cast("int").alias("late"), _members())
        .groupBy("flown", "available_at", "group", "member")
        .agg(F.sum("late").alias("late"), F.count("*").alias("flights"))
    )
    days = F.sequence(F.date_sub("data_date", FIRST), F.date_sub("data_date", LAST))
    readable = dates.select("data_date", "prediction_time", F.explode(days).alias("flown"))
    back = F.datediff("data_date", "flown")
    return (
        daily.join(F.broadcast(readable), "flown")
        .where("available_at <= prediction_time")
        .groupBy("data_date", "group", "member")
        .agg(*(F.sum(F.when(back < LAST + window, F.col(what))).alias(f"{what}_{window}") for what, window in _COUNTS))
    )


def _lift(group: str, window: int) -> Column:
    late, flights = F.col(f"{group}_late_{window}"), F.col(f"{group}_flights_{window}")
    usual = F.col(f"{_ALL}_late_{window}") / F.col(f"{_ALL}_flights_{window}")
    return ((late - usual * flights) / (flights + _PRIOR_FLIGHTS)).alias(f"{group}_lift_{window}")
