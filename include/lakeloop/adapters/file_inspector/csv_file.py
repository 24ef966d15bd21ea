"""CSV under inspection: its header by name, its lines counted, and records over several lines where they are meant."""

import re

from lakeloop.adapters.file_inspector.csv_header import check_header
from lakeloop.adapters.file_inspector.file import File
from lakeloop.adapters.file_inspector.records import Records
from lakeloop.adapters.file_inspector.text import BLANK, sound_blocks
from lakeloop.core.errors import BadFile
from lakeloop.core.files import FileShape

_BLANK = 1 << 20  # bytes; no part that Spark reads is smaller than 4 MiB
_FOOTER = re.compile(rb"[\W_]*(grand |sub)?(total|sum|count|rows|end|eof)\b", re.IGNORECASE)


def inspect_csv(file: File) -> FileShape:
    """The shape of a CSV file that a reader may open."""
    lines, odd_line, is_nfc, header, last = 0, None, True, b"", b""
    records, blank = Records(), 0
    for block in sound_blocks(file):
        if not lines and block.rows:
            _check_begin(file, blank + len(block.content) - len(block.content.lstrip(BLANK)))
            header = check_header(file, block.content, block.first_line)
        blank += len(block.content)
        lines += block.rows
        odd_line = odd_line or block.odd_line()
        records.add(block)
        is_nfc &= block.is_nfc
        last = block.content if block.rows else last
    rows = max(lines - 1, 0)
    is_quoted = odd_line is not None and _is_quoted(file, rows, None if records.is_open else records.begun - 1, odd_line)
    if is_quoted:
        _check_longest(file, records)
    else:
        file.check_rows(rows, _hint(file, header, last) if rows > file.rows else "")
    return file.shape.model_copy(
        update={"rows": file.rows, "header": header.decode().rstrip("\r"), "is_quoted": is_quoted, "is_nfc": is_nfc}
    )


def _check_begin(file: File, blank: int) -> None:
    """Raise BadFile where the write, which reads in parts of megabytes, might meet a part without the header first."""
    if blank > _BLANK:
        words = f"{file.name} begins with {blank} bytes of blank lines, and {_BLANK} at most may stand before a header"
        raise BadFile(words, "header", "deliver it with the header in its first line")


def _is_quoted(file: File, rows: int, records: int | None, odd_line: int) -> bool:
    """Whether records go over several lines: the reading is meant that gives as many rows as were promised.

    There are no records where the last quote is never closed.
    """
    if rows == file.rows:
        return False
    if records == file.rows:
        return True
    both = f"read with records over several lines it {'cannot be read' if records is None else f'has {records} rows'}"
    words = (
        f"{file.name} line {odd_line} has an odd number of quotes: read line by line the file has {rows} rows, {both}, "
        f"and its manifest says {file.rows}"
    )
    raise BadFile(words, "manifest_rows", "deliver it again with its quotes closed and its rows counted as records")


def _check_longest(file: File, records: Records) -> None:
    """Raise BadFile where a record, and so perhaps a cell, is longer than a line may be."""
    if records.longest > (most := file.contract.limits.line):
        where = f"{file.name} line {records.line}"
        words = f"{where}: a record of {records.longest} bytes over several lines, the contract's limit is {most}"
        raise BadFile(words, "file_limits", "see what stands in it; if it is right, raise `limits` in the contract")


def _hint(file: File, header: bytes, last: bytes) -> str:
    """What one line too many probably is."""
    line = last.rstrip(BLANK).rpartition(b"\n")[2]
    if sum(block.count(b"\n" + header.rstrip(b"\r")) for block in file.line_blocks()):
        return "; its header stands in it more than once"
    return "; its last line looks like a footer" if _FOOTER.match(line) else ""
