"""What a file is by its bytes, against what its name says; gzip tested to its end."""

import bz2
import io
import lzma
import tarfile
import zipfile
import zlib
from typing import Literal

import pytest

from lakeloop.core.contract import Column, FileLimits, TableContract
from tests.unit.file_inspector.seen import GOOD, TABLE, packed, refused, seen


def zipped(name: str = "a.csv", *, encrypted: bool = False) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(name, GOOD)
    content = bytearray(out.getvalue())
    content[6] |= encrypted
    return bytes(content)


def tarred() -> bytes:
    out, entry = io.BytesIO(), tarfile.TarInfo("a.csv")
    entry.size = len(GOOD)
    with tarfile.open(fileobj=out, mode="w") as archive:
        archive.addfile(entry, io.BytesIO(GOOD))
    return out.getvalue()


@pytest.mark.parametrize(
    ("content", "code", "what"),
    [
        (zipped(), "wrong_kind", "is declared as CSV and is a zip archive"),
        (zipped("xl/workbook.xml"), "wrong_kind", "an Excel workbook"),
        (zipped(encrypted=True), "encrypted", "an encrypted zip archive"),
        (packed(GOOD), "wrong_kind", "gzip data without .gz in its name"),
        (bz2.compress(GOOD), "wrong_kind", "bzip2 data"),
        (lzma.compress(GOOD), "wrong_kind", "xz data"),
        (b"PK\x07\x08PK\x03\x04" + GOOD, "wrong_kind", "a part of a zip archive"),
        (b"\x1f\x9d\x90" + GOOD, "wrong_kind", "compress data (.Z)"),
        (b"Salted__\x8a\x0b" + GOOD, "encrypted", "an encrypted message"),
        (b"7z\xbc\xaf\x27\x1c" + GOOD, "wrong_kind", "a 7-Zip archive"),
        (b"\x28\xb5\x2f\xfd" + GOOD, "wrong_kind", "zstd data"),
        (b"%PDF-1.7\n", "wrong_kind", "a PDF document"),
        (b"PAR1\x15\x04" + GOOD, "wrong_kind", "a Parquet file"),
        (b"PAR1" + GOOD + b"PAR1", "wrong_kind", "a Parquet file"),
        (b"PARE" + GOOD * 200 + b"PARE", "wrong_kind", "a Parquet file"),
        (b"  <!DOCTYPE html><title>503</title>", "wrong_kind", "an HTML page"),
        (b"-----BEGIN PGP MESSAGE-----\n", "encrypted", "an encrypted message"),
        (b"age-encryption.org/v1\n-> X25519 x\n", "encrypted", "an encrypted message"),
        (b"Rar!\x1a\x07\x01\x00" + GOOD, "wrong_kind", "a RAR archive"),
        (b"\x04\x22\x4d\x18" + GOOD, "wrong_kind", "lz4 data"),
        (tarred(), "wrong_kind", "a tar archive"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + GOOD, "wrong_kind", "an old Office document"),
        (b"Obj\x01\x04\x14avro.codec", "wrong_kind", "an Avro file"),
        (b"ORC\x11\x00\x00", "wrong_kind", "an ORC file"),
        (b"SQLite format 3\0" + GOOD, "wrong_kind", "a SQLite database"),
        (b"\xef\xbb\xbf<?xml version='1.0'?>", "wrong_kind", "an XML document"),
        (b"\x7fELF\x02\x01\x01", "wrong_kind", "a program"),
    ],
)
def test_what_is_something_else_is_named(content: bytes, code: str, what: str) -> None:
    found, words = refused(content)
    assert (found, what in words) == (code, True), words


def of_columns(*names: str, delimiter: Literal[",", "\t"] = ",") -> TableContract:
    columns = tuple(Column(name=name, type="string") for name in names)
    return TableContract(name="readings", columns=columns, key=names[:1], delimiter=delimiter)


@pytest.mark.parametrize(
    ("content", "contract"),
    [
        (b"id,place,value\n1," + b"k".ljust(239, b"x") + b"mustard,1\n2,Rome,2\n", TABLE),
        (b"PARENT,place\n1,Oslo\n2,Rome\n", of_columns("PARENT", "place")),
        (b"PAR1,place\n1,Oslo\n2,Rome\n", of_columns("PAR1", "place")),
        (b"PAR1\tplace\n1\tOslo\n2\tPAR\n", of_columns("PAR1", "place", delimiter="\t")),
        (b"ORC\tplace\n1\tOslo\n2\tRome\n", of_columns("ORC", "place", delimiter="\t")),
        (b"ORC\n1\n2\n", of_columns("ORC")),
        (b"ORC\r\n1\r\n2\r\n", of_columns("ORC")),
    ],
    ids=["ustar", "PARE", "PAR1", "PAR1 and a tab", "ORC and a tab", "ORC and a line feed", "ORC and CRLF"],
)
def test_text_that_begins_like_a_binary_is_text(content: bytes, contract: TableContract) -> None:
    for name, sent in (("a.csv", content), ("a.csv.gz", packed(content))):
        assert seen(sent, name=name, contract=contract).refusal is None


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz", "a.jsonl", "a.ndjson.gz", "A.CSV"])
def test_an_ending_says_what_a_file_is(name: str) -> None:
    text = GOOD if "csv" in name.lower() else b'{"id": 1, "place": "a", "value": 1}\n{"id": 2, "place": "b", "value": 2}\n'
    assert seen(packed(text) if name.endswith("gz") else text, name=name).refusal is None


@pytest.mark.parametrize("name", ["a.txt", "a", "a.csv.GZ", "a.csv.zip", "a.csv.gz.gz", "a.parquet.gz", "a.xlsx"])
def test_an_ending_that_no_reader_knows_is_refused(name: str) -> None:
    assert refused(GOOD, name=name)[0] == "file_name"


def test_the_contract_says_which_formats_it_takes() -> None:
    code, words = refused(GOOD, contract=TABLE.model_copy(update={"formats": ("parquet",)}))
    assert (code, "the contract of readings takes parquet" in words) == ("format", True)


def test_several_members_are_one_file() -> None:
    half = GOOD.index(b"2,")
    assert seen(packed(GOOD[:half]) + packed(b"") + packed(GOOD[half:]), name="a.csv.gz").shapes[0].rows == 2


WRONG_CRC = bytearray(packed(GOOD))
WRONG_CRC[-6] ^= 0xFF


@pytest.mark.parametrize(
    ("content", "code", "what"),
    [
        (GOOD, "gzip", "is declared as gzip and is not"),
        (zipped(), "gzip", "is declared as gzip and is a zip archive"),
        (packed(GOOD)[:-9], "gzip", "ends in the middle of its gzip data"),
        (packed(GOOD)[:-3], "gzip", "ends in the middle of its gzip data"),
        (packed(GOOD)[:5], "gzip", "ends in the middle of its gzip data"),
        (bytes(WRONG_CRC), "gzip", f"cannot be unpacked between byte 0 and {len(WRONG_CRC)} (incorrect data check)"),
        (packed(GOOD) + b"\0\0", "gzip", "2 bytes behind the end of its gzip data"),
        (packed(GOOD) + b"more", "gzip", "4 bytes behind the end of its gzip data"),
        (packed(packed(GOOD)), "wrong_kind", "is declared as CSV in gzip and is gzip data inside gzip"),
        (packed(zipped()), "wrong_kind", "a zip archive inside gzip"),
        (packed(b""), "zero_rows", "has no row"),
        (packed(b"id,place,value\n" + b"\n" * (1 << 26)), "file_limits", "beyond the contract's limits"),
    ],
)
def test_gzip_is_tested_to_its_end(content: bytes, code: str, what: str) -> None:
    found, words = refused(content, name="a.csv.gz")
    assert (found, what in words) == (code, True), words


def test_members_that_hold_next_to_nothing_have_a_limit() -> None:
    rows = b"".join(b"%d,Oslo,1\n" % n for n in range(12_000))
    lines = [packed(line) for line in (b"id,place,value\n" + rows).splitlines(keepends=True)]
    assert seen(b"".join(lines[:10_000]), 9_999, "a.csv.gz").refusal is None
    code, words = refused(b"".join(lines), 12_000, "a.csv.gz")
    assert (code, "is gzip data of over 10000 members that hold 11 bytes each" in words) == ("file_limits", True), words
    whole = packed(rows[:5000].rpartition(b"\n")[0] + b"\n") * 10_100  # as block-wise packers make them
    assert refused(lines[0] + whole, 1, "a.csv.gz")[0] == "manifest_rows"


def test_unpacked_bytes_have_a_limit_of_their_own() -> None:
    small = TABLE.model_copy(update={"limits": FileLimits(unpacked=20)})
    assert refused(packed(GOOD), name="a.csv.gz", contract=small)[0] == "file_limits"


def test_of_a_bomb_no_more_than_a_block_is_unpacked_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    largest = 0
    honest = zlib.decompressobj

    class Watched:
        def __init__(self, wbits: int) -> None:
            self.inner = honest(wbits=wbits)

        def decompress(self, data: bytes, most: int) -> bytes:
            nonlocal largest
            block = self.inner.decompress(data, most)
            largest = max(largest, len(block))
            return block

        def __getattr__(self, name: str) -> object:
            return getattr(self.inner, name)

    bomb = packed(b"0" * (1 << 28))
    monkeypatch.setattr(zlib, "decompressobj", Watched)
    assert refused(bomb, name="a.csv.gz")[0] == "file_limits"
    assert 0 < largest <= 1 << 22
