"""Parquet is opened and read to its end: faults of footers, pages, checksums and texts, as far as one can make them."""

import io
import os
import struct
from collections.abc import Callable
from datetime import datetime
from errno import EMFILE, ENOSPC
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from lakeloop.adapters.file_inspector import parquet_again
from lakeloop.adapters.file_inspector.file import File
from lakeloop.adapters.file_inspector.parquet import inspect_parquet
from lakeloop.adapters.file_inspector.parquet_again import check_agreement
from lakeloop.core.contract import Column, FileLimits, TableContract
from lakeloop.core.errors import BadFile, MachineFailed
from lakeloop.core.files import FileShape
from tests.unit.file_inspector.seen import AGAIN, FITS, TABLE, WITH_ROWS, is_mended, refused, seen

PLAIN: dict[str, Any] = {"id": [1, 2], "place": ["Oslo", "Rome"], "value": [1.5, 2.5]}


def parquet(columns: dict[str, Any] | pa.Table = PLAIN, **options: Any) -> bytes:
    out = io.BytesIO()
    pq.write_table(columns if isinstance(columns, pa.Table) else pa.table(columns), out, **options)
    return out.getvalue()


@pytest.mark.parametrize("compression", ["none", "snappy", "gzip", "zstd"])
def test_a_whole_file_is_taken_and_counted(compression: str) -> None:
    (shape,) = (found := seen(parquet(compression=compression), name="a.parquet")).shapes
    assert (found.refusal, shape.rows, shape.format, shape.is_nfc) == (None, 2, "parquet", True)


@pytest.mark.parametrize(
    "columns",
    [
        {"value": [1.5, 2.5], "id": [1, 2], "place": ["a", "b"]},
        PLAIN | {"id": [1.0, None]},
        PLAIN | {"value": pa.array([1, 2]).cast(pa.decimal128(21, 2))},
        PLAIN | {"place": pa.array(["a", "a"]).dictionary_encode()},
        PLAIN | {"place": pa.nulls(2)},
        PLAIN | {"id": pa.array([1, 2], pa.uint64())},
    ],
    ids=["reordered", "integers as doubles", "decimal", "dictionary", "all null", "unsigned"],
)
def test_types_that_rows_can_be_judged_in_are_taken(columns: dict[str, Any]) -> None:
    assert seen(parquet(columns), name="a.parquet").refusal is None


PLAIN_VALUES = "deliver it with one plain value a cell"
TYPED = "deliver it in that type, or change the contract"
FEWER = "deliver the columns that the contract names"
SMALLER = "deliver smaller texts, or raise `limits` in the contract"
PLAINLY = "deliver it without encryption"
FOR_BOTH = "write it with a Parquet library's usual encodings, or deliver CSV or JSON lines"
SPLIT: dict[str, Any] = {"use_dictionary": False, "column_encoding": {"id": "BYTE_STREAM_SPLIT"}}  # of integers: legal and rare
BAD: dict[str, tuple[Callable[[], bytes], str, str, str]] = {
    "missing": (lambda: parquet({"id": [1, 2], "place": ["a", "b"]}), "header", "'value' missing", FITS),
    "re-cased": (lambda: parquet({"ID": [1, 2], "place": ["a"] * 2, "value": [1, 2]}), "header", "'ID' should be written", FITS),
    "nested": (lambda: parquet(PLAIN | {"place": [["a"], ["b"]]}), "header", "column 2 holds lists", PLAIN_VALUES),
    "nested strangers": (lambda: parquet(PLAIN | {"Bonn": [{"a": 1}, {}]}), "header", "column 4 holds lists", PLAIN_VALUES),
    "a stranger": (lambda: parquet(PLAIN | {"Bonn": [1, 2]}), "header", "1 name not in the contract (column 4)", FITS),
    "binary": (lambda: parquet(PLAIN | {"place": [b"a", b"b"]}), "header", "place is BYTE_ARRAY, the contract says", TYPED),
    "bool": (lambda: parquet(PLAIN | {"value": [True, False]}), "header", "value is BOOLEAN, the contract says double", TYPED),
    "text": (lambda: parquet(PLAIN | {"id": ["1", "2"]}), "header", "id is BYTE_ARRAY (STRING), the contract says int", TYPED),
    "time": (lambda: parquet(PLAIN | {"id": pa.array([1, 2], pa.time64("us"))}), "header", "id is INT64 (TIME)", TYPED),
    "no rows": (lambda: parquet(pa.table(PLAIN)[:0]), "zero_rows", "has no row", WITH_ROWS),
    "rows": (lambda: parquet(pa.table(PLAIN)[:1]), "manifest_rows", "has 1 row, its manifest says 2", WITH_ROWS),
    "columns": (lambda: parquet({f"c{n}": [1] for n in range(2000)}), "file_limits", "has 2000 columns", FEWER),
    "a cell": (lambda: parquet(PLAIN | {"place": ["a", "x" * 5_000_000]}), "file_limits", "a text of 5000000 bytes", SMALLER),
    "empty": (lambda: b"", "zero_rows", "has no row", WITH_ROWS),
    "not Parquet": (lambda: b"id,place,value\n", "wrong_kind", "is declared as Parquet and is not", AGAIN),
    "cut off": (lambda: parquet()[:-20], "parquet", "no Parquet footer at its end", AGAIN),
    "cut in front": (lambda: parquet()[20:], "wrong_kind", "declared as Parquet", AGAIN),
    "encrypted": (lambda: parquet()[:-4] + b"PARE", "encrypted", "is encrypted Parquet", PLAINLY),
    "magic only": (lambda: b"PAR1PAR1", "parquet", "cut off", AGAIN),
    "footer's length": (lambda: parquet()[:-8] + struct.pack("<I", 1 << 31) + b"PAR1", "parquet", "cannot be read", AGAIN),
    "footer of zeros": (lambda: b"PAR1" + b"\0" * 40 + struct.pack("<I", 40) + b"PAR1", "parquet", "cannot be read", AGAIN),
    "middle lost": (lambda: b"PAR1" + parquet()[200:], "parquet", "cannot be read", AGAIN),
    "page header": (lambda: zeroed(4, 30), "parquet", "cannot be read", AGAIN),
    "checksum": (lambda: flipped("none"), "parquet", "cannot be read", AGAIN),
    "packed page": (lambda: flipped("gzip", checksum=False), "parquet", "cannot be read", AGAIN),
    "for Arrow only": (lambda: parquet(**SPLIT), "parquet", "Arrow reads 2 rows, DuckDB cannot read it (Error)", FOR_BOTH),
    "no JSON": (lambda: parquet(PLAIN | {"place": pa.array(["Bonn", "1"], pa.json_())}), "parquet", "DuckDB cannot", FOR_BOTH),
    "not UTF-8": (lambda: parquet().replace(b"Oslo", b"Os\xfflo"[:4]), "parquet", "cannot be read", AGAIN),
}  # fmt: skip


def zeroed(first: int, last: int) -> bytes:
    content = bytearray(parquet(use_dictionary=False))
    content[first:last] = bytes(last - first)
    return bytes(content)


def flipped(compression: str, *, checksum: bool = True) -> bytes:
    """One bit of the first column's page is another."""
    columns = PLAIN | {"id": list(range(1, 3))}
    content = bytearray(parquet(columns, compression=compression, write_page_checksum=checksum, use_dictionary=False))
    meta = pq.ParquetFile(io.BytesIO(bytes(content))).metadata.row_group(0).column(0)
    content[meta.data_page_offset + meta.total_compressed_size - 6] ^= 0x10
    return bytes(content)


@pytest.mark.parametrize(("make", "code", "words", "mend"), BAD.values(), ids=BAD)
def test_a_fault_is_a_sentence_with_what_mends_it(make: Callable[[], bytes], code: str, words: str, mend: str) -> None:
    found, message = refused(make(), name="a.parquet")
    assert words in message
    assert message.endswith(f"Next: {mend}.")
    assert (found, "Bonn" in message) == (code, False)


def test_text_is_looked_at_to_the_end_though_its_form_is_known() -> None:
    content = parquet(PLAIN | {"place": ["Malmo\u0308", "Rome"]}, row_group_size=1, compression="none")
    assert refused(content.replace(b"Rome", b"Rom\xff"), name="a.parquet")[0] == "parquet"


def test_whatever_byte_is_flipped_it_is_taken_or_a_sentence() -> None:
    content = parquet(compression="snappy", write_page_checksum=True)
    for at in range(0, len(content), 7):
        broken = bytearray(content)
        broken[at] ^= 0x81
        found = seen(bytes(broken), name="a.parquet")
        assert found.refusal is None or is_mended(found.refusal), found.refusal


def test_a_repeated_text_takes_the_memory_of_one() -> None:
    texts = pa.DictionaryArray.from_arrays(pa.array([0] * 2000, pa.int32()), ["x" * 500_000])
    content = parquet(pa.table({"id": range(2000), "place": texts, "value": [1.0] * 2000}))
    before = pa.default_memory_pool()
    pool = pa.proxy_memory_pool(before)
    pa.set_memory_pool(pool)
    try:
        assert inspect_parquet(File(TABLE, FileShape(name="a.parquet", format="parquet"), content, 2000)).rows == 2000
    finally:
        pa.set_memory_pool(before)
    assert 0 < pool.max_memory() < 1 << 25  # written out it would be a gigabyte


def test_its_announced_size_has_a_limit() -> None:
    small = TABLE.model_copy(update={"limits": FileLimits(unpacked=100)})
    assert refused(parquet(), name="a.parquet", contract=small)[0] == "file_limits"


VALUES = {"id": 2, "place": 2, "value": 2}


def check(content: bytes, rows: int = 2, values: dict[str, int] = VALUES) -> None:
    """What DuckDB says of a file in which Arrow found so much."""
    check_agreement(File(TABLE, FileShape(name="a.parquet", format="parquet"), content, rows), rows, values)


@pytest.mark.parametrize(
    ("content", "rows", "values", "words"),
    [
        (parquet(), 3, VALUES, "Arrow reads 3 rows, DuckDB 2"),
        (parquet(), 2, VALUES | {"place": 1}, "Arrow reads 1 value in the column place, DuckDB 2"),
        (zeroed(4, 30), 2, VALUES, r"Arrow reads 2 rows, DuckDB cannot read it \(\w+\)"),
    ],
    ids=["other rows", "other values", "a page, though the footer says that it has no null"],
)
def test_the_second_reader_counts_by_itself(content: bytes, rows: int, values: dict[str, int], words: str) -> None:
    check(parquet(PLAIN | {"place": ["a", None]}), 2, VALUES | {"place": 1})
    with pytest.raises(BadFile, match=f"^a.parquet: {words}; nothing of the delivery was published"):
        check(content, rows, values)


def test_the_second_reader_has_its_memory_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(parquet_again._CONFIG, "memory_limit", "200KB")
    with pytest.raises(BadFile, match="2 rows and takes DuckDB, .* of memory; .* Next: deliver it with smaller pages") as refusal:
        check(parquet())
    assert refusal.value.code == "file_limits"


def test_the_second_reader_has_its_time_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    endless = "SELECT count(*), 0, 0, 0 FROM range(1000000) AS a, range(1000000) AS b"
    monkeypatch.setattr(parquet_again, "_SECONDS", 0.5)
    monkeypatch.setattr(parquet_again, "_ask", lambda db, path, names: db.execute(endless).fetchone())  # noqa: ARG005
    with pytest.raises(BadFile, match="2 rows and takes DuckDB, .* over 0.5 s; .* Next: deliver it in several files") as refusal:
        check(parquet())
    assert refusal.value.code == "file_limits"
    monkeypatch.undo()
    check(parquet())  # the next one is read


@pytest.mark.parametrize("errno", [EMFILE, ENOSPC])
def test_a_machine_without_room_is_no_fault_of_the_delivery(monkeypatch: pytest.MonkeyPatch, errno: int) -> None:
    def fails(name: str) -> int:
        raise OSError(errno, os.strerror(errno), name)

    monkeypatch.setattr(parquet_again.os, "memfd_create", fails)
    with pytest.raises(MachineFailed, match=r"^a.parquet was not read .*; nothing was taken in. Next: free memory"):
        check(parquet())


@pytest.mark.parametrize(("unit", "odd"), [("ms", 10**16), ("ms", -(10**16)), ("ms", 2**63 - 1), ("us", 2**63 - 1)])
def test_a_time_beyond_all_calendars_is_a_fault_of_its_row_and_the_other_columns_are_counted_twice(unit: str, odd: int) -> None:
    table = TableContract(
        name="events", columns=(Column(name="id", type="int"), Column(name="at", type="timestamp")), key=("id",)
    )
    content = parquet({"id": [1, 2, 3], "at": pa.array([0, odd, None], pa.timestamp(unit))})
    found = seen(content, 3, "a.parquet", table)
    assert (found.refusal, [shape.rows for shape in found.shapes]) == (None, [3])
    for rows, values, words in ((4, {"id": 3, "at": 2}, "Arrow reads 4 rows, DuckDB 3"), (3, {"at": 2, "id": 2}, "DuckDB 3")):
        with pytest.raises(BadFile, match=words):
            check(content, rows, values)


def test_a_file_that_is_too_large_for_spark_in_one_piece_is_not_even_opened() -> None:
    content = b"PAR1" + bytes(100) + b"PAR1"
    at, over = (TABLE.model_copy(update={"limits": FileLimits(parquet=most)}) for most in (len(content), len(content) - 1))
    assert refused(content, name="a.parquet", contract=at)[0] == "parquet"
    code, words = refused(content, name="a.parquet", contract=over)
    assert (code, "a.parquet has 108 bytes, the contract's limit for one Parquet file is 107" in words) == ("file_limits", True)
    assert words.endswith("Next: deliver it in several files, or as plain CSV or JSON lines, which are read in parts.")


def test_no_contract_takes_a_file_that_no_row_of_spark_can_hold() -> None:
    with pytest.raises(ValidationError, match="parquet\n.*less than 2147483648"):
        FileLimits(parquet=1 << 31)


def test_dates_and_times_come_as_such_or_as_text() -> None:
    columns = (Column(name="day", type="date"), Column(name="at", type="timestamp"))
    table = TableContract(name="events", columns=columns, key=("at",))
    moment = datetime(2024, 3, 1, 12)  # noqa: DTZ001
    assert seen(parquet({"day": [moment.date()], "at": [moment]}), 1, "a.parquet", table).refusal is None
    assert seen(parquet({"day": ["2024-03-01"], "at": ["x"]}), 1, "a.parquet", table).refusal is None
    code, words = refused(parquet({"day": [moment.date()], "at": [1709294400]}), 1, "a.parquet", table)
    assert (code, "at is INT64, the contract says timestamp" in words) == ("header", True)


def test_text_that_is_not_composed_is_marked() -> None:
    assert not seen(parquet(PLAIN | {"place": ["Malmo\u0308", None]}), name="a.parquet").shapes[0].is_nfc
