"""What a version's gates said, and what they saw, as one page for people."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

from lakeloop.core.evaluation import CHALLENGER, CHAMPION, CalibrationBin, Evaluation
from lakeloop.core.gate_policy import Metric
from lakeloop.core.gates import GateResult, behind
from lakeloop.core.lake import GATES_HTML
from lakeloop.core.resampling import day_bootstrap
from lakeloop.core.training import Fitted, TrainingSet
from lakeloop.pages import render

PAGE = GATES_HTML
WIDTH, HEIGHT, EDGE = 640.0, 200.0, 6.0
_SHOWN = 12  # slices, the worst first, and features, the heaviest first
_METRICS: tuple[Metric, ...] = ("auc", "log_loss")


class Line(NamedTuple):
    """One model over the hold-out days, as points of a polyline."""

    model: str
    points: str


def gate_page(
    model: str,
    version: int,
    known: TrainingSet,
    found: Fitted,
    results: Sequence[GateResult],
    ask_why: str,
    links: Mapping[str, str],
) -> str:
    """The page of a version: its gates, its days beside other models', its calibration, its slices."""
    measured = found.evaluation
    failed = any(one.outcome == "fail" for one in results)
    asks = "" if failed else ask_why
    models = sorted({one.model for one in measured.days}, key=_place)
    low, high, lines = _lines(measured, models)
    return render(
        "lakeloop.steps.training", "gates.html.j2", model=model, version=version, known=known, found=found, results=results,
        word="refused" if failed else "asks a person" if asks else "passed", ask_why=asks, links=_known(links),
        models=[(name, [_interval(measured.daily(name, metric)) for metric in _METRICS]) for name in models],
        low=low, high=high, lines=lines, width=WIDTH, height=HEIGHT, days=sorted({one.data_date for one in measured.days}),
        calibration=_dots(measured.calibration), slices=sorted(measured.slices, key=behind, reverse=True)[:_SHOWN],
        behind=behind, features=_bars(found.importance),
    )  # fmt: skip


def _place(model: str) -> tuple[bool, bool, str]:
    """The challenger first, then the champion, then baselines by name."""
    return model != CHALLENGER, model != CHAMPION, model


def _known(links: Mapping[str, str]) -> dict[str, str]:
    return {name: address for name, address in links.items() if address}


def _interval(daily: Mapping[date, float]) -> dict[str, float] | None:
    if not daily:
        return None
    found = day_bootstrap([daily[day] for day in sorted(daily)])
    return {"mean": found.mean, "low": found.low, "high": found.high}


def _lines(measured: Evaluation, models: Iterable[str]) -> tuple[float, float, list[Line]]:
    """AUC by day, each model a line between the least and the most that any has."""
    daily = {name: measured.daily(name, "auc") for name in models}
    values = [value for each in daily.values() for value in each.values()]
    if not values:
        return 0.0, 1.0, []
    low, high = math.floor(min(values) * 50) / 50, math.ceil(max(values) * 50) / 50
    days = sorted({day for each in daily.values() for day in each})
    at = _scale(0, max(len(days) - 1, 1), EDGE, WIDTH - EDGE)
    up = _scale(low, max(high, low + 0.02), HEIGHT - EDGE, EDGE)
    lines = [
        Line(name, " ".join(f"{at(place):.1f},{up(each[day]):.1f}" for place, day in enumerate(days) if day in each))
        for name, each in daily.items()
    ]
    return low, high, lines


def _scale(first: float, last: float, start: float, end: float) -> Callable[[float], float]:
    return lambda value: start + (value - first) / (last - first) * (end - start)


def _dots(bins: Iterable[CalibrationBin]) -> list[dict[str, Any]]:
    """Mean score against share of positives, on a square from 0 to 1."""
    on = _scale(0, 1, EDGE, HEIGHT - EDGE)
    return [
        {"x": on(one.mean_score), "y": HEIGHT - on(one.positives / one.rows), "rows": one.rows,
         "score": one.mean_score, "rate": one.positives / one.rows}
        for one in bins if one.rows
    ]  # fmt: skip


def _bars(importance: Mapping[str, float]) -> list[tuple[str, float, float]]:
    """Features by their mean SHAP value, each with its share of the heaviest one."""
    heaviest = sorted(importance.items(), key=lambda one: -one[1])[:_SHOWN]
    most = max((value for _, value in heaviest), default=0.0) or 1.0
    return [(name, value, value / most) for name, value in heaviest]
