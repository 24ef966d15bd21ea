"""What cannot be true of a night's tables, and what looks odd; every bound was measured on the whole year 2013."""

from lakeloop.core.use_case import Agreement, DriftPolicy, Identity, Members, Settlement, Shift, Staleness, UnitRatio, Variety
from use_cases.flights.contracts import KEY

# August-Roche-Magnus: relative humidity from temperature and dew point, both in Fahrenheit as the contract says.
_CELSIUS = "(({column} - 32) / 1.8)"
_VAPOUR = "17.625 * {celsius} / (243.04 + {celsius})"
_DEWP, _TEMP = (_VAPOUR.format(celsius=_CELSIUS.format(column=column)) for column in ("dewp", "temp"))
_MPH_OF_A_KNOT = 1.15078
_PLAN = (*KEY, "dest", "sched_dep_time", "sched_arr_time", "distance")  # a normal week repeats up to 0.995 of the last one
_OBSERVED = ("origin", "hour", "temp", "dewp", "wind_dir", "wind_speed", "pressure")  # no two normal days share a row
_MINUTES = "(floor({column} / 100) * 60 + {column} % 100)"
_LEFT, _PLANNED = (_MINUTES.format(column=column) for column in ("dep_time", "sched_dep_time"))
_CAME, _DUE = (_MINUTES.format(column=column) for column in ("arr_time", "sched_arr_time"))
_OFF = f"pmod({_LEFT} - dep_delay - {_PLANNED}, 1440)"  # a delay may lead past midnight
_APART = f"pmod(({_CAME} - arr_delay - {_DUE}) - ({_LEFT} - dep_delay - {_PLANNED}), 1440)"  # a plan shifted as a whole is none
_FLOWN = (*KEY, "dep_time", "dep_delay", "arr_time", "arr_delay", "air_time")  # normal days share up to 0.045 of their rows

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
        Staleness(table="outcomes", columns=_FLOWN, share=0.5),
    ),
    members=(Members(table="schedule", column="origin"), Members(table="weather", column="origin")),
    shifts=tuple(Shift(table="schedule", column=column, bound=0.25) for column in ("distance", "sched_dep_time")),
    varieties=(
        *(Variety(table="schedule", column=column) for column in ("carrier", "dest", "distance", "sched_dep_time")),
        *(Variety(table="weather", column=column, low=0.2, high=3) for column in ("temp", "dewp", "humid", "wind_speed")),
        Variety(table="weather", column="wind_dir", low=0.2, high=3),
        Variety(table="weather", column="pressure", nulls=0.6, low=0.4, high=2),  # one of the airports leaves it out for days
        *(Variety(table="weather", column=column, low=0, high=50) for column in ("precip", "visib")),  # a fine day has one value
        Variety(table="schedule", column="tailnum", nulls=0.3),  # the day after a blizzard a quarter had no plane yet
        Variety(table="outcomes", column="tailnum", nulls=0.3),
        Variety(table="outcomes", column="arr_delay", nulls=0.4, low=0.3, high=3),  # a storm cancels half of a day
    ),
    agreements=(
        Agreement(
            table="outcomes",
            partner="schedule",
            on=KEY,
            share=0.95,
            mark=1.0,
            error=f"least({_APART}, 1440 - {_APART})",
            bound=0.0,
            hint="times less delays give flights of another length: a delay is in another unit or column, or turned round",
        ),
        Agreement(table="schedule", partner="weather", on=("origin",), share=1.0, severity="warning"),
    ),
    settlements=(
        Settlement(
            name="departure",
            table="schedule",
            later="outcomes",
            on=KEY,
            error=f"least({_OFF}, 1440 - {_OFF})",
            by=("origin",),
            bound=0.0,
            hint="its departures were that many minutes away from dep_time less dep_delay",
            weeks=4,
        ),
    ),
    act="auto",
)
