"""Which matured days a challenger learns from, and which later ones it is judged on; pure."""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from lakeloop.core.words import counted


class Split(NamedTuple):
    """Whole days, the hold-out later than every day that is learnt from."""

    fit: tuple[date, ...]
    holdout: tuple[date, ...]


class TooFewDays(NamedTuple):
    """Why nothing can be fitted."""

    words: str


def split_days(
    matured: Sequence[date], *, holdout_days: int, fewest_fit_days: int, most_fit_days: int, cut_off: date | None
) -> Split | TooFewDays:
    """The newest `holdout_days` matured days, all after the champion's `cut_off`, and up to `most_fit_days` before them.

    `matured` is oldest first. The hold-out is of the newest days, so that the challenger is judged on what is nearest to
    the days it will score; a day that the champion learnt from would flatter the champion.
    """
    holdout = tuple(matured[-holdout_days:])
    fit = tuple(matured[:-holdout_days][-most_fit_days:])
    if len(holdout) < holdout_days or len(fit) < fewest_fit_days:
        return TooFewDays(f"{len(matured)} matured days, training needs {fewest_fit_days} and {holdout_days} later ones")
    if cut_off and holdout[0] <= cut_off:
        later = sum(day > cut_off for day in matured)
        words = (
            f"the champion learnt up to {cut_off}, and {counted(later, 'matured day')} came after it; "
            f"both can be compared on {holdout_days} days that neither has seen"
        )
        return TooFewDays(words)
    return Split(fit, holdout)
