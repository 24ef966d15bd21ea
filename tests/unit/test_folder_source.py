"""A feed that strangers write to: each folder for itself, its bytes read once, no link followed."""

from __future__ import annotations

import hashlib
import json
import os
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from lakeloop.adapters.feed_memory import FeedMemory
from lakeloop.adapters.folder_source import FolderSource
from lakeloop.core import feed as core_feed
from lakeloop.core.contract import Column, TableContract
from lakeloop.core.promise import digest_of
from lakeloop.core.use_case import Label, UseCase
from lakeloop.ports import Taken

DAY = "2024-03-01"
TABLE = TableContract(name="readings", columns=(Column(name="id", type="int"),), key=("id",), lag_days=2)
CASE = UseCase(
    name="toy", tables=(TABLE,), features="toy:f", feature_names=("id",), entity=("id",), reads=(),
    label=Label(table="readings", expression="1"), timezone="America/New_York",
)  # fmt: skip
BODY = b"id\n1\n"


@pytest.fixture
def feed(tmp_path: Path) -> Path:
    return tmp_path / "feed"


def digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


FILE = {"name": "a.csv", "sha256": digest(BODY), "size": len(BODY), "rows": 1}


def deliver(feed: Path, number: int = 1, on_day: str = DAY, in_table: str = "readings", sent: bytes = BODY, **said: Any) -> Path:
    folder = feed / "toy" / in_table / on_day / str(number)
    folder.mkdir(parents=True)
    (folder / "a.csv").write_bytes(sent)
    manifest = {
        "table": in_table,
        "data_date": on_day,
        "files": [FILE],
        "rows": 1,
        "source": "s",
        "delivered_at": "2024-03-02T20:00:00Z",
    }
    (folder / "manifest.json").write_text(json.dumps(manifest | said))
    return folder


def source_of(feed: Path) -> FolderSource:
    return FolderSource(feed, FeedMemory(feed.parent / "feed.db", "c0de"), ("toy",))


def taken(feed: Path) -> list[Taken]:
    return [arrival.take() for arrival in source_of(feed).walk(CASE).arrivals]


def test_a_whole_delivery_is_what_its_manifest_says(feed: Path) -> None:
    deliver(feed)
    (arrival,) = source_of(feed).walk(CASE).arrivals
    record, contents, rows = arrival.take()
    assert record == arrival.record
    assert (record.damage, record.sha256, contents["a.csv"]) == ("", digest_of([digest(BODY)]), BODY)
    assert (set(contents), rows) == ({"a.csv", "manifest.json"}, {"a.csv": 1})


def test_a_delivery_is_named_by_the_bytes_that_were_read(feed: Path) -> None:
    deliver(feed, 1, sent=BODY[:2])
    deliver(feed, 2)
    short, whole = taken(feed)
    assert "2 bytes" in short.record.damage
    assert short.record.sha256 == digest_of([digest(BODY[:2])]) != whole.record.sha256


def test_deliveries_of_a_date_come_in_the_order_of_their_numbers(feed: Path) -> None:
    for number in (10, 9, 2):
        deliver(feed, number, source=str(number))
    assert [arrival.record.source for arrival in source_of(feed).walk(CASE).arrivals] == ["2", "9", "10"]


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"data_date": "2024-03-05"}, "speaks of 'readings' 2024-03-05"),
        ({"table": "others"}, "speaks of 'others'"),
        ({"delivered_at": "2024-03-02T20:00:00"}, "no offset"),
        ({"delivered_at": "2199-03-02T20:00:00Z"}, "still to come"),
        ({"delivered_at": "0001-01-01T00:00:00+14:00"}, "cannot be"),
        ({"files": []}, "files"),
        ({"files": [{"name": "../../a.csv", "sha256": "0" * 64, "size": 1, "rows": 1}]}, "files.0.name"),
        ({"files": [{"name": "manifest.json", "sha256": "0" * 64, "size": 1, "rows": 1}]}, "the manifest itself"),
        ({"rows": "many"}, "rows"),
        ({"table": "\x1b[31m"}, "speaks of '\\x1b[31m'"),
        ({"a\n\x1b[31m": 1}, "(a\\n\\x1b[31m: Extra inputs"),
        ({"source": "x" * 501}, "source"),
        ({"source": "a\x1b[31m"}, "(source: Value error, it has the control character U+001B)"),
        ({"source": "\u202egpj.exe"}, "(source: Value error, it has the control character U+202E)"),
        ({"source": "one\ntwo"}, "U+000A"),
        ({"rows": True}, "(rows: Input should be a valid integer"),
        ({"rows": 1.0}, "(rows: Input should be a valid integer"),
        ({"rows": "1"}, "(rows: Input should be a valid integer"),
        ({"files": [FILE | {"size": "4"}]}, "(files.0.size: Input should be a valid integer"),
        ({"data_date": 1709251200}, "(data_date: "),
        ({"data_date": "1709251200"}, "(data_date does not begin with a date as YYYY-MM-DD"),
        ({"delivered_at": 1709400000}, "(delivered_at: "),
        ({"delivered_at": "1709400000"}, "(delivered_at does not begin with a date as YYYY-MM-DD"),
    ],
)
def test_a_manifest_that_cannot_be_believed_is_damage_and_the_bytes_are_there(feed: Path, said: dict[str, Any], why: str) -> None:
    deliver(feed, 1, **said)
    deliver(feed, 2)
    bad, good = taken(feed)
    assert why in bad.record.damage
    assert (bad.record.table, bad.record.data_date) == ("readings", date(2024, 3, 1))
    assert bad.record.delivered_at.isoformat() == "2024-03-02T23:59:59-05:00"  # the last second before its night
    assert set(bad.contents) == {"a.csv", "manifest.json"}
    assert good.record.damage == ""


@pytest.mark.parametrize(
    ("said", "doubled"), [('{"rows": 1, ', "rows"), ('{"source": "t", ', "source"), ('{"sourc\\u0065": "t", ', "source")]
)
def test_a_manifest_that_says_something_twice_is_damage(feed: Path, said: str, doubled: str) -> None:
    manifest = deliver(feed) / "manifest.json"
    manifest.write_text(said + manifest.read_text()[1:])
    (bad,) = taken(feed)
    assert f"('{doubled}' stands in it more than once)" in bad.record.damage


def test_a_file_in_a_manifest_that_says_something_twice_is_damage(feed: Path) -> None:
    manifest = deliver(feed) / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"size":', '"size": 5, "size":'))
    (bad,) = taken(feed)
    assert "('size' stands in it more than once)" in bad.record.damage


def test_a_sender_s_name_is_of_any_script(feed: Path) -> None:
    deliver(feed, source="Главный офис, מטה 👩\u200d🔬")
    assert taken(feed)[0].record.damage == ""


def test_a_manifest_corrected_for_another_bad_one_is_another_delivery(feed: Path) -> None:
    folder = deliver(feed, 1, rows="many")
    (first,) = taken(feed)
    (folder / "manifest.json").write_text("{")
    (second,) = taken(feed)
    assert first.record.sha256 != second.record.sha256


def test_what_no_table_and_date_can_be_told_of_is_a_stray(feed: Path) -> None:
    deliver(feed, in_table="reedings")
    deliver(feed, on_day="20240301")
    deliver(feed, on_day="9999-12-31")
    deliver(feed)
    assert len(taken(feed)) == 1
    written = "is no data date: one is written YYYY-MM-DD, of the years 1900 to 2199"
    assert sorted(one.why for one in source_of(feed).walk(CASE).strays) == [
        f"20240301 {written}", f"9999-12-31 {written}", "toy has no table reedings; is it readings?",
    ]  # fmt: skip


def test_names_that_are_no_text_stop_nobody(feed: Path) -> None:
    folder = deliver(feed, rows="many")
    (folder / "a.csv").rename(os.fsdecode(os.fsencode(folder) + b"/\xff b.csv"))
    deliver(feed, on_day=os.fsdecode(b"\xff"))
    (one,) = taken(feed)
    assert one.record.files == ("%FF%20b.csv",)
    (stray,) = source_of(feed).walk(CASE).strays
    assert (stray.path + stray.why).encode()


def test_a_folder_too_deep_to_look_into_is_told_and_stops_nobody(feed: Path) -> None:
    at = os.open(deliver(feed), os.O_RDONLY)
    for _ in range(21):  # of 200 letters each: their path is longer than the system takes, wherever the feed is
        os.mkdir("d" * 200, dir_fd=at)
        at, outer = os.open("d" * 200, os.O_RDONLY, dir_fd=at), at
        os.close(outer)
    os.close(at)
    (one,) = taken(feed)
    (stray,) = source_of(feed).walk(CASE).strays
    assert (one.record.damage, stray.why) == ("", "it cannot be looked into")


def test_a_link_below_a_delivery_is_not_followed(feed: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere" / "inner").mkdir(parents=True)
    for name in ("b.csv", "inner/manifest.json"):
        (tmp_path / "elsewhere" / name).write_bytes(BODY)
    (deliver(feed) / "sub").symlink_to(tmp_path / "elsewhere")
    (one,) = taken(feed)
    assert (one.record.damage, source_of(feed).walk(CASE).strays) == ("", [])


def replace(folder: Path, name: str, kind: str, secret: Path) -> None:
    (folder / name).unlink()
    if kind == "link":
        (folder / name).symlink_to(secret)
    elif kind == "pipe":
        os.mkfifo(folder / name)
    elif kind == "folder":
        (folder / name).mkdir()


@pytest.mark.parametrize("name", ["a.csv", "manifest.json"])
@pytest.mark.parametrize("kind", ["link", "pipe", "folder"])
def test_what_is_no_regular_file_is_neither_opened_nor_followed(feed: Path, tmp_path: Path, name: str, kind: str) -> None:
    (tmp_path / "secret").write_bytes(BODY)
    replace(deliver(feed), name, kind, tmp_path / "secret")
    (one,) = taken(feed)
    assert f"{name}" in one.record.damage
    assert name not in one.contents


@pytest.mark.parametrize("name", ["b.csv", "sub/b.parquet", "b.csv.gz"])
@pytest.mark.parametrize("kind", ["link", "pipe"])
def test_what_is_no_regular_file_and_named_like_data_is_told_beside_a_manifest(
    feed: Path, tmp_path: Path, name: str, kind: str
) -> None:
    (tmp_path / "secret").write_bytes(BODY)
    at = deliver(feed) / name
    at.parent.mkdir(exist_ok=True)
    at.touch()
    replace(at.parent, at.name, kind, tmp_path / "secret")
    (one,) = taken(feed)
    assert one.record.damage.startswith(f"{name} cannot be read (is not a regular file)")
    assert set(one.contents) == {"a.csv", "manifest.json"}


@pytest.mark.parametrize("name", ["b.csv.zip", "b.xlsx", "b.csv.GZ", "B.CSV", "b.tar", "b.tsv", ".csv", "sub/b.7z"])
def test_whatever_ends_like_data_is_told_beside_a_manifest_and_kept(feed: Path, name: str) -> None:
    at = deliver(feed) / name
    at.parent.mkdir(exist_ok=True)
    at.write_bytes(BODY)
    (one,) = taken(feed)
    assert one.record.damage.startswith(f"{name} stands beside its manifest and not in it. Next: ")
    assert one.contents[name] == BODY


@pytest.mark.parametrize("name", ["_SUCCESS", ".b.csv.crc", "notes.txt", "README", "b.csv.sha256", "zip", "b.csv."])
def test_what_ends_otherwise_is_left_alone(feed: Path, name: str) -> None:
    (deliver(feed) / name).write_bytes(BODY)
    (one,) = taken(feed)
    assert (one.record.damage, set(one.contents)) == ("", {"a.csv", "manifest.json"})


def test_a_place_that_became_a_link_is_not_read_though_its_manifest_is_known(
    feed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(core_feed, "SETTLED_SECONDS", -3600.0)
    folder = deliver(feed)
    assert [one.record.damage for one in taken(feed)] == [""]
    folder.rename(tmp_path / "elsewhere")
    folder.symlink_to(tmp_path / "elsewhere")
    (one,) = taken(feed)
    assert "its folder cannot be read" in one.record.damage
    assert one.contents == {}


def test_a_case_s_own_folder_that_is_a_link_is_told_and_not_followed(feed: Path, tmp_path: Path) -> None:
    deliver(feed)
    (feed / "toy").rename(tmp_path / "elsewhere")
    (feed / "toy").symlink_to(tmp_path / "elsewhere")
    (stray,) = source_of(feed).walk(CASE).strays
    assert (stray.path.endswith("feed/toy"), "it is a link, and none is followed" in stray.why) == (True, True)
    assert taken(feed) == []


@pytest.mark.parametrize("level", ["readings", DAY, "1"])
def test_a_folder_that_is_a_link_is_not_entered(feed: Path, tmp_path: Path, level: str) -> None:
    folder = deliver(feed)
    at = next(path for path in (folder, *folder.parents) if path.name == level)
    at.rename(tmp_path / "elsewhere")
    at.symlink_to(tmp_path / "elsewhere")
    (one,) = taken(feed)
    assert "manifest.json cannot be read" in one.record.damage
    assert (one.contents, one.record.files) == ({}, ())
