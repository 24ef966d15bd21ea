"""Flights out of New York in 2013: will a scheduled flight arrive more than a quarter of an hour late?"""

from lakeloop.core.use_case import (
    DriftPolicy,
    Gate,
    Identity,
    Label,
    Lookback,
    Staleness,
    UnitRatio,
    UseCase,
    XGBoost,
)
from use_cases.flights.contracts import KEY, TABLES

FLIGHTS = UseCase(
    name="flights",
    tables=TABLES,
    features="use_cases.flights.features:flight_features",
    feature_names=(
        "hour", "distance", "weekday", "congestion",
        "temp", "dewp", "humid", "wind_speed", "wind_gust", "precip", "pressure", "visib",
        "carrier_lift", "origin_lift", "carrier_origin_lift",
    ),
    entity=KEY,
    reads=(
        Lookback(table="schedule", first=0, last=0),
        Lookback(table="weather", first=0, last=0),
        Lookback(table="outcomes", first=30, last=2),
    ),
    label=Label(
        table="outcomes",
        expression="CASE WHEN arr_delay IS NULL THEN NULL WHEN arr_delay > 15 THEN 1 ELSE 0 END",
        name="late",
    ),
    model=XGBoost(max_depth=6, n_estimators=150, learning_rate=0.04, min_child_weight=100),
    gates=(Gate(name="beats_carrier_rate", metric="auc", baseline="carrier", margin=0.02, holdout_days=14),),
    drift=DriftPolicy(
        ratios=(UnitRatio(table="schedule", column="distance", low=0.8, high=1.25),),
        identities=(
            Identity(
                name="relative_humidity",
                table="weather",
                error=(
                    "abs(humid - 100 * exp(17.625 * ((dewp - 32) / 1.8) / (243.04 + (dewp - 32) / 1.8)"
                    " - 17.625 * ((temp - 32) / 1.8) / (243.04 + (temp - 32) / 1.8)))"
                ),
                bound=5.0,
                hint="temp or dewp is not in Fahrenheit",
            ),
        ),
        stale=(Staleness(table="weather", columns=("origin", "hour", "temp", "dewp", "wind_speed", "pressure"), share=0.5),),
        act="auto",
    ),
    timezone="America/New_York",
    clock="feed",
    owner="flight-operations",
    slack_channel="#flights",
)  # fmt: skip
