"""The interval of a mean gain a day, where one day may be like the day before; pure.

A gate decides by it, so its error is to be what it says with a fortnight of days. Resampled days give too narrow an interval
then, even of independent days, and far too narrow a one where a good day follows a good day: see `resampling`.
"""

import math
from collections.abc import Sequence

from lakeloop.core.errors import InvalidInput
from lakeloop.core.resampling import Interval
from lakeloop.core.student import quantile


def gain_interval(gains: Sequence[float], confidence: float = 0.9) -> Interval:
    """Student's t interval of the mean of at least two days in their order (in their unit), from their slow waves.

    The variance of a mean is what the slowest waves of the series say: whether days are alike shows in these. They are cosines,
    orthogonal to the mean and to each other, so of independent normal days the interval is exact, with as many degrees of
    freedom as there are waves. More waves tell better from chance, fewer hold where days are alike for longer.

    Source: Müller (2007), A theory of robust long-run variance estimation; Lazarus, Lewis, Stock and Watson (2018), HAR
    inference: recommendations for practice, where it is called equal-weighted cosine.

    Raises:
        InvalidInput: there are fewer than two days, or the confidence is not between 0 and 1.
    """
    days = len(gains)
    if days < 2 or not 0 < confidence < 1:  # noqa: PLR2004
        message = f"the interval of a gain needs two days and a confidence between 0 and 1, not {days} and {confidence}"
        raise InvalidInput(message)
    waves = max(1, days // 3)
    variance = sum(_wave(gains, number) ** 2 for number in range(1, waves + 1)) / waves
    mean = sum(gains) / days
    half = quantile((1 + confidence) / 2, waves) * math.sqrt(variance / days)
    return Interval(mean, mean - half, mean + half)


def _wave(gains: Sequence[float], number: int) -> float:
    """How much of a cosine of `number` half periods is in the series."""
    days = len(gains)
    return math.sqrt(2 / days) * sum(gain * math.cos(math.pi * number * (day + 0.5) / days) for day, gain in enumerate(gains))
