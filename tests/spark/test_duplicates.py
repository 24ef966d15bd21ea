"""Rows of one key are found in whichever of a delivery's files they are, whatever other dates the same write takes in."""

from __future__ import annotations

import json
from datetime import date, timedelta

import pytest

from lakeloop.adapters.lakefs_lake import LakeFSLake
from lakeloop.settings import Settings
from lakeloop.spark.connect import ConnectRunner
from tests.spark.small_parcels import NAMES, Landed, Written, counts, line, write

DAY, BESIDE = date(2024, 5, 1), date(2024, 5, 31)
HEADER = line({name: name for name in NAMES})
OWN = {"id": "A1", "pieces": "5"}
AGAIN = {"equal": OWN, "differs": OWN | {"pieces": "6"}}
LEFT = {"equal": (["A1", "A2", "B1"], (4, 3, 0, 1)), "differs": (["A2", "B1"], (4, 2, 2, 0))}


def csv(*rows: dict[str, str]) -> bytes:
    return "".join(f"{one}\n" for one in (HEADER, *map(line, rows))).encode()


def jsonl(*rows: dict[str, str]) -> bytes:
    return "".join(f"{json.dumps(row | {'pieces': int(row['pieces'])})}\n" for row in rows).encode()


def delivery(what: str, form: str) -> Landed:
    """A row in a first file whose key a second one has too."""
    more = {"csv": csv, "jsonl": jsonl}[form]
    files = {"a.csv": csv(OWN, OWN | {"id": "A2"}), f"b.{form}": more(OWN | {"id": "B1"}, AGAIN[what])}
    return Landed(files, 4)


def assert_closed(written: Written, day: date, what: str) -> None:
    names, account = LEFT[what]
    assert sorted(str(row["id"]) for row in written.clean[day]) == names
    assert counts(written.units[day]) == account
    assert [row["reasons"] for row in written.quarantine[day]] == [["duplicate_key"]] * account[2]
    assert all("A1" in str(row["row"]) for row in written.quarantine[day])


@pytest.mark.parametrize(("what", "form"), [("equal", "jsonl"), ("differs", "csv")])
def test_a_key_in_two_files_is_found_in_a_delivery_alone(
    what: str, form: str, stack: Settings, shared_lake: LakeFSLake, runner: ConnectRunner
) -> None:
    written = write(stack, shared_lake, runner, f"alone-{what}-{form}", {DAY: delivery(what, form)})
    assert_closed(written, DAY, what)


def test_beside_a_date_that_repeats_a_key_in_one_file_it_is_the_same(
    stack: Settings, shared_lake: LakeFSLake, runner: ConnectRunner
) -> None:
    cases = {
        DAY + timedelta(days=at): case for at, case in enumerate((what, form) for what in AGAIN for form in ("csv", "jsonl"))
    }
    delivered = {day: delivery(*case) for day, case in cases.items()} | {BESIDE: Landed({"a.csv": csv(OWN, OWN)}, 2)}
    written = write(stack, shared_lake, runner, "beside", delivered)
    for day, (what, _) in cases.items():
        assert_closed(written, day, what)
    assert counts(written.units[BESIDE]) == (2, 1, 0, 1)
