"""When the warm Spark is replaced: worn and idle, never while somebody works."""

from __future__ import annotations

from dataclasses import replace

from lakeloop.stack.recycler import LOOK_SECONDS, PSS_ALLOWED, Look, idle, worn

FRESH = Look(pss=10**9, cpu_seconds=100.0, at=0.0, sessions=0)
LATER = replace(FRESH, cpu_seconds=100.2, at=float(LOOK_SECONDS))


def test_a_fresh_server_stays() -> None:
    assert not worn(FRESH)


def test_memory_wears_it_out() -> None:
    assert not worn(replace(FRESH, pss=PSS_ALLOWED))
    assert worn(replace(FRESH, pss=PSS_ALLOWED + 1))


def test_one_look_is_not_enough_to_call_it_idle() -> None:
    assert not idle([FRESH])
    assert idle([FRESH, LATER])


def test_a_try_that_holds_a_session_keeps_it() -> None:
    assert not idle([FRESH, replace(LATER, sessions=1)])
    assert not idle([replace(FRESH, sessions=1), LATER])


def test_work_that_nobody_noted_keeps_it() -> None:
    assert not idle([FRESH, replace(LATER, cpu_seconds=102.0)])
