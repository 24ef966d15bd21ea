"""Parquet written by hand, so that any word of it can be a lie: thrift's compact protocol, pages of version 1, one row group."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

I32, I64, BINARY, LIST, STRUCT = 5, 6, 8, 9, 12
INT64, DOUBLE, BYTE_ARRAY, FIXED = 2, 5, 6, 7  # physical types
REQUIRED, OPTIONAL, REPEATED = range(3)
UTF8, DECIMAL = 0, 5  # converted types
PLAIN, RLE, BIT_PACKED, RLE_DICTIONARY = 0, 3, 4, 8  # encodings
Word = tuple[int, Any]  # of a struct: the type of a field, and what stands in it
Fields = Mapping[int, Word]


class Column(NamedTuple):
    """A column as it is declared and as its pages are."""

    name: str
    type: int
    pages: bytes
    repetition: int = REQUIRED
    more: Fields = {}  # further words of its schema
    values: int = 2  # as its chunk says
    offset: int = 0  # of its first data page, behind its first byte
    is_dictionary: bool = False
    of_chunk: Fields = {}  # further words of its chunk


def _value(type_: int, value: Any) -> bytes:
    if type_ in {I32, I64}:
        return varint((value << 1 ^ value >> 63) & (1 << 64) - 1)
    if type_ == BINARY:
        return varint(len(value)) + value
    return bytes(value)


def fields(words: Fields) -> bytes:
    """A struct."""
    out, last = b"", 0
    for number, (type_, value) in sorted(words.items()):
        head = bytes([(number - last) << 4 | type_]) if number - last < 16 else bytes([type_]) + varint(number << 1)
        out += head + _value(type_, value)
        last = number
    return out + b"\0"


def varint(number: int) -> bytes:
    """An unsigned number, seven bits a byte."""
    out = b""
    while number > 0x7F:
        out += bytes([number & 0x7F | 0x80])
        number >>= 7
    return out + bytes([number])


def many(type_: int, values: Sequence[Any], count: int | None = None) -> Word:
    """A list, whatever it says of its length."""
    length = len(values) if count is None else count
    head = bytes([length << 4 | type_]) if length < 15 else bytes([0xF0 | type_]) + varint(length)
    return LIST, head + b"".join(_value(type_, value) for value in values)


def data_page(body: bytes, values: int = 2, encoding: int = PLAIN, size: int | None = None, of_levels: int = RLE) -> bytes:
    """A page of values, whatever its header says of it."""
    length = len(body) if size is None else size
    header = {1: (I32, values), 2: (I32, encoding), 3: (I32, of_levels), 4: (I32, RLE)}
    return fields({1: (I32, 0), 2: (I32, length), 3: (I32, length), 5: (STRUCT, fields(header))}) + body


def dictionary_page(body: bytes, values: int) -> bytes:
    """A page of the texts or numbers that a data page counts out."""
    header = fields({1: (I32, values), 2: (I32, PLAIN)})
    return fields({1: (I32, 2), 2: (I32, len(body)), 3: (I32, len(body)), 7: (STRUCT, header)}) + body


def texts(*words: bytes) -> bytes:
    """Plain values of BYTE_ARRAY."""
    return b"".join(struct.pack("<I", len(word)) + word for word in words)


def levels(count: int, level: int) -> bytes:
    """So many levels of the same height, as a run, behind their length."""
    run = varint(count << 1) + bytes([level])
    return struct.pack("<I", len(run)) + run


ID = Column("id", INT64, data_page(struct.pack("<qq", 1, 2)))
PLACE = Column("place", BYTE_ARRAY, data_page(texts(b"Oslo", b"Rome")), more={6: (I32, UTF8)})
VALUE = Column("value", DOUBLE, data_page(struct.pack("<dd", 1.5, 2.5)))


def parquet(*columns: Column, rows: int = 2, footer: bytes = b"", end: bytes = b"PAR1", size: int | None = None) -> bytes:
    """A file of these columns beside those that none of them stands for."""
    given = {column.name: column for column in (ID, PLACE, VALUE, *columns)}
    out, chunks = b"PAR1", []
    for column in given.values():
        chunks.append(_chunk(column, len(out)))
        out += column.pages
    root = fields({4: (BINARY, b"root"), 5: (I32, len(given))})
    group = {1: many(STRUCT, chunks), 2: (I64, len(out)), 3: (I64, rows)}
    said = {
        1: (I32, 2),
        2: many(STRUCT, [root, *map(_declared, given.values())]),
        3: (I64, rows),
        4: many(STRUCT, [fields(group)]),
    }
    footer = footer or fields(said)
    return out + footer + struct.pack("<I", len(footer) if size is None else size) + end


def _declared(column: Column) -> bytes:
    words = {1: (I32, column.type), 3: (I32, column.repetition), 4: (BINARY, column.name.encode())}
    return fields(words | dict(column.more))


def _chunk(column: Column, at: int) -> bytes:
    size = len(column.pages)
    words: dict[int, Word] = {
        1: (I32, column.type), 2: many(I32, [PLAIN, RLE, RLE_DICTIONARY]), 3: many(BINARY, [column.name.encode()]), 4: (I32, 0),
        5: (I64, column.values), 6: (I64, size), 7: (I64, size), 9: (I64, at + column.offset),
    }  # fmt: skip
    if column.is_dictionary:
        words[11] = (I64, at)
    return fields({2: (I64, at), 3: (STRUCT, fields(words | dict(column.of_chunk)))})
