"""Waiting for what must become true, without sleeping for a guess."""

from __future__ import annotations

from collections.abc import Callable

from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed


def eventually(condition: Callable[[], object], seconds: float = 60.0) -> None:
    """Returns as soon as the condition holds; fails when it does not within the time."""
    wait = Retrying(
        wait=wait_fixed(0.05), stop=stop_after_delay(seconds), retry=retry_if_exception_type(AssertionError), reraise=True
    )

    def ask() -> None:
        assert condition()

    wait(ask)
