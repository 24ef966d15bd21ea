"""What was measured of a challenger, on days it never saw: numbers only, from which its gates are judged; pure."""

import math
from collections.abc import Iterable
from datetime import date

from lakeloop.core.gate_policy import Metric
from lakeloop.core.signature import Signature
from lakeloop.core.value import Value

CHALLENGER, CHAMPION = "challenger", "champion"


class DayMetrics(Value):
    """One model on one hold-out day; AUC is None where the day has one class only."""

    data_date: date
    model: str  # challenger, champion, or a baseline's name
    rows: int
    positives: int
    auc: float | None
    log_loss: float


class CalibrationBin(Value):
    """Rows whose scores lie together: their mean score, and how many of them were positive."""

    rows: int
    mean_score: float
    positives: int


class SliceMetrics(Value):
    """One group of hold-out rows: its mean log losses by the challenger, by the champion, and by its own base rate."""

    column: str
    value: str
    rows: int
    challenger: float
    champion: float | None
    base_rate: float


class Evaluation(Value):
    """Everything measured; what could not be measured is absent, and its gate does not pass."""

    days: tuple[DayMetrics, ...]
    calibration: tuple[CalibrationBin, ...] = ()
    slices: tuple[SliceMetrics, ...] = ()
    feature_auc: dict[str, float] = {}  # of each feature alone, folded to at least .5
    model_features: Signature = ()  # as the file says that was written
    live_features: Signature = ()  # as the case computes them when it is judged
    fit_seconds: float | None = None
    model_bytes: int | None = None
    newest_day: date | None = None  # the newest day learnt from
    business_day: date | None = None
    lost: tuple[str, ...] | None = None  # units learnt from that main does not hold any more; None: nobody looked
    champion: int | None = None  # the version it was measured beside; None: there was none
    champion_gap: str = ""  # why the champion could not score the hold-out days

    @property
    def beside(self) -> str:
        """Which champion it was measured beside, in words."""
        return f"version {self.champion}" if self.champion else "no champion"

    def daily(self, model: str, metric: Metric) -> dict[date, float]:
        """A model's metric by hold-out day, without days on which it does not exist."""
        found = {one.data_date: getattr(one, metric) for one in self.days if one.model == model}
        return {day: value for day, value in found.items() if value is not None and math.isfinite(value)}

    def pairs(self, better: str, than: str, metric: Metric) -> list[float]:
        """The daily gain of one model over another, on the days that both have; positive is better, whatever the metric."""
        ours, theirs = self.daily(better, metric), self.daily(than, metric)
        sign = 1.0 if metric == "auc" else -1.0
        return [sign * (ours[day] - theirs[day]) for day in sorted(ours.keys() & theirs.keys())]

    def mean(self, model: str, metric: Metric) -> float | None:
        """The mean over days, so that a busy day counts as much as a quiet one; None of no days."""
        values = list(self.daily(model, metric).values())
        return sum(values) / len(values) if values else None


def calibration_error(bins: Iterable[CalibrationBin]) -> float | None:
    """The expected calibration error: mean distance of score and rate over bins, weighted by rows; None of no rows.

    Source: Naeini, Cooper and Hauskrecht (2015), Obtaining well calibrated probabilities using Bayesian binning.
    """
    filled = [one for one in bins if one.rows]
    rows = sum(one.rows for one in filled)
    return sum(abs(one.mean_score * one.rows - one.positives) for one in filled) / rows if rows else None
