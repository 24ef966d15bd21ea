"""The faults of apache/parquet-testing's `bad_data`, and their like, built by hand: a sentence each, and the reader lives on."""

import struct
from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.file_inspector.parquet_bytes import (
    BIT_PACKED,
    DECIMAL,
    FIXED,
    I32,
    I64,
    ID,
    OPTIONAL,
    PLACE,
    REPEATED,
    RLE_DICTIONARY,
    STRUCT,
    VALUE,
    Column,
    data_page,
    dictionary_page,
    fields,
    levels,
    many,
    parquet,
    texts,
    varint,
)
from tests.unit.file_inspector.seen import refused, seen

HUGE = (1 << 31) - 1
BOTH = texts(b"Oslo", b"Rome")
SECOND_TWICE = b"\x01\x04\x01"  # indices of one bit: a run of two, the second of the dictionary
BOTH_PAGE = data_page(BOTH)
COUNTED = {16: (STRUCT, fields({2: many(I64, [2, 2, 2]), 3: many(I64, [2, 2, 2])}))}
NO_TYPE = {10: (STRUCT, fields({99: (STRUCT, fields({}))}))}


def place(pages: bytes, **more: Any) -> bytes:
    """A file whose column of texts has these pages."""
    return parquet(PLACE._replace(pages=pages, **more))


def counted_out(values: int, indices: bytes = SECOND_TWICE, body: bytes = BOTH, column: Column = PLACE) -> bytes:
    """A file whose column counts out a dictionary that says so many values."""
    first = dictionary_page(body, values)
    pages = first + data_page(indices, encoding=RLE_DICTIONARY)
    return parquet(column._replace(pages=pages, offset=len(first), is_dictionary=True))


def two_faced() -> bytes:
    """A page whose levels, packed in bits as its header says, are a null and a value; taken for a run, they are two values."""
    body = b"\x02" + b"\0\0\0\x04\x01" + struct.pack("<dd", 1.5, 2.5)
    return parquet(VALUE._replace(pages=data_page(body, of_levels=BIT_PACKED), repetition=OPTIONAL))


def fixed() -> Column:
    """A column of decimals of four bytes each."""
    return Column("value", FIXED, b"", more={2: (I32, 4), 6: (I32, DECIMAL), 7: (I32, 2), 8: (I32, 8)})


def with_footer_size(size: Callable[[int], int]) -> bytes:
    """A file whose footer is said to be as long as what comes of the file's length."""
    content = parquet()
    return content[:-8] + struct.pack("<I", size(len(content))) + content[-4:]


def test_what_is_built_by_hand_is_parquet() -> None:
    optional = place(data_page(levels(2, 1) + BOTH), repetition=OPTIONAL)
    for content in (parquet(), counted_out(2), optional):
        assert seen(content, name="a.parquet").refusal is None


UPSTREAM: dict[str, tuple[Callable[[], bytes], str, str]] = {  # by the names of its files
    "PARQUET-1481": (lambda: parquet(ID._replace(type=-7)), "parquet", "cannot be read"),
    "ARROW-RS-GH-6229-DICTHEADER": (lambda: counted_out(-1), "parquet", "cannot be read after 0 rows"),
    "ARROW-RS-GH-6229-LEVELS": (
        lambda: place(data_page(levels(1, 0) + levels(2, 1) + BOTH), repetition=REPEATED), "header", "column 2 holds lists",
    ),
    "ARROW-GH-41321": (lambda: place(data_page(levels(1, 1) + BOTH), repetition=OPTIONAL), "parquet", "cannot be read"),
    "ARROW-GH-41317": (lambda: place(data_page(texts(b"Oslo"), 1), values=1), "parquet", "columns do not have the same size"),
    "ARROW-GH-41317, more": (
        lambda: place(data_page(texts(b"a", b"b", b"c"), 3), values=3), "parquet", "place says 3 values, its rows are 2",
    ),
    "ARROW-GH-45185": (
        lambda: place(data_page(levels(2, 1) + levels(2, 1) + BOTH), repetition=REPEATED), "header", "column 2 holds lists",
    ),
    "ARROW-GH-41764-unknown-logical-type": (lambda: parquet(ID._replace(more=NO_TYPE)), "header", "id is INT64 (UNDEFINED)"),
}  # fmt: skip
ONE_EACH = data_page(levels(2, 0) + levels(2, 1) + struct.pack("<qq", 1, 2))
ALIKE: dict[str, tuple[Callable[[], bytes], str, str]] = {
    "a dictionary larger than it is": (lambda: counted_out(3), "parquet", "cannot be read"),
    "a dictionary of two thousand million": (lambda: counted_out(HUGE), "file_limits", "takes Arrow more memory than it may"),
    "a dictionary smaller than its indices": (lambda: counted_out(1), "parquet", "cannot be read"),
    "an index outside its dictionary": (lambda: counted_out(2, b"\x08\x04\x63"), "parquet", "cannot be read"),
    "indices cut off": (lambda: counted_out(2, b"\x01"), "parquet", "cannot be read"),
    "a page of fewer values": (lambda: place(data_page(BOTH, 1)), "parquet", "cannot be read"),
    "a page of no values": (lambda: place(data_page(BOTH, 0)), "parquet", "holds 0 rows"),
    "a page of minus one value": (lambda: place(data_page(BOTH, -1)), "parquet", "cannot be read"),
    "a page of 2 GB": (lambda: place(data_page(BOTH, size=HUGE)), "parquet", "cannot be read"),
    "a page of minus one byte": (lambda: place(data_page(BOTH, size=-1)), "parquet", "cannot be read"),
    "levels that two readers read differently": (two_faced, "parquet", "Arrow reads 1 value in the column value, DuckDB 2"),
    "an unknown encoding": (lambda: place(data_page(BOTH, encoding=77)), "parquet", "cannot be read"),
    "a text of 2 GB": (lambda: place(data_page(struct.pack("<I", HUGE) + BOTH)), "parquet", "cannot be read"),
    "a text of minus one byte": (lambda: place(data_page(struct.pack("<i", -1) + BOTH)), "parquet", "cannot be read"),
    "pages outside the file": (lambda: parquet(PLACE._replace(offset=10**9)), "parquet", "cannot be read"),
    "pages before the file": (lambda: parquet(PLACE._replace(offset=-(10**6))), "parquet", "cannot be read"),
    "a chunk of 2**62 values": (lambda: parquet(PLACE._replace(values=1 << 62)), "parquet", "values, its rows are 2"),
    "a chunk of minus one value": (lambda: parquet(PLACE._replace(values=-1)), "parquet", "holds 0 rows"),
    "2**62 rows": (lambda: parquet(rows=1 << 62), "manifest_rows", "its manifest says 2"),
    "minus two rows": (lambda: parquet(rows=-2), "manifest_rows", "has -2 rows, its manifest says 2"),
    "lists of one number each": (
        lambda: parquet(ID._replace(pages=ONE_EACH, repetition=REPEATED)), "header", "column 1 holds lists",
    ),
    "levels counted that there are not": (lambda: place(BOTH_PAGE, of_chunk=COUNTED), "parquet", "cannot be read after"),
    "a schema of 2**31 columns": (lambda: parquet(ID._replace(more={5: (I32, HUGE)})), "parquet", "cannot be read"),
    "a column of minus one column": (lambda: parquet(ID._replace(more={5: (I32, -1)})), "header", "column 1 holds lists"),
    "thrift: a list of 2**31": (
        lambda: parquet(footer=fields({1: (I32, 2), 2: many(STRUCT, [], HUGE), 3: (I64, 2)})), "parquet", "cannot be read",
    ),
    "thrift: a name of 2 GB": (lambda: parquet(footer=b"\x15\x04\x19\x2c\x48" + varint(HUGE)), "parquet", "cannot be read"),
    "thrift: 100,000 structs in each other": (lambda: parquet(footer=b"\x1c" * 100_000), "parquet", "cannot be read"),
    "footer cut off": (lambda: parquet()[:-60] + parquet()[-8:], "parquet", "cannot be read"),
    "footer of no bytes": (lambda: with_footer_size(lambda _: 0), "parquet", "cannot be read"),
    "footer of 4 GB": (lambda: with_footer_size(lambda _: (1 << 32) - 1), "parquet", "cannot be read"),
    "footer longer than its file": (lambda: with_footer_size(lambda size: size + 1), "parquet", "cannot be read"),
    "footer as long as its file": (lambda: with_footer_size(lambda size: size - 8), "parquet", "cannot be read"),
    "encrypted footer": (lambda: parquet(end=b"PARE"), "encrypted", "is encrypted Parquet"),
}  # fmt: skip


@pytest.mark.parametrize(("make", "code", "words"), [*UPSTREAM.values(), *ALIKE.values()], ids=[*UPSTREAM, *ALIKE])
def test_a_lie_in_its_bytes_is_a_sentence(make: Callable[[], bytes], code: str, words: str) -> None:
    found, message = refused(make(), name="a.parquet")
    assert words in message
    assert found == code


READ_ON: dict[str, Callable[[], bytes]] = {  # what no reader can tell from a sound file, or what loses nothing
    "ARROW-GH-43605": lambda: counted_out(2, b"\x00\x04"),  # indices of no bits: the first of the dictionary, twice
    "ARROW-GH-47662": lambda: parquet(VALUE._replace(pages=data_page(levels(1, 0) + levels(1, 1) + struct.pack("<d", 1.5)))),
    "ARROW-RS-GH-11261-FLBA-DICT": lambda: counted_out(2, body=texts(b"\0\0\0\1", b"\0\0\0\2"), column=fixed()),
    "a page of more values than its chunk": lambda: place(data_page(BOTH, 3)),
}


@pytest.mark.parametrize("make", READ_ON.values(), ids=READ_ON)
def test_what_cannot_be_told_from_a_sound_file_has_the_rows_that_were_promised(make: Callable[[], bytes]) -> None:
    (shape,) = (found := seen(make(), name="a.parquet")).shapes
    assert (found.refusal, shape.rows) == (None, 2)
