"""A wider feed: as many times the rows, no key twice, and every outcome still has its flight in the schedule."""

from __future__ import annotations

import csv
import hashlib
import json
from datetime import date
from pathlib import Path

import pytest

from lakeloop.adapters.feed_memory import FeedMemory
from lakeloop.adapters.folder_source import FolderSource
from use_cases.flights import FLIGHTS
from use_cases.flights.copies import widen
from use_cases.flights.feed import Feed

NIGHTS, TIMES = (date(2013, 1, 3), date(2013, 1, 4)), 4


@pytest.fixture(scope="module")
def feeds(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The feed as it is sent, and the same made wider."""
    plain, wide = tmp_path_factory.mktemp("plain"), tmp_path_factory.mktemp("wide")
    for home in (plain, wide):
        Feed(home).deliver(nights=NIGHTS)
    widen(wide / "feed" / "flights", TIMES)
    return plain / "feed", wide / "feed"


def rows(feed: Path, table: str) -> list[dict[str, str]]:
    return [row for path in sorted(feed.glob(f"flights/{table}/*/1/*.csv")) for row in _of_day(path)]


def _of_day(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return [row | {"data_date": path.parts[-3]} for row in csv.DictReader(file)]


@pytest.mark.parametrize("table", ["schedule", "outcomes", "weather"])
def test_every_day_has_as_many_times_the_rows_and_no_key_twice(feeds: tuple[Path, Path], table: str) -> None:
    plain, wide = (rows(feed, table) for feed in feeds)
    key = ("data_date", *FLIGHTS.table(table).key)
    assert len(wide) == TIMES * len(plain) > 0
    assert len({tuple(row[name] for name in key) for row in wide}) == len(wide)
    assert [row for row in wide if row in plain] == plain  # what was sent stays as it was sent


def test_a_copy_of_an_outcome_is_of_a_copy_in_the_schedule(feeds: tuple[Path, Path]) -> None:
    _, wide = feeds
    flown, planned = ({(row["carrier"], row["flight"]) for row in rows(wide, table)} for table in ("outcomes", "schedule"))
    assert len({carrier for carrier, _ in flown}) > len({row["carrier"] for row in rows(feeds[0], "outcomes")})
    assert len(flown & planned) > len(flown) / 2  # outcomes are of another day than the schedule that comes with them


def test_nights_widened_one_call_after_another_have_the_keys_of_one_call(feeds: tuple[Path, Path], tmp_path: Path) -> None:
    first, last = NIGHTS
    for nights in ((last, last), (first, first)):
        home = tmp_path / str(nights[0])
        Feed(home).deliver(nights=nights)
        widen(home / "feed" / "flights", TIMES)
        (mine,) = (home / "feed").glob(f"flights/schedule/{nights[0]}/1/*.csv")
        assert mine.read_bytes() == (feeds[1] / mine.relative_to(home / "feed")).read_bytes()


def test_a_wider_delivery_keeps_its_promise(feeds: tuple[Path, Path], tmp_path: Path) -> None:
    arrivals = list(FolderSource(feeds[1], FeedMemory(tmp_path / "feed.db", "c0de"), ("flights",)).walk(FLIGHTS).arrivals)
    assert [arrival.take().record.damage for arrival in arrivals] == [""] * len(arrivals)
    for path in feeds[1].glob("flights/weather/*/1/manifest.json"):
        (file,) = json.loads(path.read_text())["files"]
        body = (path.parent / file["name"]).read_bytes()
        assert (file["sha256"], file["size"]) == (hashlib.sha256(body).hexdigest(), len(body))


def test_a_feed_is_not_widened_beyond_what_keeps_keys_apart(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="nothing was written"):
        widen(tmp_path, 61)
