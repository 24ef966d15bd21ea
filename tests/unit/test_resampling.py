"""The interval of a mean over days."""

import random

import pytest

from lakeloop.core.errors import InvalidInput
from lakeloop.core.resampling import day_bootstrap


def test_equal_days_leave_no_doubt_and_the_same_days_give_the_same_interval() -> None:
    assert day_bootstrap([0.2] * 9) == pytest.approx((0.2, 0.2, 0.2))
    values = [0.1, -0.3, 0.5, 0.2]
    assert day_bootstrap(values) == day_bootstrap(values)


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    draw = random.Random(3)
    covered = 0
    for _ in range(150):
        found = day_bootstrap([draw.gauss(1.0, 0.5) for _ in range(20)], 0.8)
        covered += found.low <= 1.0 <= found.high
    assert 0.68 <= covered / 150 <= 0.88  # percentile intervals of few days are a little too narrow


def test_more_confidence_is_a_wider_interval() -> None:
    values = [0.1, -0.3, 0.5, 0.2, 0.9]
    narrow, wide = day_bootstrap(values, 0.5), day_bootstrap(values, 0.95)
    assert wide.low < narrow.low < narrow.high < wide.high


@pytest.mark.parametrize(("values", "confidence"), [([], 0.9), ([1.0], 0.0), ([1.0], 1.0)])
def test_nothing_is_said_of_nothing(values: list[float], confidence: float) -> None:
    with pytest.raises(InvalidInput, match="needs values"):
        day_bootstrap(values, confidence)
