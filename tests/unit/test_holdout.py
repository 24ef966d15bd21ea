"""Which days are learnt from, and which are held out."""

from __future__ import annotations

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from lakeloop.core.holdout import Split, TooFewDays, split_days

FIRST = date(2013, 1, 1)


def days(count: int) -> list[date]:
    return [FIRST + timedelta(days=at) for at in range(count)]


def split(matured: list[date], cut_off: date | None = None, most: int = 365) -> Split | TooFewDays:
    return split_days(matured, holdout_days=14, fewest_fit_days=7, most_fit_days=most, cut_off=cut_off)


@given(matured=st.sets(st.sampled_from(days(60))).map(sorted), cut=st.none() | st.sampled_from(days(60)), most=st.integers(7, 40))
def test_the_holdout_is_whole_later_days_that_nobody_learnt_from(matured: list[date], cut: date | None, most: int) -> None:
    found = split(matured, cut, most)
    if isinstance(found, TooFewDays):
        assert len(matured) < 21 or (cut and sum(day > cut for day in matured) < 14)
        return
    assert list(found.holdout) == matured[-14:]
    assert 7 <= len(found.fit) <= most
    assert max(found.fit) < min(found.holdout)
    assert cut is None or cut < min(found.holdout)
    assert [*found.fit, *found.holdout] == matured[-len(found.fit) - 14 :], "no day between the two is left out"


def test_what_is_missing_is_said() -> None:
    assert split(days(20)) == TooFewDays("20 matured days, training needs 7 and 14 later ones")
    found = split(days(40), cut_off=FIRST + timedelta(days=30))
    assert isinstance(found, TooFewDays)
    assert found.words.startswith("the champion learnt up to 2013-01-31, and 9 matured days came after it")
