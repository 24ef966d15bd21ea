"""Records of CSV that may go over several lines: how many there are, and how long the longest is."""

import numpy as np
from numpy.typing import NDArray

from lakeloop.adapters.file_inspector.text import Block


class Records:
    """The records of a file, block by block.

    One ends with the line up to which its quotes are even in number, as the reader of the rows has it.
    """

    def __init__(self) -> None:
        self.begun, self.is_open = 0, False
        self.longest, self.line = 0, 0  # bytes of the longest, and the line where it begins
        self._last, self._last_line = 0, 0  # the same of the last one that began

    def add(self, block: Block) -> None:
        """Go on with the next block."""
        if b'"' in block.content:
            inside = np.concatenate(([self.is_open], block.odd())).cumsum() & 1 == 1
            begins, self.is_open = ~inside[:-1], bool(inside[-1])
            self.begun += int(begins.sum() - begins[block.blanks].sum())
            self._measure(block, np.flatnonzero(begins))
        elif self.is_open:
            self._measure(block, np.array([], np.intp))
        else:
            self.begun += block.rows

    def _measure(self, block: Block, begins: NDArray[np.intp]) -> None:
        """Note the longest of those that begin with these lines, from 0, and of the one that came in."""
        starts = np.concatenate(([0], block.ends[:-1] + 1))[begins]
        sizes = np.diff(starts, append=len(block.content))
        self._last += int(starts[0]) if len(starts) else len(block.content)
        self._note(self._last, self._last_line)
        if len(starts):
            at = int(sizes.argmax())
            self._note(int(sizes[at]), block.first_line + int(begins[at]))
            self._last, self._last_line = int(sizes[-1]), block.first_line + int(begins[-1])

    def _note(self, size: int, line: int) -> None:
        if size > self.longest:
            self.longest, self.line = size, line
