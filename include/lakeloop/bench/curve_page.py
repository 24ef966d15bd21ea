"""The curve as one page: what a day cost, day by day, with a table of the days that were looked at closely."""

from collections.abc import Sequence

from lakeloop.bench.curve import Day
from lakeloop.pages import render

_WIDTH, _HEIGHT, _EDGE = 760, 260, 44


def curve_page(machine: str, days: Sequence[Day]) -> str:
    """The page: dots of all days by the quick writer, their seconds and those of the processor, and the table."""
    looked_at = [day for day in days if day.engine == "spark"]
    quick = [day for day in days if day.engine != "spark"]
    top = max(day.total for day in quick) * 1.1
    last = max(day.number for day in days)
    whole = [(_across(day.number, last), _up(day.total, top)) for day in quick]
    processor = [(_across(day.number, last), _up(day.processor, top)) for day in quick]
    marks = [(_up(top * part / 4, top), f"{top * part / 4:.2f} s") for part in range(5)]
    numbers = [(_across(number, last), str(number)) for number in (1, *(last * part // 4 for part in range(1, 5)))]
    steps = list(looked_at[0].seconds) if looked_at else []
    return render(
        __package__ or "", "curve.html.j2", machine=machine, width=_WIDTH, height=_HEIGHT, edge=_EDGE,
        whole=whole, processor=processor, marks=marks, numbers=numbers, days=looked_at, steps=steps,
    )  # fmt: skip


def _across(number: int, last: int) -> float:
    return round(_EDGE + (_WIDTH - _EDGE) * number / last * 0.97, 1)


def _up(seconds: float, top: float) -> float:
    return round((_HEIGHT - _EDGE / 2) * (1 - seconds / top), 1)
