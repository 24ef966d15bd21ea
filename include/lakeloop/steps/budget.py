"""A budget of bytes: what is held in memory at once stays below it, however many work side by side."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition


class Budget:
    """So many bytes, shared by threads."""

    def __init__(self, most: int) -> None:
        self._most, self._free, self._changed = most, most, Condition()

    @contextmanager
    def holding(self, size: int) -> Iterator[None]:
        """Wait until there is room for so many bytes, and hold it; what is larger than the budget goes alone."""
        share = min(size, self._most)
        with self._changed:
            self._changed.wait_for(lambda: self._free >= share)
            self._free -= share
        try:
            yield
        finally:
            with self._changed:
                self._free += share
                self._changed.notify_all()
