"""Text under inspection: strict UTF-8, line feeds, no NUL; each fault with its byte and its line."""

import re
import unicodedata
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lakeloop.adapters.file_inspector.encodings import CUT, guess, guess_with_nuls
from lakeloop.adapters.file_inspector.file import File
from lakeloop.core.errors import BadFile

BOM = b"\xef\xbb\xbf"
_LF, _QUOTE = 10, 34
BLANK = b" \r\n"
_IS_BLANK = np.isin(np.arange(256), list(BLANK))
_LONE_CR = re.compile(rb"\r(?!\n)")


class Block(NamedTuple):
    """Some whole lines of a file that are sound as text."""

    content: bytes
    first_line: int  # number of its first line, from 1
    ends: NDArray[np.intp]  # where its lines end: their line feed, or the end of the file
    blanks: NDArray[np.intp]  # which of its lines, from 0, hold nothing but blanks
    is_nfc: bool

    @property
    def rows(self) -> int:
        """Lines with something on them."""
        return len(self.ends) - len(self.blanks)

    def odd_line(self) -> int | None:
        """The number of the first line with an odd number of quotes, or None."""
        if b'"' not in self.content:
            return None
        odd = np.flatnonzero(self.odd())
        return self.first_line + int(odd[0]) if len(odd) else None

    def odd(self) -> NDArray[np.intp]:
        """1 for each line with an odd number of quotes, 0 for the others."""
        quotes = np.flatnonzero(np.frombuffer(self.content, np.uint8) == _QUOTE)
        return np.diff(np.searchsorted(quotes, self.ends), prepend=0) & 1


def sound_blocks(file: File) -> Iterator[Block]:
    """The file's text, block by block, without its byte order mark; BadFile at the first fault."""
    line, offset, was_ascii = 1, 0, True
    for found in file.line_blocks():
        content = found.removeprefix(BOM) if offset == 0 else found
        offset += len(found) - len(content)
        if not content:
            continue
        _check_nul(file, content, line, offset)
        is_nfc, is_ascii = _check_utf8(file, content, line, offset, was_ascii)
        _check_line_ends(file, content, line, offset)
        ends = np.flatnonzero(np.frombuffer(content, np.uint8) == _LF)
        if not content.endswith(b"\n"):
            ends = np.append(ends, len(content))
        starts = np.concatenate(([0], ends[:-1] + 1))
        _check_length(file, ends - starts, line)
        yield Block(content, line, ends, _blanks(content, starts, ends), is_nfc)
        line, offset, was_ascii = line + len(ends), offset + len(content), was_ascii and is_ascii


def _check_nul(file: File, content: bytes, line: int, offset: int) -> None:
    at = content.find(0)
    if at < 0:
        return
    code, words = guess_with_nuls(content, offset)
    where = f"{file.name} line {line + content.count(b'\n', 0, at)}, byte {offset + at}"
    words = f"{where}: {words}"
    raise BadFile(words, code, "deliver it again as UTF-8 text without NUL bytes")


def _check_utf8(file: File, content: bytes, line: int, offset: int, was_ascii: bool) -> tuple[bool, bool]:
    """Whether it is in composed form, and whether it is ASCII only."""
    if content.isascii():
        return True, True
    try:
        return unicodedata.is_normalized("NFC", content.decode()), False
    except UnicodeDecodeError as error:
        if error.reason == CUT and _is_cut(file, content):
            return False, False
        where = f"{file.name} line {line + content.count(b'\n', 0, error.start)}, byte {offset + error.start}"
        is_mixed = not (was_ascii and content[: error.start].isascii())
        words = f"{where}: 0x{content[error.start]:02x} is not UTF-8 ({guess(content, error, is_mixed=is_mixed)})"
        raise BadFile(words, "not_utf8", "deliver it again in UTF-8") from error


def _check_line_ends(file: File, content: bytes, line: int, offset: int) -> None:
    if content.count(b"\r") == content.count(b"\r\n"):
        return
    found = _LONE_CR.search(content)
    at = found.start() if found else 0
    where = f"{file.name} line {line + content.count(b'\n', 0, at)}, byte {offset + at}"
    what = "a carriage return without a line feed" if b"\n" in content else "its lines end in a carriage return alone"
    words = f"{where}: {what}"
    raise BadFile(words, "line_ends", "deliver it again with line feeds (LF or CRLF) at the ends of its lines")


def _is_cut(file: File, content: bytes) -> bool:
    """Whether it ends inside a line that is beyond the limit, at whatever byte: that is its fault, and no other."""
    return len(content) - content.rfind(b"\n") - 1 > file.contract.limits.line


def _check_length(file: File, lengths: NDArray[np.intp], line: int) -> None:
    at = int(lengths.argmax())
    if lengths[at] > (most := file.contract.limits.line):
        words = f"{file.name} line {line + at} has {lengths[at]} bytes or more, the contract's limit is {most}"
        raise BadFile(words, "file_limits", "see what stands in it; if it is right, raise `limits` in the contract")


def _blanks(content: bytes, starts: NDArray[np.intp], ends: NDArray[np.intp]) -> NDArray[np.intp]:
    """Lines, from 0, that hold nothing but blanks."""
    data = np.frombuffer(content, np.uint8)
    if not _IS_BLANK[data[starts]].any():
        return np.array([], np.intp)
    solid = np.concatenate(([0], np.cumsum(~_IS_BLANK[data])))
    return np.flatnonzero(solid[ends] == solid[starts])
