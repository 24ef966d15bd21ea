"""Numbers of contracts and policies, within their bounds: one beyond them would switch its guard off, and nothing says so."""

import math
import sys
from typing import Annotated, Final

from pydantic import AfterValidator, ValidationInfo

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


_MOST = sys.float_info.max
Share = Annotated[float, _within(0, 1, "a share from 0 to 1, as 0.05 for 5 %")]
Finite = Annotated[float, _within(-_MOST, _MOST, "a number, or leave it out")]
Distance = Annotated[float, _within(0, _MOST, "a number that is 0 or more")]
AtLeastOne = Annotated[int, _within(1, math.inf, "a number that is 1 or more")]
AtLeastNone = Annotated[int, _within(0, math.inf, "a number that is 0 or more")]
