"""Quality from a histogram equals quality from the rows."""

from __future__ import annotations

import math
import random

import pytest

from lakeloop.core.metrics import ScoreBin, auc, log_loss


def test_auc_of_bins_equals_the_share_of_pairs_in_order() -> None:
    draw = random.Random(7)
    rows = [(draw.randrange(20), draw.random() < 0.3) for _ in range(300)]
    bins = [
        ScoreBin(number, sum(n == number for n, _ in rows), sum(n == number and late for n, late in rows), 0.0)
        for number in range(20)
    ]
    pairs = [(one - other > 0) + (one == other) / 2 for one, late in rows if late for other, late_too in rows if not late_too]
    assert auc(bins) == pytest.approx(sum(pairs) / len(pairs))


def test_one_class_alone_has_no_auc() -> None:
    assert math.isnan(auc([ScoreBin(3, 10, 10.0, 0.0)]))
    assert math.isnan(auc([]))


def test_log_loss_is_the_mean_over_all_rows() -> None:
    assert log_loss([ScoreBin(1, 1, 1.0, 2.0), ScoreBin(2, 3, 0.0, 1.0)]) == 0.75
    assert math.isnan(log_loss([]))
