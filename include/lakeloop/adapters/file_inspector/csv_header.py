"""The header of a CSV file: the contract's columns by name, and what it is otherwise."""

import csv
from collections.abc import Sequence

from lakeloop.adapters.file_inspector.columns import check_count, column_fault, has_any
from lakeloop.adapters.file_inspector.file import File
from lakeloop.adapters.file_inspector.text import BLANK
from lakeloop.core.errors import BadFile

_DELIMITERS = (",", ";", "\t", "|")
_LOOKED_AT = 30  # lines in which a header may hide behind a preamble


def check_header(file: File, content: bytes, first_line: int) -> bytes:
    """The first line that is not blank, which must name the contract's columns in any order."""
    begin = content.rfind(b"\n", 0, len(content) - len(content.lstrip(BLANK))) + 1  # however many blank lines come first
    first_line += content.count(b"\n", 0, begin)
    lines = content[begin:].split(b"\n", _LOOKED_AT)[:_LOOKED_AT]
    numbered = [(first_line + at, line) for at, line in enumerate(lines) if line.strip(BLANK)]
    number, header = numbered[0]
    check_count(file, header.count(file.shape.delimiter.encode()) + 1)
    names = _names(header, file.shape.delimiter)
    if not file.contract.brings(names, file.shape.format):
        raise _fault(file, numbered, names, f"{file.name} line {number}")
    return header


def _fault(file: File, numbered: Sequence[tuple[int, bytes]], names: Sequence[str], where: str) -> BadFile:
    contract = file.contract
    header = numbered[0][1]
    if header.lstrip().startswith((b"{", b"[")):
        return BadFile(f"{where} looks like JSON and not like the header of CSV", "wrong_kind", "deliver it as .jsonl")
    known = {column.name for column in contract.columns}
    for other in _DELIMITERS:
        met = len(known & set(_names(header, other)))
        if met > len(known & set(names)) and met * 2 >= len(known):
            words = f"{where} divides its columns by {other!r}, the contract of {contract.name} says {contract.delimiter!r}"
            mend = f"deliver it with {contract.delimiter!r}, or set delimiter={other!r} in the contract and count its version up"
            return BadFile(words, "delimiter", mend)
    for number, line in numbered[1:]:
        if contract.brings(_names(line, file.shape.delimiter), file.shape.format):
            words = f"{file.name}: the header stands in line {number}, behind other text"
            return BadFile(words, "header", "deliver it with the header in its first line")
    if not has_any(contract, names):  # then they may be data, and data is not repeated in a message
        words = f"{where} names none of the columns of {contract.name}: the header is missing, or another table's"
        return BadFile(words, "header", f"deliver it with the header {contract.delimiter.join(c.name for c in contract.columns)}")
    return column_fault(file, names, where)


def _names(line: bytes, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([line.decode().rstrip("\r")], delimiter=delimiter))
    except csv.Error:  # a cell larger than the module reads, which is no name
        return [line.decode()]
