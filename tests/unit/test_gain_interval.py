"""The interval a gate decides by: as often wrong as it says with a fortnight of days, little oftener where days are alike."""

import random
from collections.abc import Callable

import pytest
from scipy.stats import t

from lakeloop.core.errors import InvalidInput
from lakeloop.core.gain_interval import gain_interval
from lakeloop.core.resampling import day_bootstrap
from lakeloop.core.student import below, quantile

SERIES = 3000


def alike(draw: random.Random, days: int, correlation: float) -> list[float]:
    """Days without a gain, each like the one before to a degree (a first-order autoregression), its variance 1."""
    found, fresh = [draw.gauss()], (1 - correlation**2) ** 0.5
    for _ in range(days - 1):
        found.append(correlation * found[-1] + fresh * draw.gauss())
    return found


def wrong(days: int, correlation: float, interval: Callable[..., tuple[float, float, float]] = gain_interval) -> float:
    """How often a gain is said to be shown, of a model that has none; the interval's 90 % promise one time in twenty."""
    draw = random.Random(days)
    return sum(interval(alike(draw, days, correlation))[1] > 0 for _ in range(SERIES)) / SERIES


@pytest.mark.parametrize("days", [7, 10, 14, 28])
def test_of_independent_days_it_is_wrong_as_often_as_it_says(days: int) -> None:
    assert 0.04 < wrong(days, 0.0) < 0.06


@pytest.mark.parametrize("days", [7, 10, 14, 28])
def test_where_a_day_is_like_the_one_before_it_is_wrong_little_oftener(days: int) -> None:
    assert wrong(days, 0.3) < 0.075


def test_it_finds_a_gain_that_is_there() -> None:
    draw = random.Random(14)
    found = sum(gain_interval([1 + each for each in alike(draw, 14, 0.0)])[1] > 0 for _ in range(SERIES))
    assert found / SERIES > 0.9


def test_resampled_days_would_be_wrong_far_oftener() -> None:
    draw = random.Random(14)
    days = [alike(draw, 14, 0.3) for _ in range(100)]
    assert sum(day_bootstrap(each).low > 0 for each in days) > sum(gain_interval(each).low > 0 for each in days)


def test_days_that_drift_leave_more_doubt_than_the_same_days_in_another_order() -> None:
    drifting = [-1.0] * 7 + [3.0] * 7
    mixed = [value for pair in zip(drifting[:7], drifting[7:], strict=True) for value in pair]
    assert gain_interval(drifting).mean == gain_interval(mixed).mean == 1.0
    assert gain_interval(drifting).low < 0 < gain_interval(mixed).low


def test_equal_days_leave_no_doubt_and_more_confidence_is_a_wider_interval() -> None:
    assert gain_interval([0.2] * 9) == pytest.approx((0.2, 0.2, 0.2))
    narrow, wide = (gain_interval([0.1, -0.3, 0.5, 0.2, 0.9], confidence) for confidence in (0.5, 0.95))
    assert wide.low < narrow.low < narrow.high < wide.high


@pytest.mark.parametrize(("gains", "confidence"), [([], 0.9), ([1.0], 0.9), ([1.0, 2.0], 0.0), ([1.0, 2.0], 1.0)])
def test_nothing_is_said_of_a_single_day(gains: list[float], confidence: float) -> None:
    with pytest.raises(InvalidInput, match="needs two days"):
        gain_interval(gains, confidence)


@pytest.mark.parametrize("freedom", [1, 2, 3, 4, 5, 6, 11, 40])
def test_student_s_t_is_scipy_s(freedom: int) -> None:
    for value in (0.0, 0.3, 1.0, 4.0, 60.0):
        assert below(value, freedom) == pytest.approx(t.cdf(value, freedom), abs=1e-12)
    for chance in (0.75, 0.9, 0.95, 0.995):
        assert quantile(chance, freedom) == pytest.approx(t.ppf(chance, freedom), rel=1e-9)
