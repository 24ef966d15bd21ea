"""What the tables of the flights case promise; ranges are physical and wide, so that a wrong unit is the watch's find."""

from functools import partial

from lakeloop.core.contract import Column, ExpectedKeys, TableContract

AIRPORTS = ("EWR", "JFK", "LGA")
CLOCK_MAX = 2400  # local time of day as hhmm; the source writes midnight as 2400

_CARRIER = Column(name="carrier", type="string", required=True, pattern="[A-Z0-9]{2}", description="airline, IATA code")
_FLIGHT = Column(name="flight", type="int", required=True, minimum=1, maximum=9999, description="flight number")
_ORIGIN = Column(name="origin", type="string", required=True, allowed=AIRPORTS, description="airport of departure")
_DEST = Column(name="dest", type="string", required=True, pattern="[A-Z]{3}", description="airport of arrival, IATA code")
_HOUR = Column(name="hour", type="int", required=True, minimum=0, maximum=23, unit="h", description="hour of local time")
_TIME_HOUR = Column(name="time_hour", type="timestamp", required=True, description="when the hour begins")
_CLOCK = partial(Column, type="int", minimum=0, maximum=CLOCK_MAX, unit="hhmm")
_DELAY = partial(Column, type="double", minimum=-240, maximum=4000, unit="min")
_LOCAL_DAY = "to_date(from_utc_timestamp(time_hour, 'America/New_York'))"
KEY = ("carrier", "flight", "origin")
_LIMITS = {"type": 0.01, "duplicate_key": 0.01}  # one in a hundred that cannot be read, or is told twice, is no accident

SCHEDULE = TableContract(
    name="schedule",
    columns=(
        _CARRIER,
        _FLIGHT,
        _ORIGIN,
        _DEST,
        _CLOCK(name="sched_dep_time", required=True, description="scheduled departure, local time"),
        _CLOCK(name="sched_arr_time", required=True, description="scheduled arrival, local time"),
        Column(
            name="distance", type="double", required=True, minimum=1, maximum=20000, unit="mi", description="between the airports"
        ),
        _HOUR,
        Column(
            name="minute", type="int", required=True, minimum=0, maximum=59, unit="min", description="of the scheduled departure"
        ),
        _TIME_HOUR,
        Column(name="tailnum", type="string", description="registration of the plane that is to fly; none where none is planned"),
    ),
    key=KEY,
    expected=ExpectedKeys(source="trailing", days=28),
    date_of=_LOCAL_DAY,
    quarantine_limits=_LIMITS,
    version=3,
    owner="flight-operations",
)

WEATHER = TableContract(
    name="weather",
    columns=(
        _ORIGIN,
        _HOUR,
        Column(name="temp", type="double", minimum=-80, maximum=150, unit="°F", description="air temperature"),
        Column(name="dewp", type="double", minimum=-100, maximum=120, unit="°F", description="dew point"),
        Column(name="humid", type="double", minimum=0, maximum=100, unit="%", description="relative humidity"),
        Column(name="wind_dir", type="double", minimum=0, maximum=360, unit="°", description="direction the wind blows from"),
        Column(name="wind_speed", type="double", minimum=0, maximum=250, unit="mph", description="wind"),
        Column(name="wind_gust", type="double", minimum=0, maximum=300, unit="mph", description="gusts"),
        Column(name="precip", type="double", minimum=0, maximum=500, unit="in", description="rain of the hour"),
        Column(name="pressure", type="double", minimum=850, maximum=1100, unit="hPa", description="at sea level"),
        Column(name="visib", type="double", minimum=0, maximum=100, unit="mi", description="visibility"),
        _TIME_HOUR,
    ),
    key=("origin", "time_hour"),  # the local hour comes twice when summer time ends
    identity=("origin", "time_hour"),
    expected=ExpectedKeys(source="fixed", count=72),
    date_of=_LOCAL_DAY,
    quarantine_limits=_LIMITS,
    version=2,
    owner="weather-desk",
)

OUTCOMES = TableContract(
    name="outcomes",
    columns=(
        _CARRIER,
        _FLIGHT,
        _ORIGIN,
        _DEST,
        Column(name="tailnum", type="string", description="registration of the plane"),
        _CLOCK(name="dep_time", description="departure, local time"),
        _DELAY(name="dep_delay", description="departure after schedule; before it where negative"),
        _CLOCK(name="arr_time", description="arrival, local time"),
        _DELAY(name="arr_delay", description="arrival after schedule; none for what was cancelled or diverted"),
        Column(name="air_time", type="double", minimum=1, maximum=1500, unit="min", description="time in the air"),
    ),
    key=KEY,
    lag_days=2,
    expected=ExpectedKeys(source="table", table="schedule"),
    quarantine_limits=_LIMITS,
    version=2,
    owner="flight-operations",
)

PLANES = TableContract(
    name="planes",
    columns=(
        Column(name="tailnum", type="string", required=True, description="registration of the plane"),
        Column(name="year", type="int", minimum=1900, maximum=2100, description="year of manufacture"),
        Column(name="type", type="string", required=True, description="kind of aircraft"),
        Column(name="manufacturer", type="string", required=True, description="maker"),
        Column(name="model", type="string", required=True, description="maker's name of the model"),
        Column(name="engines", type="int", required=True, minimum=0, maximum=12, description="number of engines"),
        Column(name="seats", type="int", required=True, minimum=0, maximum=1000, description="number of seats"),
        Column(name="speed", type="double", minimum=0, maximum=3000, unit="mph", description="cruising speed"),
        Column(name="engine", type="string", required=True, description="kind of engine"),
    ),
    key=("tailnum",),
    kind="reference",
    owner="fleet",
)

AIRPORT = TableContract(
    name="airports",
    columns=(
        Column(name="faa", type="string", required=True, pattern="[A-Z0-9]{3}", description="IATA or FAA code"),
        Column(name="name", type="string", required=True, description="name of the airport"),
        Column(name="lat", type="double", required=True, minimum=-90, maximum=90, unit="°", description="latitude"),
        Column(name="lon", type="double", required=True, minimum=-180, maximum=180, unit="°", description="longitude"),
        Column(name="alt", type="double", minimum=-2000, maximum=30000, unit="ft", description="altitude"),
        Column(name="tz", type="double", minimum=-14, maximum=14, unit="h", description="winter time's offset from UTC"),
        Column(name="dst", type="string", allowed=("A", "U", "N"), description="summer time: A as in the USA, U unknown, N none"),
        Column(name="tzone", type="string", description="IANA time zone"),
    ),
    key=("faa",),
    kind="reference",
    owner="fleet",
)

AIRLINES = TableContract(
    name="airlines",
    columns=(_CARRIER, Column(name="name", type="string", required=True, description="name of the airline")),
    key=("carrier",),
    kind="reference",
    owner="fleet",
)

TABLES = (SCHEDULE, WEATHER, OUTCOMES, PLANES, AIRPORT, AIRLINES)
