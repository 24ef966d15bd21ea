"""The parts of the bench: which of them share a stack, and what they measured."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal

from lakeloop.bench import curve, year
from lakeloop.bench.curve import Day
from lakeloop.bench.machine import machine
from lakeloop.bench.own_stack import Say, own_stack
from lakeloop.bench.training import Training, measure_training
from lakeloop.bench.year import Days, Year
from lakeloop.core.value import Value

Part = Literal["year", "day", "curve", "scale", "training"]
PARTS: tuple[Part, ...] = ("year", "day", "curve", "scale", "training")
SCALES = {10: year.YEAR, 30: year.QUARTER}  # times as wide, and the nights that are taken of it
_LOOKED_AT = (1, 2, 3, 100, 101, 250, 251, 500, 501, 750, 751, 999, 1000)  # days that Spark writes and audits


class Figures(Value):
    """Everything that was measured, with the machine named."""

    machine: str
    years: tuple[Year, ...] = ()
    days: Days | None = None
    curve: tuple[Day, ...] = ()
    training: Training | None = None


def run(wanted: Sequence[Part], length: int, is_full: bool, say: Say) -> Iterator[Figures]:
    """Measure the wanted parts, and give all that is known after each: who ends it keeps what there was.

    A stack is up for as long as one of them needs it, and nothing of it is left.
    """
    known = Figures(machine=machine())
    if {"year", "day", "curve"} & set(wanted):
        with own_stack(1, say) as settings:
            stage = year.warm_up(settings, 1, say)
            if "year" in wanted:
                known = _and(known, years=(year.measure(settings, stage, 1, year.YEAR, say),))
                yield known
            if "day" in wanted:
                known = _and(known, days=year.measure_days(settings, stage, say))
                yield known
            if "curve" in wanted:
                points = curve.measure(settings, settings.home.parent / "days", length, set(_LOOKED_AT), say)
                known = _and(known, curve=tuple(points))
                yield known
    for times, nights in SCALES.items() if "scale" in wanted else ():
        with own_stack(times, say) as settings:
            stage = year.warm_up(settings, times, say)
            wide = year.measure(settings, stage, times, year.YEAR if is_full else nights, say)
            known = _and(known, years=(*known.years, wide))
            yield known
    if "training" in wanted:
        with own_stack(1, say) as settings:
            yield _and(known, training=measure_training(settings, say))


def _and(known: Figures, **more: Any) -> Figures:
    return known.model_copy(update=more)
