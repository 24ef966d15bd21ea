"""What the tables of the flights case promise; ranges are physical and wide, so that a wrong unit is the watch's find."""

from lakeloop.core.use_case import Column, ExpectedKeys, TableContract

AIRPORTS = ("EWR", "JFK", "LGA")
CLOCK_MAX = 2400  # local time of day as hhmm; the source writes midnight as 2400

_CARRIER = Column(name="carrier", type="string", required=True, pattern="^[A-Z0-9]{2}$")
_FLIGHT = Column(name="flight", type="int", required=True, minimum=1, maximum=9999)
_ORIGIN = Column(name="origin", type="string", required=True, allowed=AIRPORTS)
_DEST = Column(name="dest", type="string", required=True, pattern="^[A-Z]{3}$")
_HOUR = Column(name="hour", type="int", required=True, minimum=0, maximum=23)
_TIME_HOUR = Column(name="time_hour", type="timestamp", required=True)
KEY = ("carrier", "flight", "origin")

SCHEDULE = TableContract(
    name="schedule",
    columns=(
        _CARRIER,
        _FLIGHT,
        _ORIGIN,
        _DEST,
        Column(name="sched_dep_time", type="int", required=True, minimum=0, maximum=CLOCK_MAX),
        Column(name="sched_arr_time", type="int", required=True, minimum=0, maximum=CLOCK_MAX),
        Column(name="distance", type="double", required=True, minimum=1, maximum=20000),
        _HOUR,
        Column(name="minute", type="int", required=True, minimum=0, maximum=59),
        _TIME_HOUR,
    ),
    key=KEY,
    expected=ExpectedKeys(source="trailing", days=28),
    owner="flight-operations",
)

WEATHER = TableContract(
    name="weather",
    columns=(
        _ORIGIN,
        _HOUR,
        Column(name="temp", type="double", minimum=-80, maximum=150),
        Column(name="dewp", type="double", minimum=-100, maximum=120),
        Column(name="humid", type="double", minimum=0, maximum=100),
        Column(name="wind_dir", type="double", minimum=0, maximum=360),
        Column(name="wind_speed", type="double", minimum=0, maximum=250),
        Column(name="wind_gust", type="double", minimum=0, maximum=300),
        Column(name="precip", type="double", minimum=0, maximum=500),
        Column(name="pressure", type="double", minimum=850, maximum=1100),
        Column(name="visib", type="double", minimum=0, maximum=100),
        _TIME_HOUR,
    ),
    key=("origin", "time_hour"),  # the local hour comes twice when summer time ends
    expected=ExpectedKeys(source="fixed", count=72),
    owner="weather-desk",
)

OUTCOMES = TableContract(
    name="outcomes",
    columns=(
        _CARRIER,
        _FLIGHT,
        _ORIGIN,
        _DEST,
        Column(name="tailnum", type="string"),
        Column(name="dep_time", type="int", minimum=0, maximum=CLOCK_MAX),
        Column(name="dep_delay", type="double", minimum=-240, maximum=4000),
        Column(name="arr_time", type="int", minimum=0, maximum=CLOCK_MAX),
        Column(name="arr_delay", type="double", minimum=-240, maximum=4000),
        Column(name="air_time", type="double", minimum=1, maximum=1500),
    ),
    key=KEY,
    lag_days=2,
    expected=ExpectedKeys(source="table", table="schedule"),
    owner="flight-operations",
)

PLANES = TableContract(
    name="planes",
    columns=(
        Column(name="tailnum", type="string", required=True),
        Column(name="year", type="int", minimum=1900, maximum=2100),
        Column(name="type", type="string", required=True),
        Column(name="manufacturer", type="string", required=True),
        Column(name="model", type="string", required=True),
        Column(name="engines", type="int", required=True, minimum=0, maximum=12),
        Column(name="seats", type="int", required=True, minimum=0, maximum=1000),
        Column(name="speed", type="double", minimum=0, maximum=3000),
        Column(name="engine", type="string", required=True),
    ),
    key=("tailnum",),
    kind="reference",
    owner="fleet",
)

AIRPORT = TableContract(
    name="airports",
    columns=(
        Column(name="faa", type="string", required=True, pattern="^[A-Z0-9]{3}$"),
        Column(name="name", type="string", required=True),
        Column(name="lat", type="double", required=True, minimum=-90, maximum=90),
        Column(name="lon", type="double", required=True, minimum=-180, maximum=180),
        Column(name="alt", type="double", minimum=-2000, maximum=30000),
        Column(name="tz", type="double", minimum=-14, maximum=14),
        Column(name="dst", type="string", allowed=("A", "U", "N")),
        Column(name="tzone", type="string"),
    ),
    key=("faa",),
    kind="reference",
    owner="fleet",
)

AIRLINES = TableContract(
    name="airlines",
    columns=(_CARRIER, Column(name="name", type="string", required=True)),
    key=("carrier",),
    kind="reference",
    owner="fleet",
)

TABLES = (SCHEDULE, WEATHER, OUTCOMES, PLANES, AIRPORT, AIRLINES)
