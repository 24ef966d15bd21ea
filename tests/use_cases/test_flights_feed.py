"""The flights feed: a year cut into nights, nothing known too early, faults that are what they say."""

from __future__ import annotations

import csv
import hashlib
import json
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from lakeloop.core.errors import InvalidInput
from use_cases.flights import FLIGHTS
from use_cases.flights.feed import Feed

NIGHT = date(2013, 1, 4)
NOT_KNOWN_BEFORE = {"dep_time", "dep_delay", "arr_time", "arr_delay", "air_time"}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("feed")
    feed = Feed(home)
    feed.deliver(until=date(2013, 1, 3))
    feed.deliver(nights=(NIGHT, NIGHT), faults={"weather": "celsius", "schedule": "truncated"})
    feed.repair("weather", NIGHT)
    return home


def manifest(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "manifest.json").read_text("utf-8"))
    return found


def delivery(home: Path, table: str, day: date, number: int = 1) -> Path:
    return home / "feed" / "flights" / table / day.isoformat() / str(number)


def rows(folder: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(next(folder.glob("*.csv")).read_text("utf-8").splitlines()))


def test_a_night_brings_its_own_plan_and_weather_and_the_outcomes_of_two_days_before(home: Path) -> None:
    third = {path.parts[-4]: path.parts[-3] for path in home.glob("feed/flights/*/*/1/manifest.json")}
    assert third["schedule"] <= NIGHT.isoformat()
    assert delivery(home, "outcomes", date(2013, 1, 2)).is_dir()
    assert not delivery(home, "outcomes", date(2013, 1, 3)).exists()
    assert datetime.fromisoformat(manifest(delivery(home, "outcomes", date(2013, 1, 1)))["delivered_at"]) == (
        datetime.fromisoformat("2013-01-02T20:00:00-05:00")
    )


def test_everything_of_a_night_is_sent_before_its_predictions_are_made(home: Path) -> None:
    for path in home.glob("feed/flights/*/*/1/manifest.json"):
        told = manifest(path.parent)
        lag = FLIGHTS.table(told["table"]).lag_days
        day = date.fromisoformat(told["data_date"])
        night = date.fromordinal(day.toordinal() + lag)
        assert datetime.fromisoformat(told["delivered_at"]) < FLIGHTS.prediction_time(night)


def test_the_schedule_knows_nothing_that_is_known_after_departure() -> None:
    assert not NOT_KNOWN_BEFORE & {column.name for column in FLIGHTS.table("schedule").columns}


def test_a_manifest_tells_the_truth_of_its_files(home: Path) -> None:
    folder = delivery(home, "outcomes", date(2013, 1, 1))
    told = manifest(folder)
    body = (folder / told["files"][0]["name"]).read_bytes()
    assert told["files"] == [{"name": "outcomes.csv", "sha256": hashlib.sha256(body).hexdigest(), "size": len(body), "rows": 842}]
    assert told["rows"] == len(rows(folder)) == 842


def test_weather_in_celsius_is_the_same_weather(home: Path) -> None:
    wrong, right = rows(delivery(home, "weather", NIGHT)), rows(delivery(home, "weather", NIGHT, 2))
    assert manifest(delivery(home, "weather", NIGHT))["rows"] == len(right)
    for cold, warm in zip(wrong, right, strict=True):
        for name in ("temp", "dewp"):
            assert float(cold[name]) * 1.8 + 32 == pytest.approx(float(warm[name]), abs=0.02)
        assert {k: v for k, v in cold.items() if k not in {"temp", "dewp"}} == {
            k: v for k, v in warm.items() if k not in {"temp", "dewp"}
        }


def test_a_schedule_an_hour_late_agrees_with_itself_and_is_wrong_at_one_airport(tmp_path: Path) -> None:
    feed = Feed(tmp_path)
    feed.deliver(nights=(NIGHT, NIGHT), faults={"schedule": "an_hour_late"})
    feed.repair("schedule", NIGHT)
    wrong, right = (rows(delivery(tmp_path, "schedule", NIGHT, number)) for number in (1, 2))
    assert {late["origin"] for late, true in zip(wrong, right, strict=True) if late != true} == {"JFK"}
    for late, true in zip(wrong, right, strict=True):
        shift = 100 if true["origin"] == "JFK" else 0
        assert int(late["sched_dep_time"]) == (int(true["sched_dep_time"]) + shift) % 2400
        assert int(late["hour"]) == int(late["sched_dep_time"]) // 100
        moved = datetime.fromisoformat(late["time_hour"]) - datetime.fromisoformat(true["time_hour"])
        assert moved.total_seconds() == shift * 36


def test_a_truncated_file_is_shorter_than_its_manifest_says(home: Path) -> None:
    folder = delivery(home, "schedule", NIGHT)
    file = manifest(folder)["files"][0]
    assert (folder / file["name"]).stat().st_size < file["size"]


def test_a_repair_comes_the_morning_after(home: Path) -> None:
    assert manifest(delivery(home, "weather", NIGHT))["delivered_at"] == "2013-01-03T20:00:00-05:00"
    assert manifest(delivery(home, "weather", NIGHT, 2))["delivered_at"] == "2013-01-04T08:00:00-05:00"


def test_what_was_delivered_is_not_delivered_again(home: Path) -> None:
    assert Feed(home).deliver(until=NIGHT) == []


def test_a_table_without_that_date_cannot_be_repaired(home: Path) -> None:
    with pytest.raises(InvalidInput, match=r"no weather of 2012-12-31"):
        Feed(home).repair("weather", date(2012, 12, 31))


def test_the_keys_of_the_contracts_are_unique_in_every_date_of_the_year(tmp_path: Path) -> None:
    delivered = Feed(tmp_path).deliver(until=date(2014, 1, 2))
    assert len(delivered) == 1097  # 365 plans and outcomes, 364 days of weather (none on 31 December), 3 references
    counts = dict.fromkeys((contract.name for contract in FLIGHTS.tables), 0)
    for folder in delivered:
        contract = FLIGHTS.table(folder.parts[-3])
        found = rows(folder)
        counts[contract.name] += len(found)
        assert len({tuple(row[name] for name in contract.key) for row in found}) == len(found)
    assert counts == {
        "schedule": 336776, "outcomes": 336776, "weather": 26115, "planes": 3322, "airports": 1458, "airlines": 16,
    }  # fmt: skip
