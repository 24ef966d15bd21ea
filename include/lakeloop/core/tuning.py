"""Tuning: which parameters may be tried, for how long, and what came of each trial; pure."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, Self

from pydantic import Field, model_validator

from lakeloop.core.gate_policy import Metric
from lakeloop.core.value import Value
from lakeloop.core.words import counted

Parameters = dict[str, int | float]
Stopped = Literal["trials", "budget"]
MOST_MINUTES = 240  # the longest budget a case may give; how long a try of any task may take follows from it
_WORDS: dict[Metric, str] = {"auc": "AUC", "log_loss": "log loss"}


class Whole(Value):
    """Whole numbers from `low` to `high`, both included; `log` looks as closely at 10 to 20 as at 100 to 200."""

    low: int
    high: int
    log: bool = False

    @model_validator(mode="after")
    def _is_a_range(self) -> Self:
        _check_range(self.low, self.high, is_log=self.log)
        return self


class Real(Value):
    """Numbers from `low` to `high`, both included; `log` looks as closely at .01 to .02 as at .1 to .2."""

    low: float
    high: float
    log: bool = False

    @model_validator(mode="after")
    def _is_a_range(self) -> Self:
        _check_range(self.low, self.high, is_log=self.log)
        return self


class Space(Value):
    """The parameters that are tried, by their name in `XGBoost`; one without a range stays as the case has it."""

    max_depth: Whole | None = None
    n_estimators: Whole | None = None
    learning_rate: Real | None = None
    min_child_weight: Real | None = None
    subsample: Real | None = None
    colsample_bytree: Real | None = None

    @property
    def ranges(self) -> dict[str, Whole | Real]:
        """Those with a range, always in this order."""
        found = {name: getattr(self, name) for name in type(self).model_fields}
        return {name: each for name, each in found.items() if each is not None}

    @model_validator(mode="after")
    def _can_be_fitted(self) -> Self:
        if not self.ranges:
            msg = f"a space without a range leaves nothing to tune; give one of {', '.join(type(self).model_fields)}"
            raise ValueError(msg)
        for name, (low, high) in _SANE.items():
            one = self.ranges.get(name)
            if one and not (low <= one.low and one.high <= high):
                msg = f"{name} from {one.low:g} to {one.high:g}: XGBoost takes {low:g} to {high:g}"
                raise ValueError(msg)
        return self


# what XGBoost itself takes; depth and trees are bounded by what one machine can wait for
_SANE = {
    "max_depth": (1, 30), "n_estimators": (1, 10_000), "learning_rate": (1e-6, 1), "min_child_weight": (0, 1e9),
    "subsample": (1e-3, 1), "colsample_bytree": (1e-3, 1),
}  # fmt: skip


class Tuning(Value):
    """How a case looks for better parameters before each fit, on the last days it learns from, never on the hold-out."""

    space: Space
    minutes: float = Field(default=30, gt=0, le=MOST_MINUTES)  # of wall clock: no trial starts later, one that runs is waited for
    most_trials: int = Field(default=40, ge=2)  # the case's own parameters among them
    metric: Metric = "log_loss"  # its mean over the validation days
    validation_days: int = Field(default=5, ge=1)
    seed: int = 7


class Trial(Value):
    """One set of parameters, and what came of it; number 0 has the case's own."""

    number: int
    state: Literal["complete", "pruned", "failed"]
    params: Parameters
    value: float | None = None  # of the metric, where it is complete
    started: datetime
    seconds: float
    words: str = ""  # why it has no value


def check_tuning(tuning: Tuning, own: Parameters, fewest_days: int) -> None:
    """Hold a tuning against the case that declares it.

    Raises:
        ValueError: a range leaves out the case's own value, which is always tried first; or no day is left to learn from.
    """
    for name, one in tuning.space.ranges.items():
        if not one.low <= own[name] <= one.high:
            msg = f"tuning tries {name} from {one.low:g} to {one.high:g}, which leaves out the model's own {own[name]:g}"
            raise ValueError(msg)
    if tuning.validation_days >= fewest_days:
        msg = (
            f"tuning validates on {counted(tuning.validation_days, 'day')} of the {fewest_days} that a training has at least "
            "(`fewest_training_days`): none may be left to learn from"
        )
        raise ValueError(msg)


def best(trials: Sequence[Trial], metric: Metric) -> Trial | None:
    """The trial with the best value, the earliest of equal ones; None where none is complete."""
    sign = -1.0 if metric == "auc" else 1.0
    return min((one for one in trials if one.value is not None), key=lambda one: (sign * _value(one), one.number), default=None)


def gain(trials: Sequence[Trial], metric: Metric) -> float:
    """By how much the best trial is better than the case's own parameters; never negative, 0 where these won."""
    chosen = best(trials, metric)
    if chosen is None or not trials or trials[0].value is None:
        return 0.0
    return abs(_value(chosen) - _value(trials[0]))


def told(trials: Sequence[Trial], metric: Metric) -> str:
    """Which trial won out of how many, and by how much; one line."""
    chosen = best(trials, metric)
    if chosen is None:
        return f"none of {counted(len(trials), 'trial')} came to an end"
    others = [
        f"{count} {state}" for state in ("pruned", "failed") if (count := sum(one.state == state for one in trials))
    ]  # fmt: skip
    among = f"{counted(len(trials), 'trial')}" + (f" ({', '.join(others)})" if others else "")
    value = f"{_WORDS[metric]} {_value(chosen):.5f} on the validation days"
    if chosen.number == 0:
        return f"the case's own parameters stay the best of {among}: {value}"
    return f"trial {chosen.number} won of {among}: {value}, {gain(trials, metric):.5f} better than the case's own parameters"


def _value(one: Trial) -> float:
    assert one.value is not None  # noqa: S101  # asked of complete trials only
    return one.value


def _check_range(low: float, high: float, *, is_log: bool) -> None:
    if not low < high:  # of a NaN nothing is true
        msg = f"a range goes from a lower to a higher number, not from {low:g} to {high:g}; leave a fixed one out of the space"
        raise ValueError(msg)
    if is_log and low <= 0:
        msg = f"a range from {low:g} cannot be logarithmic: it begins above 0"
        raise ValueError(msg)
