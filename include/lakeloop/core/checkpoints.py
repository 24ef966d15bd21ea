"""Named points of a protocol where a crash must be harmless; tests put a killer behind them."""

from collections.abc import Callable

_observers: list[Callable[[str], None]] = []


def reached(name: str) -> None:
    """Tell whoever observes that a named point was reached; costs nothing otherwise."""
    for observer in _observers:
        observer(name)


def observe(observer: Callable[[str], None]) -> None:
    """Add an observer for the life of the process."""
    _observers.append(observer)


def forget(observer: Callable[[str], None]) -> None:
    """Remove an observer."""
    _observers.remove(observer)
