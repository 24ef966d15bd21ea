"""What cannot be true of a night's schedule and weather; every bound was measured on the whole year 2013."""

from lakeloop.core.use_case import DriftPolicy, Identity, Members, Staleness, UnitRatio
from use_cases.flights.contracts import KEY

# August-Roche-Magnus: relative humidity from temperature and dew point, both in Fahrenheit as the contract says.
_CELSIUS = "(({column} - 32) / 1.8)"
_VAPOUR = "17.625 * {celsius} / (243.04 + {celsius})"
_DEWP, _TEMP = (_VAPOUR.format(celsius=_CELSIUS.format(column=column)) for column in ("dewp", "temp"))
_MPH_OF_A_KNOT = 1.15078
_PLAN = (*KEY, "dest", "sched_dep_time", "sched_arr_time", "distance")  # a normal week repeats up to 0.995 of the last one
_OBSERVED = ("origin", "hour", "temp", "dewp", "wind_dir", "wind_speed", "pressure")  # no two normal days share a row

DRIFT = DriftPolicy(
    ratios=(
        UnitRatio(table="schedule", column="distance", low=0.95, high=1.05, by=("origin", "dest")),
        UnitRatio(table="schedule", column="sched_dep_time", low=0.98, high=1.02, by=KEY),
    ),
    identities=(
        Identity(
            name="relative_humidity",
            table="weather",
            error=f"abs(humid - 100 * exp({_DEWP} - ({_TEMP})))",
            bound=0.5,
            hint="temp or dewp is not in Fahrenheit, or humid is not a percentage",
        ),
        Identity(
            name="whole_knots",
            table="weather",
            error=f"abs(wind_speed / {_MPH_OF_A_KNOT} - round(wind_speed / {_MPH_OF_A_KNOT}))",
            bound=0.02,
            hint="wind_speed is not in miles an hour",
        ),
        Identity(
            name="scheduled_hour",
            table="schedule",
            error="abs(hour - floor(sched_dep_time / 100))",
            bound=0.0,
            hint="hour and sched_dep_time tell different times",
        ),
    ),
    stale=(
        Staleness(table="schedule", columns=_PLAN, share=0.998),
        Staleness(table="weather", columns=_OBSERVED, share=0.5),
    ),
    members=(Members(table="schedule", column="origin"), Members(table="weather", column="origin")),
    act="auto",
)
