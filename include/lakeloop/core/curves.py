"""Curves of a binary classifier from a histogram of its scores, so that no scored row has to leave Spark; pure."""

from collections.abc import Sequence
from typing import NamedTuple

from lakeloop.core.evaluation import CalibrationBin
from lakeloop.core.metrics import ScoreBin

_GROUPS = 20


class Point(NamedTuple):
    """One threshold: of the positives and of the negatives, the shares that score above it, and the share of all rows."""

    threshold: float
    recall: float
    false_alarms: float
    flagged: float
    precision: float


def points(bins: Sequence[ScoreBin], width: float) -> list[Point]:
    """From the highest score down; nothing when one of the two classes is absent.

    `width` is a bin's, in score. ROC is recall over false_alarms, precision-recall is precision over recall, and the
    cumulative gain is recall over flagged (Fawcett 2006, An introduction to ROC analysis).
    """
    positives, rows = sum(one.positives for one in bins), sum(one.rows for one in bins)
    negatives = rows - positives
    if not positives or not negatives:
        return []
    found, hits, seen = [Point(1.0, 0.0, 0.0, 0.0, 1.0)], 0.0, 0
    for one in sorted(bins, reverse=True):
        hits, seen = hits + one.positives, seen + one.rows
        found.append(Point(one.bin * width, hits / positives, (seen - hits) / negatives, seen / rows, hits / seen))
    return found


def calibration(bins: Sequence[ScoreBin], width: float) -> tuple[CalibrationBin, ...]:
    """Groups of about as many rows each, by ascending score; a group's mean score is that of its bins' middles."""
    rows = sum(one.rows for one in bins)
    groups: list[list[ScoreBin]] = [[] for _ in range(_GROUPS)]
    seen = 0
    for one in sorted(bins):
        groups[min(seen * _GROUPS // max(rows, 1), _GROUPS - 1)].append(one)
        seen += one.rows
    return tuple(_group(group, width) for group in groups if group)


def _group(group: Sequence[ScoreBin], width: float) -> CalibrationBin:
    rows = sum(one.rows for one in group)
    middle = sum((one.bin + 0.5) * width * one.rows for one in group) / rows
    return CalibrationBin(rows=rows, mean_score=middle, positives=round(sum(one.positives for one in group)))
