"""A file under inspection, and its bytes as blocks of whole lines."""

import zlib
from collections.abc import Iterator
from typing import NamedTuple

from lakeloop.core.contract import TableContract
from lakeloop.core.errors import BadFile
from lakeloop.core.files import FileShape

BLOCK = 1 << 22  # bytes that are looked at together
GZIP = b"\x1f\x8b"
_FED = 1 << 16  # small, since zlib copies what is left of it at the end of each member
_MEMBERS, _HELD = 10_000, 1 << 12  # so many members of one gzip file may hold less than that: each takes its time
_MANY = 1 << 24  # from so many unpacked bytes on the ratio counts


class File(NamedTuple):
    """One file: what is declared of it and what came."""

    contract: TableContract
    shape: FileShape
    content: bytes
    rows: int  # as its manifest promises

    @property
    def name(self) -> str:
        """Its name, for words."""
        return self.shape.name

    def check_rows(self, found: int, hint: str = "") -> None:
        """Raise BadFile where there are other rows than promised."""
        if found == self.rows:
            return
        code = "manifest_rows" if found else "zero_rows"
        words = f"{self.name} has {found or 'no'} row{'s' * (found not in {0, 1})}, its manifest says {self.rows}{hint}"
        raise BadFile(words, code, "deliver it again with the rows that its manifest says")

    def is_bomb(self, unpacked: int) -> bool:
        """Whether so many bytes are more than what came may unpack to."""
        limits = self.contract.limits
        return unpacked > limits.unpacked or unpacked > max(_MANY, limits.ratio * len(self.content))

    def blocks(self) -> Iterator[bytes]:
        """Its bytes, unpacked; a fault of gzip is raised where it is met."""
        if self.shape.compression:
            yield from _unpacked(self)
        else:
            for at in range(0, len(self.content), BLOCK):
                yield self.content[at : at + BLOCK]

    def line_blocks(self) -> Iterator[bytes]:
        """The same, cut behind line feeds; a line beyond the limit may come in a block of its own."""
        rest = b""
        for block in self.blocks():
            cut = block.rfind(b"\n") + 1
            if cut or len(rest) > self.contract.limits.line:
                yield rest + block[:cut]
                rest = block[cut:]
            else:
                rest += block
        if rest:
            yield rest


def _unpacked(file: File) -> Iterator[bytes]:
    packed, at, size, members = memoryview(file.content), 0, 0, 0
    while at < len(packed):
        members += 1
        _check_members(file, members, size)
        if packed[at : at + 2] != GZIP:
            words = f"{file.name} has {len(packed) - at} bytes behind the end of its gzip data (from byte {at})"
            raise BadFile(words, "gzip")
        member = zlib.decompressobj(wbits=31)
        while not member.eof:
            fed = packed[at : at + _FED]
            try:
                block = member.decompress(fed, BLOCK)
            except zlib.error as error:
                words = f"{file.name} cannot be unpacked between byte {at} and {at + len(fed)} ({_reason(error)})"
                raise BadFile(words, "gzip") from error
            at += len(fed) - len(member.unused_data) - len(member.unconsumed_tail)
            size += len(block)
            if file.is_bomb(size):
                words = f"{file.name} unpacks {len(packed)} bytes to over {size}, beyond the contract's limits"
                raise BadFile(words, "file_limits", "see that it is what it should be; if so, raise `limits` in the contract")
            if block:
                yield block
            elif not fed and not member.eof:
                words = f"{file.name} ends in the middle of its gzip data, after {size} unpacked bytes"
                raise BadFile(words, "gzip")


def _check_members(file: File, members: int, size: int) -> None:
    if members > max(_MEMBERS, size // _HELD):
        words = f"{file.name} is gzip data of over {_MEMBERS} members that hold {size // members} bytes each"
        raise BadFile(words, "file_limits", "deliver it packed as one")


def _reason(error: zlib.error) -> str:
    return str(error).rpartition(": ")[2]
