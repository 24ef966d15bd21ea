"""A feed is a folder or a bucket, and the same deliveries in either are the same arrivals."""

from __future__ import annotations

import hashlib
from datetime import date
from typing import Any

import pytest

from lakeloop.core.promise import digest_of
from tests.protocol.feeds import BODY, DAY, Feed
from tests.protocol.feeds import feed as feed  # the fixture
from tests.protocol.toy import TOY


def test_a_whole_delivery_is_what_its_manifest_says(feed: Feed) -> None:
    feed.deliver()
    (one,) = feed.taken()
    assert (one.record.table, one.record.data_date, one.record.damage) == ("readings", date(2024, 3, 1), "")
    assert one.record.sha256 == digest_of([hashlib.sha256(BODY).hexdigest()])
    assert (one.contents["a.csv"], set(one.contents), one.rows) == (BODY, {"a.csv", "manifest.json"}, {"a.csv": 1})


def test_an_empty_feed_brings_nothing(feed: Feed) -> None:
    assert (feed.taken(), feed.source.walk(TOY).strays) == ([], [])


def test_without_its_manifest_a_delivery_is_not_complete(feed: Feed) -> None:
    feed.write(f"toy/readings/{DAY}/1/a.csv", BODY)
    feed.write(f"toy/readings/{DAY}/2/deeper/a.csv", BODY)
    assert (feed.taken(), feed.source.walk(TOY).strays) == ([], [])


def test_deliveries_of_a_date_come_in_the_order_of_their_numbers(feed: Feed) -> None:
    for number in (10, 9, 2):
        feed.deliver(f"readings/{DAY}/{number}", source=str(number))
    assert [one.record.source for one in feed.taken()] == ["2", "9", "10"]


IN_ITS_PLACE = "a delivery's stands 3 below: <table>/<data date>/<number>"
MISPLACED = {
    f"toy/reedings/{DAY}/1": "toy has no table reedings; is it readings?",
    f"toy/Readings/{DAY}/1": "toy has no table Readings; is it readings?",
    f"toy/weather/{DAY}/1": "toy has no table weather",
    "toy/readings/20240301/1": "20240301 is no data date: one is written YYYY-MM-DD, of the years 1900 to 2199",
    "toy": f"its manifest stands in toy itself, {IN_ITS_PLACE}",
    f"toy/readings/{DAY}": f"its manifest stands 2 folders below toy, {IN_ITS_PLACE}",
    f"toy/readings/{DAY}/night/1": f"its manifest stands 4 folders below toy, {IN_ITS_PLACE}",
    "": "its manifest stands in the feed itself, a delivery's in <case>/<table>/<data date>/<number>",
}


@pytest.mark.parametrize(("folder", "why"), MISPLACED.items())
def test_a_manifest_that_leads_to_no_table_and_date_is_a_stray(feed: Feed, folder: str, why: str) -> None:
    feed.deliver()
    for name in ("a.csv", "manifest.json"):
        feed.write(f"{folder}/{name}".removeprefix("/"), b"{}")
    assert len(feed.taken()) == 1
    (stray,) = feed.source.walk(TOY).strays
    assert (stray.why, stray.path.endswith(folder)) == (why, True)


def test_a_folder_of_no_case_is_a_stray_whatever_stands_in_it(feed: Feed) -> None:
    feed.deliver()
    for folder in ("TOY/readings", "tyo", "archive/2023", f"tiny/sales/{DAY}/1"):
        feed.write(f"{folder}/a.csv", BODY)
    feed.write("notes.txt", b"of no case, and no folder")
    strays = {one.path.rpartition("/")[2]: one.why for one in feed.source.walk(TOY).strays}
    there = "there is tiny, toy"
    assert strays == {
        "TOY": f"there is no case TOY, {there}; is it toy?",
        "archive": f"there is no case archive, {there}",
        "tyo": f"there is no case tyo, {there}; is it toy?",
    }


def test_a_delivery_inside_another_is_a_stray_and_no_file_of_the_other(feed: Feed) -> None:
    feed.deliver(sent={"2/a.csv": BODY, "2/more/b.csv": BODY, "2/manifest.json": b"{}"})
    (outer,) = feed.taken()
    (stray,) = feed.source.walk(TOY).strays
    assert (outer.record.damage, stray.why) == ("", f"its manifest stands 4 folders below toy, {IN_ITS_PLACE}")


@pytest.mark.parametrize(
    ("sent", "said", "why"),
    [
        ({"a.csv": BODY[:-3]}, {}, "a.csv has 12 bytes, its manifest says 15"),
        ({"a.csv": BODY.replace(b"1.0", b"2.0")}, {}, "another sha256"),
        ({"a.csv": None}, {}, "a.csv cannot be read (No such file or directory)"),
        ({}, {"files": [{"name": "../../a.csv", "sha256": "0" * 64, "size": 1, "rows": 1}]}, "files.0.name"),
        ({}, {"rows": 7}, "7 rows are not the 1 of its files"),
        ({}, {"table": "others"}, "speaks of 'others'"),
    ],
)
def test_a_broken_promise_is_damage(feed: Feed, sent: dict[str, bytes | None], said: dict[str, Any], why: str) -> None:
    feed.deliver(sent=sent, **said)
    feed.deliver(f"readings/{DAY}/2")
    bad, good = feed.taken()
    assert why in bad.record.damage
    assert (bad.record.is_broken, good.record.damage) == (True, "")
    assert "manifest.json" in bad.contents


def test_a_data_file_that_the_manifest_does_not_name_is_kept_and_refuses_its_delivery(feed: Feed) -> None:
    feed.deliver(sent={"b.csv": BODY, "_SUCCESS": b"", ".b.csv.crc": b"x"})
    feed.deliver(f"readings/{DAY}/2", sent={"_SUCCESS": b"", "notes.txt": b"x"})
    more, plain = feed.taken()
    assert more.record.damage.startswith("b.csv stands beside its manifest and not in it. Next: ")
    assert (more.record.files, more.record.is_broken) == (("a.csv", "b.csv"), True)
    assert more.contents["b.csv"] == BODY
    assert (plain.record.damage, set(plain.contents)) == ("", {"a.csv", "manifest.json"})


def test_a_data_file_in_a_folder_beside_the_manifest_is_kept_and_refuses_its_delivery(feed: Feed) -> None:
    feed.deliver(sent={"sub/deeper/b.csv": BODY, "sub/_SUCCESS": b""})
    feed.deliver(f"readings/{DAY}/2", sent={"sub/notes.txt": b"x"})
    more, plain = feed.taken()
    assert more.record.damage.startswith("sub/deeper/b.csv stands beside its manifest and not in it. Next: ")
    assert (more.record.files, more.record.is_broken) == (("a.csv", "sub/deeper/b.csv"), True)
    assert more.contents["sub/deeper/b.csv"] == BODY
    assert (plain.record.damage, set(plain.contents)) == ("", {"a.csv", "manifest.json"})


def test_a_name_that_is_no_plain_text_stops_nobody(feed: Feed) -> None:
    feed.deliver(sent={"a.csv": None, "b of +1% é?.csv": BODY}, rows="many")
    (one,) = feed.taken()
    assert one.record.files == ("b%20of%20%2B1%25%20%C3%A9%3F.csv",)
