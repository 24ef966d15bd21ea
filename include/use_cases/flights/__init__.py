"""Flights out of New York in 2013: will a scheduled flight arrive more than a quarter of an hour late?"""

from lakeloop.core.gate_policy import BeatsBaseline, HoldsInSlices
from lakeloop.core.use_case import Label, Lookback, UseCase, XGBoost
from use_cases.flights.contracts import KEY, TABLES
from use_cases.flights.drift import DRIFT

FLIGHTS = UseCase(
    name="flights",
    tables=TABLES,
    features="use_cases.flights.features:flight_features",
    feature_names=(
        "hour", "distance", "weekday", "holiday", "congestion",
        "temp", "dewp", "humid", "wind_speed", "wind_gust", "precip", "pressure", "visib",
        "plane_age", "plane_seats",
        "carrier_lift_7", "carrier_lift_28", "origin_lift_7", "origin_lift_28",
        "route_lift_7", "route_lift_28", "aircraft_lift_7", "aircraft_lift_28",
    ),
    entity=KEY,
    reads=(
        Lookback(table="schedule", first=0, last=0),
        Lookback(table="weather", first=0, last=0),
        Lookback(table="outcomes", first=29, last=2),
    ),
    references=("planes",),
    label=Label(
        table="outcomes",
        expression="CASE WHEN arr_delay IS NULL THEN NULL WHEN arr_delay > 15 THEN 1 ELSE 0 END",
        name="late",
    ),
    model=XGBoost(max_depth=5, n_estimators=120, learning_rate=0.05, min_child_weight=200),
    gates=(
        BeatsBaseline(name="ranks_better_than_carrier_rate", metric="auc", baseline="carrier", margin=0.02),
        BeatsBaseline(name="surer_than_carrier_rate", metric="log_loss", baseline="carrier"),
        BeatsBaseline(name="ranks_better_than_logistic", metric="auc", baseline="logistic"),
        HoldsInSlices(by=("carrier", "origin")),
    ),
    drift=DRIFT,
    timezone="America/New_York",
    clock="feed",
    owner="flight-operations",
    approvers=("approver",),
    slack_channel="#flights",
)  # fmt: skip
