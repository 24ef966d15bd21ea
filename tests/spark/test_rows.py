"""Every kind of bad value has its reason, every odd but good one survives as it came: one write of one table of rows."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from lakeloop.adapters.lakefs_lake import LakeFSLake
from lakeloop.settings import Settings
from lakeloop.spark.connect import ConnectRunner
from tests.spark.small_parcels import NAMES, NAUGHTY, Landed, Written, counts, line, write

DAY, TWICE = date(2024, 5, 10), date(2024, 5, 11)
HEADER = line({name: name for name in NAMES})
INVISIBLE = (
    "\x00", "\x07", "\x1b[31m", "\x7f", "\x85", "\xad", "\u061c", "\u200b", "\u200c", "\u200d", "\u200e", "\u202e", "\u2028",
    "\u2066", "\ufeff", "\u3164", "\U000e0041",
)  # fmt: skip
NO_DOUBLES = (
    "10.5d", "0x1F", "1f", "١٢", "NaN", "Infinity", "-inf", "1e400", "+5", " 5", "5 ", "1,5", "1_000", ".5", "5.", "--1", "1e",
    "5€",
)  # fmt: skip
NO_DATES = (
    "2024-02-30", "30.04.2024", "2024-5-1", "+99999-01-01", "20240501", "1714521600", "2024-05-10T00:00:00", "today",
)  # fmt: skip
NO_MOMENTS = (
    "2024-05-10 24:00:00", "2024-05-10 12:60", "2024-05-10 12:00:60", "1715300000", "2024-05-10", "+12024-05-10 12:00:00",
    "2024-05-10 12:00:00+25:00", "2024-05-10 12:00:00 Asia/Tokyo", "2024-05-10 12:00:00.1234567", "10:00", "now",
)  # fmt: skip


def each(reason: str, *texts: str) -> list[tuple[dict[str, str], list[str]]]:
    return [({reason.partition(":")[2]: text}, [reason]) for text in texts]


BAD: list[tuple[dict[str, str], list[str]]] = [
    *each("type:weight", *NO_DOUBLES),
    *each("type:pieces", "1.0", "1e3", "9223372036854775808", "٣", "+1", "1 ", "0b1", "1L", "true"),
    *each("type:price", "1.001", "1000000", "1e2", "NaN", ".50", "$5"),
    *each("type:insured", "TRUE", "1", "yes", "t", "False"),
    *each("type:due", *NO_DATES),
    *each("range:due", "0001-01-01", "1899-12-31", "2200-01-01", "2024-04-09", "2024-06-10", "2042-05-10"),
    *each("type:signed", *NO_MOMENTS),
    *each("range:signed", "0001-01-01 00:00:00", "1899-12-31 00:00:00", "2200-01-01 00:00:00"),
    *each("range:weight", "-1", "1000.5"),
    *each("allowed:size", "Small", "small "),
    *each("gap:picked", "2024-03-10 02:30:00"),
    *each("repeated:picked", "2024-11-03T01:30"),
    *each("gap:docked", "2024-10-06 02:15:00"),
    *each("text:note", *(f"a{one}b" for one in INVISIBLE)),
    ({"size": "sm\u200ball"}, ["allowed:size", "text:size"]),
    ({"price": "500", "insured": "false"}, ["rule:dear_is_insured"]),
    ({"price": "950000", "pieces": "1", "insured": "true", "note": "2"}, ["rule:a_piece_is_cheap"]),
    ({"sent": "2024-05-11"}, ["other_date"]),
    ({"sent": "2024-05-07"}, ["other_date"]),
    (
        {
            "weight": "heavy",
            "pieces": "1.5",
            "price": "900",
            "size": "huge",
            "sent": "2020-01-01",
            "picked": "2024-03-10 02:59:59",
        },
        ["type:weight", "type:pieces", "allowed:size", "gap:picked", "other_date"],
    ),
]
WHOLE_LINES = {
    HEADER: ["header_again"],
    line({}): ["missing:id"],
    line({"id": "toolong"}): ["pattern:id"],
    line({"id": "xA1"}): ["pattern:id"],
    "TOTAL: 3 rows": ["malformed"],
    f"Z1{',' * 13}": ["malformed"],
    f'Z2,"open{"," * 11}': ["malformed"],
    f'Z3{"," * 12}"2024': ["malformed"],
    "# a comment": ["malformed"],
}
GOOD: list[tuple[dict[str, str], dict[str, object]]] = [
    ({"weight": "-0.0"}, {"weight": 0.0}),
    ({"weight": "1e-400"}, {"weight": 0.0}),
    ({"weight": "007"}, {"weight": 7.0}),
    ({"pieces": "-9223372036854775808"}, {"pieces": -(2**63)}),
    ({"price": "-999999.99"}, {"price": Decimal("-999999.99")}),
    ({"price": "500", "insured": "true"}, {"price": Decimal(500), "insured": True}),
    ({"price": "500"}, {"price": Decimal(500)}),
    ({"price": "7", "pieces": "0"}, {"price": Decimal(7), "pieces": 0}),  # a rule without an answer is not broken
    ({"price": "7", "pieces": "1", "note": "no number"}, {"price": Decimal(7), "pieces": 1, "note": "no number"}),
    ({"due": "2024-04-10"}, {"due": date(2024, 4, 10)}),
    ({"due": "2024-06-09"}, {"due": date(2024, 6, 9)}),
    ({"sent": "2024-05-08"}, {"sent": date(2024, 5, 8)}),
    ({"raw": "a\u202eb\u200b"}, {"raw": "a\u202eb\u200b"}),
    ({"picked": "2024-03-10 01:59:59"}, {"picked": datetime(2024, 3, 10, 6, 59, 59, tzinfo=UTC)}),
    ({"picked": "2024-03-10 03:00:00"}, {"picked": datetime(2024, 3, 10, 7, tzinfo=UTC)}),
    ({"picked": "2024-11-03 00:59:59"}, {"picked": datetime(2024, 11, 3, 4, 59, 59, tzinfo=UTC)}),
    ({"picked": "2024-11-03 02:00:00"}, {"picked": datetime(2024, 11, 3, 7, tzinfo=UTC)}),
    ({"picked": "2024-11-03 01:30:00-04:00"}, {"picked": datetime(2024, 11, 3, 5, 30, tzinfo=UTC)}),
    ({"picked": "2024-03-10T02:30:00Z"}, {"picked": datetime(2024, 3, 10, 2, 30, tzinfo=UTC)}),
    ({"docked": "2024-04-07 01:45:00"}, {"docked": datetime(2024, 4, 6, 15, 15, tzinfo=UTC)}),
    ({"docked": "2024-04-07 01:15:00"}, {"docked": datetime(2024, 4, 6, 14, 15, tzinfo=UTC)}),
    ({"docked": "2024-10-06 02:30:00"}, {"docked": datetime(2024, 10, 5, 15, 30, tzinfo=UTC)}),
    ({"signed": "2024-05-10 05:30"}, {"signed": datetime(2024, 5, 10, tzinfo=UTC)}),
    ({"signed": "2024-05-10T05:30:00.123456+0530"}, {"signed": datetime(2024, 5, 10, 0, 0, 0, 123456, tzinfo=UTC)}),
    *(({"note": text}, {"note": text}) for text in NAUGHTY),
    *(({"raw": text}, {"raw": text}) for text in NAUGHTY),
]  # fmt: skip
DUPLICATES = [
    line({"id": "D1", "note": "twice"}), line({"note": "twice", "id": "D1"}), line({"id": "D1", "note": "twice"}),
    line({"id": "D2", "weight": "1"}), line({"id": "D2", "weight": "1.0"}),
    line({"id": "D3", "weight": "1"}), line({"id": "D3", "weight": "2"}), line({"id": "D3"}),
    line({"id": "D4"}), line({"id": "D4", "weight": "heavy"}),
]  # fmt: skip


def cells(number: int, kind: str, row: dict[str, str]) -> str:
    quoted = {name: f'"{text.replace(chr(34), 2 * chr(34))}"' for name, text in row.items()}
    return line({"id": f"{kind}{number}"} | quoted)


BAD_LINES = [(cells(at, "B", row), reasons) for at, (row, reasons) in enumerate(BAD)] + list(WHOLE_LINES.items())
LINES = [line_ for line_, _ in BAD_LINES] + [cells(at, "G", row) for at, (row, _) in enumerate(GOOD)]
DELIVERED = {
    day: Landed({"rows.csv": "".join(f"{one}\n" for one in (HEADER, *lines)).encode()}, len(lines))
    for day, lines in ((DAY, LINES), (TWICE, DUPLICATES))
}


@pytest.fixture(scope="module")
def written(stack: Settings, shared_lake: LakeFSLake, runner: ConnectRunner) -> Written:
    return write(stack, shared_lake, runner, "rows", DELIVERED)


@pytest.mark.parametrize(
    "at", range(len(BAD_LINES)), ids=[f"{' '.join(reasons)} {at}" for at, (_, reasons) in enumerate(BAD_LINES)]
)
def test_a_bad_row_is_kept_as_it_came_with_all_its_reasons(written: Written, at: int) -> None:
    kept = [(row["row"], row["reasons"]) for row in written.quarantine[DAY] if row["line"] == at + 2]
    assert kept == [BAD_LINES[at]]


@pytest.mark.parametrize("at", range(len(GOOD)))
def test_a_good_row_is_published_with_its_types_and_its_text_unchanged(written: Written, at: int) -> None:
    kept = [row for row in written.clean[DAY] if row["id"] == f"G{at}"]
    assert [{name: row[name] for name in NAMES if row[name] is not None} for row in kept] == [{"id": f"G{at}"} | GOOD[at][1]]


def test_every_row_is_accounted_for(written: Written) -> None:
    assert counts(written.units[DAY]) == (len(LINES), len(GOOD), len(BAD_LINES), 0)
    assert len(written.quarantine[DAY]) == len(BAD_LINES)


def test_rows_of_one_key_are_equal_by_value_or_all_quarantined(written: Written) -> None:
    assert counts(written.units[TWICE]) == (10, 3, 4, 3)
    assert sorted(str(row["id"]) for row in written.clean[TWICE]) == ["D1", "D2", "D4"]
    assert written.units[TWICE].account.by_first_reason == {"duplicate_key": 3, "type:weight": 1}
