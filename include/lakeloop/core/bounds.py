"""Numbers of contracts and policies, within their bounds: one beyond them would switch its guard off, and nothing says so."""

import math
import sys
from collections.abc import Callable
from operator import ge, le
from typing import Annotated, Final

from pydantic import AfterValidator, Field, ValidationInfo

KEPT: Final = "kept"  # the context of reading what an earlier day stated: what may be said today is not asked of it


def is_kept(info: ValidationInfo) -> bool:
    """Whether it is evidence that is read, which nobody can correct any more."""
    return info.context == KEPT


def _within(low: float, high: float, words: str) -> AfterValidator:
    def check[Number: (int, float)](value: Number, info: ValidationInfo) -> Number:
        if is_kept(info) or low <= value <= high:  # NaN is within nothing
            return value
        subject = info.data.get("name") or info.data.get("table")
        msg = f"{subject}: " if subject else ""
        msg += f"{info.field_name} is {value:g}; say {words}"
        raise ValueError(msg)

    return AfterValidator(check)


def _ordered(other: str, order: Callable[[float, float], bool], words: str) -> AfterValidator:
    """A number against another field that stands before it."""

    def check[Number: (int, float)](value: Number, info: ValidationInfo) -> Number:
        limit = info.data.get(other)
        if limit is None or order(value, limit):
            return value
        subject = info.data.get("name") or info.data.get("table")
        msg = f"{subject}: {info.field_name} is {value:g} and {other} {limit:g}; say {words}"
        raise ValueError(msg)

    return AfterValidator(check)


_MOST = sys.float_info.max
Share = Annotated[float, _within(0, 1, "a share from 0 to 1, as 0.05 for 5 %")]
Finite = Annotated[float, _within(-_MOST, _MOST, "a number, or leave it out")]
Distance = Annotated[float, _within(0, _MOST, "a number that is 0 or more")]
AtLeastOne = Annotated[int, _within(1, math.inf, "a number that is 1 or more")]
AtLeastNone = Annotated[int, _within(0, math.inf, "a number that is 0 or more")]
NotBelowLow = Annotated[Distance, _ordered("low", ge, "one that is no less"), Field(validate_default=True)]
NotBeyondFirst = Annotated[AtLeastNone, _ordered("first", le, "one that is no more days back")]
