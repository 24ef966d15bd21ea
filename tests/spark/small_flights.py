"""A small made-up world in the flights case's own columns: few flights, real rules, everything from a seed."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pyarrow as pa
from deltalake import write_deltalake

from lakeloop.adapters.lakefs_lake import LakeFSLake
from lakeloop.settings import Settings

ZONE = ZoneInfo("America/New_York")
ORIGINS = ("EWR", "JFK", "LGA")
KNOT = 1.15078
Rows = list[dict[str, object]]

_OURS = [
    ("data_date", pa.date32()), ("delivered_at", pa.timestamp("us", "UTC")), ("available_at", pa.timestamp("us", "UTC")),
    ("run_key", pa.string()),
]  # fmt: skip
SCHEMAS = {
    "schedule": pa.schema([
        ("carrier", pa.string()), ("flight", pa.int32()), ("origin", pa.string()), ("dest", pa.string()),
        ("sched_dep_time", pa.int32()), ("sched_arr_time", pa.int32()), ("distance", pa.float64()),
        ("hour", pa.int32()), ("minute", pa.int32()), ("time_hour", pa.timestamp("us", "UTC")), ("tailnum", pa.string()), *_OURS,
    ]),
    "weather": pa.schema([
        ("origin", pa.string()), ("hour", pa.int32()), *((name, pa.float64()) for name in (
            "temp", "dewp", "humid", "wind_dir", "wind_speed", "wind_gust", "precip", "pressure", "visib"
        )), ("time_hour", pa.timestamp("us", "UTC")), *_OURS,
    ]),
    "outcomes": pa.schema([
        ("carrier", pa.string()), ("flight", pa.int32()), ("origin", pa.string()), ("dest", pa.string()),
        ("tailnum", pa.string()), ("dep_time", pa.int32()), ("dep_delay", pa.float64()),
        ("arr_time", pa.int32()), ("arr_delay", pa.float64()), ("air_time", pa.float64()), *_OURS,
    ]),
    "planes": pa.schema([("tailnum", pa.string()), ("year", pa.int32()), ("seats", pa.int32()), *_OURS]),
}  # fmt: skip


def days(first: date, count: int) -> list[date]:
    """Consecutive dates."""
    return [first + timedelta(days=number) for number in range(count)]


def arrived(data_date: date, lag_days: int = 0) -> datetime:
    """When the case's feed delivers a data date: the evening before its night."""
    return datetime.combine(data_date + timedelta(days=lag_days - 1), time(20), ZONE)


def schedule(day: date, flights: int = 60, seed: int = 7) -> Rows:
    """The day's flights; a seed of its own makes a day unlike the others."""
    draw = random.Random(f"{seed}{day}")
    return [_flight(day, number, draw) for number in range(flights)]


def _flight(day: date, number: int, draw: random.Random) -> dict[str, object]:
    hour = 6 + number % 15
    stamp = datetime.combine(day, time(hour), ZONE).astimezone(UTC)
    return {
        "carrier": ("AA", "UA", "B6", "DL")[number % 4], "flight": 100 + number, "origin": ORIGINS[number % 3],
        "dest": ("BOS", "LAX", "ORD")[number // 3 % 3], "sched_dep_time": hour * 100 + draw.randrange(60),
        "sched_arr_time": hour * 100 + 159, "distance": (200.0, 2475.0, 733.0)[number // 3 % 3], "hour": hour, "minute": 0,
        "time_hour": stamp, "tailnum": f"N{number % 20}" if number else None, **ours(day),
    }  # fmt: skip


def planes(day: date) -> Rows:
    """The register: nobody has heard of two of the twenty planes, and nobody knows how old another one is."""
    return [
        {"tailnum": f"N{number}", "year": 1990 + number if number > 2 else None, "seats": 50 + number, **ours(day)}
        for number in range(2, 20)
    ]


def weather(day: date, seed: int = 7) -> Rows:
    """Three airports, 24 hours, humidity that follows from temperature and dew point."""
    draw = random.Random(f"{seed}{day}")
    return [_hour(day, origin, hour, draw) for origin in ORIGINS for hour in range(24)]


def _hour(day: date, origin: str, hour: int, draw: random.Random) -> dict[str, object]:
    temp = draw.uniform(40, 90)
    dewp = temp - draw.uniform(5, 25)
    return {
        "origin": origin, "hour": hour, "temp": temp, "dewp": dewp, "humid": humidity(temp, dewp),
        "wind_dir": float(draw.randrange(36) * 10), "wind_speed": draw.randrange(3, 20) * KNOT, "wind_gust": None,
        "precip": draw.choice((0.0, 0.0, 0.3)), "pressure": draw.uniform(990, 1030), "visib": 10.0,
        "time_hour": datetime.combine(day, time(hour), ZONE).astimezone(UTC), **ours(day),
    }  # fmt: skip


def humidity(temp: float, dewp: float) -> float:
    """August-Roche-Magnus, from Fahrenheit."""
    celsius_temp, celsius_dewp = (temp - 32) / 1.8, (dewp - 32) / 1.8
    return 100 * math.exp(17.625 * celsius_dewp / (243.04 + celsius_dewp) - 17.625 * celsius_temp / (243.04 + celsius_temp))


def outcomes(planned: Rows, sky: Rows, unlabelled: int = 1) -> Rows:
    """Late when it rains at departure or in the evening, now and then by chance; the first ones never arrive."""
    rain = {(row["origin"], row["hour"]): row["precip"] for row in sky}
    found: Rows = []
    for number, row in enumerate(planned):
        day = row["data_date"]
        assert isinstance(day, date)
        odds = 0.1 + 0.5 * bool(rain.get((row["origin"], row["hour"]))) + 0.2 * (row["carrier"] == "B6")
        late = random.Random(f"{day}{number}").random() < odds
        delay = None if number < unlabelled else (40.0 if late else -5.0)
        key = {name: row[name] for name in ("carrier", "flight", "origin", "dest", "tailnum")}
        left = {"dep_time": row["sched_dep_time"], "dep_delay": 0.0}  # on time: what is late loses its time on the way
        came = {"arr_time": clock(row["sched_arr_time"], delay), "arr_delay": delay, "air_time": None if delay is None else 90.0}
        found.append({**key, **left, **came, **ours(day, lag_days=2)})
    return found


def ours(day: date, lag_days: int = 0) -> dict[str, object]:
    """The platform's columns of a row that came in time."""
    return {"data_date": day, "delivered_at": arrived(day, lag_days), "available_at": arrived(day, lag_days)}


def clock(hhmm: object, later: float | None) -> int | None:
    """A time of the day as its feed writes it, some minutes later; None of a flight that never came."""
    if later is None:
        return None
    minutes = int(str(hhmm)) // 100 * 60 + int(str(hhmm)) % 100 + int(later)
    return minutes % 1440 // 60 * 100 + minutes % 60


def world(dates: Iterable[date]) -> dict[str, Rows]:
    """All daily tables for some dates, and the register as it was when the first of them began."""
    dates = list(dates)
    tables: dict[str, Rows] = {"schedule": [], "weather": [], "outcomes": [], "planes": planes(dates[0])}
    for day in dates:
        planned, sky = schedule(day), weather(day)
        tables["schedule"] += planned
        tables["weather"] += sky
        tables["outcomes"] += outcomes(planned, sky)
    return tables


def publish(stack: Settings, lake: LakeFSLake, tables: dict[str, Rows], branch: str = "main") -> str:
    """The tables as clean/flights/* on a branch, through delta-rs; the commit."""
    for name, rows in tables.items():
        content = pa.Table.from_pylist(rows, schema=SCHEMAS[name])
        write_deltalake(
            f"s3://{lake.repository}/{branch}/clean/flights/{name}", content, partition_by=["data_date"], mode="overwrite",
            storage_options=options(stack),
        )  # fmt: skip
    return lake.commit(branch, "a small world", {})


def options(stack: Settings) -> dict[str, str]:
    """How delta-rs reaches the lake."""
    return {
        "AWS_ENDPOINT_URL": stack.lakefs_endpoint,
        "AWS_ACCESS_KEY_ID": stack.lakefs_access_key_id,
        "AWS_SECRET_ACCESS_KEY": stack.lakefs_secret_access_key.get_secret_value(),
        "AWS_REGION": "us-east-1",
        "AWS_ALLOW_HTTP": "true",
    }


def without(rows: Rows, day: date) -> Rows:
    """The rows of all other dates."""
    return [row for row in rows if row["data_date"] != day]


def of(rows: Rows, dates: Sequence[date]) -> Rows:
    """The rows of some dates."""
    return [row for row in rows if row["data_date"] in dates]
