"""Quality of scores from a histogram of them, so that no scored row has to leave Spark."""

import math
from collections.abc import Iterable
from typing import NamedTuple

BINS = 10_000  # AUC is exact but for pairs inside one bin, which count as ties: under 1e-3 for any real model
CURVE_BINS = 500  # as many points as a picture shows


class ScoreBin(NamedTuple):
    """Rows whose scores fall into one bin: how many, how many of them are positive, and their summed loss."""

    bin: int
    rows: int
    positives: float
    loss: float


def auc(bins: Iterable[ScoreBin]) -> float:
    """The chance that a positive outranks a negative, ties counting half; NaN when one of the two is absent."""
    positives = negatives = won = 0.0
    for one in sorted(bins):
        here = one.rows - one.positives
        won += one.positives * (negatives + here / 2)
        positives += one.positives
        negatives += here
    return won / (positives * negatives) if positives and negatives else math.nan


def log_loss(bins: Iterable[ScoreBin]) -> float:
    """The mean negative log likelihood; NaN of no rows."""
    rows, loss = 0, 0.0
    for one in sorted(bins):
        rows += one.rows
        loss += one.loss
    return loss / rows if rows else math.nan
