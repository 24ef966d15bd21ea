"""A dict whose stored values are read when somebody asks for them, since most work asks for few."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, MutableMapping
from typing import Any, overload


class LazyDict[K, V](MutableMapping[K, V]):
    """Keys are known at once and in order; a value stays as it is `stored` until it is asked for, and is read once.

    One that nobody asked for is bytes; no value that was read or set may be.
    """

    @overload
    def __init__(self) -> None: ...
    @overload
    def __init__(self, stored: Mapping[K, bytes], read: Callable[[bytes], V]) -> None: ...
    def __init__(self, stored: Mapping[K, bytes] | None = None, read: Any = None) -> None:
        self._held: dict[K, Any] = dict(stored or {})
        self._read = read

    def __copy__(self) -> LazyDict[K, V]:
        """Another of the same keys and values; what is set in one of them is not in the other."""
        other = LazyDict[K, V]()
        other._held, other._read = dict(self._held), self._read
        return other

    def stored(self, write: Callable[[V], bytes]) -> Iterator[tuple[K, bytes]]:
        """Every value as it is stored; those that were read, or set, by `write`."""
        return ((key, value if isinstance(value, bytes) else write(value)) for key, value in self._held.items())

    def __getitem__(self, key: K) -> V:
        value = self._held[key]
        if isinstance(value, bytes):
            value = self._held[key] = self._read(value)
        return value  # type: ignore[no-any-return]  # what is not stored is a V

    def __setitem__(self, key: K, value: V) -> None:
        self._held[key] = value

    def __delitem__(self, key: K) -> None:
        del self._held[key]

    def __contains__(self, key: object) -> bool:
        return key in self._held

    def __iter__(self) -> Iterator[K]:
        return iter(self._held)

    def __reversed__(self) -> Iterator[K]:
        return reversed(self._held)

    def __len__(self) -> int:
        return len(self._held)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._held!r})"
