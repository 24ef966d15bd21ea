"""What a file is: declared by its name, and shown by its first bytes and its last ones."""

import re
from itertools import islice

from lakeloop.adapters.file_inspector.file import GZIP, File
from lakeloop.core.contract import TableContract
from lakeloop.core.errors import BadFile
from lakeloop.core.files import FileShape

PLAINLY = "deliver it without encryption"
ANEW = "write it anew with a Parquet library, or deliver CSV or JSON lines"
_PARQUET, _ENCRYPTED_PARQUET = b"PAR1", b"PARE"
_SMALLEST_PARQUET = 12
_HEAD, _TAIL = 1 << 12, 4
_XLSX = (b"xl/", b"[Content_Types].xml")
_KINDS = (
    (rb"PK\x03\x04", "a zip archive"),
    (rb"PK\x05\x06", "an empty zip archive"),
    (rb"PK\x07\x08", "a part of a zip archive"),
    (rb"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (rb"Rar!\x1a\x07", "a RAR archive"),
    (rb"\xfd7zXZ\x00", "xz data"),
    (rb"BZh[1-9]1AY&SY", "bzip2 data"),
    (rb"\x28\xb5\x2f\xfd", "zstd data"),
    (rb"\x04\x22\x4d\x18", "lz4 data"),
    (rb"\x1f\x8b", "gzip data"),
    (rb"\x1f\x9d", "compress data (.Z)"),
    (rb"%PDF-", "a PDF document"),
    (rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Office document"),
    (rb"(?s)(PAR[1E])(?:[\x00-\x08\x0e-\x1f]|.*\1\Z)", "a Parquet file"),  # a column may begin with these letters
    (rb"Obj\x01", "an Avro file"),
    (rb"ORC[\x00-\x08\x0b\x0c\x0e-\x1f]", "an ORC file"),
    (rb"SQLite format 3\x00", "a SQLite database"),
    (rb"\x7fELF", "a program"),
    (rb"(?s).{257}ustar(?:\x00|  \x00)", "a tar archive"),
    (rb"-----BEGIN PGP |age-encryption\.org/|Salted__", "an encrypted message"),
    (rb"(?i)(?:\xef\xbb\xbf)?\s*<(?:!doctype\s+html|html)", "an HTML page"),
    (rb"(?:\xef\xbb\xbf)?\s*<\?xml", "an XML document"),
)


def declared(contract: TableContract, name: str) -> FileShape:
    """The shape that a name declares; BadFile where no reader knows its ending, or the contract does not take it."""
    shape = FileShape.named(name)
    if shape is None:
        words = f"{name} ends in none of .csv, .jsonl, .ndjson (each also with .gz) and .parquet"
        raise BadFile(words, "file_name", "deliver it under a name that says what it is")
    if shape.format == "parquet" and shape.compression:
        words = f"{name} is declared as Parquet inside gzip, and Parquet is packed in itself"
        raise BadFile(words, "file_name", "deliver it plain")
    if shape.format not in contract.formats:
        words = f"{name} is declared as {shape.format}, and the contract of {contract.name} takes {', '.join(contract.formats)}"
        raise BadFile(words, "format", "deliver it as one of these, or add the format to the contract")
    return shape.model_copy(update={"delimiter": contract.delimiter})


def check_kind(file: File) -> None:
    """Raise BadFile where the first bytes are not of the declared kind."""
    head = file.content[:_HEAD]
    if not head:
        return
    if file.shape.format == "parquet":
        _check_parquet(file, head)
    elif not file.shape.compression:
        _refuse(
            file,
            _kind_of(head + file.content[max(_HEAD, len(file.content) - _TAIL) :]),
            "without .gz in its name" if head.startswith(GZIP) else "",
        )
    elif not head.startswith(GZIP):
        words = f"{file.name} is declared as gzip and is {_kind_of(head) or 'not'}"
        raise BadFile(words, "gzip")
    else:
        inner = b"".join(islice(file.blocks(), 1))[:_HEAD]
        _refuse(file, _kind_of(inner), "inside gzip")


def _check_parquet(file: File, head: bytes) -> None:
    if file.content[-4:] == _ENCRYPTED_PARQUET or head.startswith(_ENCRYPTED_PARQUET):
        words = f"{file.name} is encrypted Parquet"
        raise BadFile(words, "encrypted", PLAINLY)
    if not head.startswith(_PARQUET):
        words = f"{file.name} is declared as Parquet and is {_kind_of(head) or 'not'}"
        raise BadFile(words, "wrong_kind")
    if file.content[-4:] != _PARQUET or len(file.content) < _SMALLEST_PARQUET:
        words = f"{file.name} has no Parquet footer at its end: it is cut off"
        raise BadFile(words, "parquet")


def _refuse(file: File, kind: str, how: str) -> None:
    if kind:
        code = "encrypted" if "encrypted" in kind else "wrong_kind"
        words = f"{file.name} is declared as {_words(file.shape)} and is {' '.join(filter(None, (kind, how)))}"
        raise BadFile(words, code, "deliver the file itself, as its name declares it")


def _kind_of(head: bytes) -> str:
    kind = next((words for pattern, words in _KINDS if re.match(pattern, head)), "")
    if kind == "a zip archive":
        if any(mark in head for mark in _XLSX):
            return "an Excel workbook"
        return "an encrypted zip archive" if int.from_bytes(head[6:7]) & 1 else kind
    return kind


def _words(shape: FileShape) -> str:
    plain = {"csv": "CSV", "jsonl": "JSON lines", "parquet": "Parquet"}[shape.format]
    return f"{plain} in gzip" if shape.compression else plain
