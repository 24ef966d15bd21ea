"""A small fit, as the tests of the registry record it."""

from __future__ import annotations

from collections.abc import Callable

from lakeloop.core.curves import calibration, points
from lakeloop.core.metrics import ScoreBin
from lakeloop.ports import ModelVersion, Pictures

Record = Callable[..., ModelVersion]
FEATURES = ["hour", "distance"]
PICTURES = Pictures(
    "a model", points([ScoreBin(1, 5, 1.0, 1.0), ScoreBin(8, 5, 4.0, 1.0)], 0.1),
    calibration([ScoreBin(1, 5, 1.0, 1.0), ScoreBin(8, 5, 4.0, 1.0)], 0.1), {"hour": 0.4, "distance": 0.1},
)  # fmt: skip
