"""Intervals of a mean over days by resampling whole days: rows of one day are alike, days are what varies; pure.

They are for people to see, and stay inside what the days had. Of few days, or of days that are alike, they are too narrow
to decide by: `gain_interval` is for that.
"""

import random
from collections.abc import Sequence
from typing import NamedTuple

from lakeloop.core.errors import InvalidInput

_DRAWS = 2000
_SEED = 20130101  # the same evidence gives the same verdict, whoever asks


class Interval(NamedTuple):
    """A mean with its interval."""

    mean: float
    low: float
    high: float


def day_bootstrap(values: Sequence[float], confidence: float = 0.9) -> Interval:
    """The percentile interval of the mean of daily values (in their unit), days drawn with replacement.

    Source: Efron and Tibshirani (1993), An introduction to the bootstrap, chapter 13.

    Raises:
        InvalidInput: there is no value, or the confidence is not between 0 and 1.
    """
    if not values or not 0 < confidence < 1:
        message = f"an interval needs values and a confidence between 0 and 1, not {len(values)} and {confidence}"
        raise InvalidInput(message)
    draw = random.Random(_SEED)  # noqa: S311  # resampling, not a secret
    means = sorted(sum(draw.choices(values, k=len(values))) / len(values) for _ in range(_DRAWS))
    tail = (1 - confidence) / 2
    return Interval(sum(values) / len(values), _quantile(means, tail), _quantile(means, 1 - tail))


def _quantile(ordered: Sequence[float], at: float) -> float:
    """Linear between neighbours, as R's type 7 and numpy's default."""
    place = at * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)
