"""Text that Spark reads in parts, as it does from 128 MB on: the same rows, reasons and accounts as of a file read whole."""

from __future__ import annotations

from datetime import date

import pytest

from lakeloop.adapters.lakefs_lake import LakeFSLake
from lakeloop.settings import Settings
from lakeloop.spark import write as writing
from lakeloop.spark.conf import set_for
from lakeloop.spark.connect import ConnectRunner
from tests.spark.small_parcels import Landed, Written, counts, line, write
from tests.spark.test_formats import DELIVERED, HEADER, WRONG_JSON, on, text_file, told
from tests.spark.test_rows import DUPLICATES

PART = 64  # bytes: less than a header, so that headers and records cross parts, and a part may begin no line
AGAIN = on(26)
BLANK = on(27)  # its first parts hold no line with something on it
WRONG = [one for one in WRONG_JSON if len(one) < PART]
FILES = {on(day): DELIVERED[on(day)] for day in (1, 8, 13, 14, 23, 25)} | {
    on(9): Landed({"rows.jsonl": text_file(WRONG)}, len(WRONG)),
    AGAIN: Landed({"rows.csv": text_file([HEADER, *DUPLICATES])}, len(DUPLICATES)),
}
BLANK_FIRST = Landed({"rows.csv": b"\n" * 3 * PART + text_file([HEADER, line({"id": "A2"})])}, 1)
TOLD = {day: FILES[day]._replace(shapes=told(FILES[day])) for day in (*map(on, (1, 13, 23, 25)), AGAIN)}
RECORDS = {on(day) for day in (13, 14, 23)}  # put together from lines, which tells where each stands
Row = tuple[object, object]


@pytest.fixture(scope="module")
def whole(stack: Settings, shared_lake: LakeFSLake, runner: ConnectRunner) -> Written:
    return write(stack, shared_lake, runner, "whole", FILES)


@pytest.fixture(scope="module")
def in_parts(stack: Settings, shared_lake: LakeFSLake, runner: ConnectRunner) -> Written:
    with set_for(runner._session(), {"spark.sql.files.maxPartitionBytes": str(PART)}):
        return write(stack, shared_lake, runner, "in-parts", FILES | {BLANK: BLANK_FIRST})


@pytest.fixture(scope="module")
def told_in_parts(stack: Settings, shared_lake: LakeFSLake, runner: ConnectRunner) -> Written:
    """The same with headers as the intake tells them."""
    with pytest.MonkeyPatch.context() as patch, set_for(runner._session(), {"spark.sql.files.maxPartitionBytes": str(PART)}):
        patch.setattr(writing, "read_heads", None)
        blank = BLANK_FIRST._replace(shapes=told(BLANK_FIRST))
        return write(stack, shared_lake, runner, "told-in-parts", TOLD | {BLANK: blank})


def kept(written: Written, day: date) -> list[Row]:
    return sorted(((row["row"], row["reasons"]) for row in written.quarantine[day]), key=str)


def lines(written: Written, day: date) -> dict[str, object]:
    return {str(row["row"]): row["line"] for row in written.quarantine[day]}


@pytest.mark.parametrize("day", FILES, ids=str)
def test_a_file_in_parts_has_the_rows_and_the_account_of_the_whole_one(whole: Written, in_parts: Written, day: date) -> None:
    assert in_parts.units[day] == whole.units[day]
    assert sorted(in_parts.clean[day], key=str) == sorted(whole.clean[day], key=str)
    assert kept(in_parts, day) == kept(whole, day)


@pytest.mark.parametrize("day", TOLD, ids=str)
def test_with_a_header_that_the_intake_told_it_is_the_same(whole: Written, told_in_parts: Written, day: date) -> None:
    assert told_in_parts.units[day] == whole.units[day]
    assert sorted(told_in_parts.clean[day], key=str) == sorted(whole.clean[day], key=str)
    assert kept(told_in_parts, day) == kept(whole, day)


def test_a_file_that_begins_with_a_part_of_blank_lines_is_refused_and_holds_up_no_other(
    in_parts: Written, told_in_parts: Written
) -> None:
    refusals = [written.units[BLANK].refusal for written in (in_parts, told_in_parts)]
    assert [refusal and refusal.code for refusal in refusals] == ["header", "manifest_rows"]
    assert in_parts.clean[BLANK] == told_in_parts.clean[BLANK] == []


def test_equal_and_contradicting_rows_find_each_other_across_parts(in_parts: Written) -> None:
    assert counts(in_parts.units[AGAIN]) == (10, 3, 4, 3)


def test_a_line_has_its_number_in_the_first_part_only_and_a_record_in_all(whole: Written, in_parts: Written) -> None:
    for day in FILES:
        known, found = lines(whole, day), lines(in_parts, day)
        assert {row: at for row, at in found.items() if at is not None} == {row: known[row] for row in found if found[row]}
        if day in RECORDS:
            assert found == known
    numbers = lines(in_parts, on(9))
    assert [numbers[row] for row in WRONG] == [1, 2, 3, 4, 5] + [None] * (len(WRONG) - 5)  # the fifth begins in the first part
