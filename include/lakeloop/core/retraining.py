"""Whether a verdict asks for a training: read from what main says and what was trained for already; pure."""

from collections.abc import Iterable
from datetime import date
from typing import NamedTuple, get_args

from lakeloop.core.ledger import Ledger
from lakeloop.core.training import VERDICT
from lakeloop.core.use_case import QualityPolicy, UseCase
from lakeloop.core.verdict import CONSEQUENCES, VerdictWord
from lakeloop.core.words import counted

_BY_VERDICT = f"{VERDICT}|"
_ASKING = {word for word in get_args(VerdictWord) if CONSEQUENCES[word].retrains}


class Cause(NamedTuple):
    """What a training that was fitted to its end was for, and whether the gates judged its version."""

    words: str
    is_judged: bool


class Asked(NamedTuple):
    """The cause of a training by verdict, or why there is none."""

    cause: str  # `verdict|2013-07-05`; empty: none asks
    words: str


def asked_by_verdict(ledger: Ledger, case: UseCase, causes: Iterable[Cause]) -> Asked:
    """The newest verdict on the champion that no training has answered, inside cooldown and budget of the case.

    A training whose version was not judged answers nothing, but is spent. Days are data dates, so that a replayed year
    behaves like the year.
    """
    policy = case.drift.quality
    newest = max((day for day, held in ledger.champion_scores.items() if held.record.verdict in _ASKING), default=None)
    if newest is None:
        return Asked("", "no verdict on the champion's scores asks for a training")
    by_verdict = [cause for cause in causes if cause.words.startswith(_BY_VERDICT)]
    spent = sorted(_day(cause) for cause in by_verdict)
    answered = max((_day(cause) for cause in by_verdict if cause.is_judged), default=date.min)
    return Asked("", why) if (why := _why_not(newest, answered, spent, policy)) else Asked(f"{_BY_VERDICT}{newest}", "")


def _day(cause: Cause) -> date:
    return date.fromisoformat(cause.words.removeprefix(_BY_VERDICT))


def _why_not(newest: date, answered: date, spent: list[date], policy: QualityPolicy) -> str:
    """Why the newest verdict is not trained for; what was spent on it and not judged is gone on with, within the budget."""
    if newest <= answered:
        return f"the verdict of {newest} was trained for already"
    before = [day for day in spent if day < newest]
    if before and (newest - before[-1]).days < policy.cooldown_days:
        return (
            f"the verdict of {newest} asks, {counted((newest - before[-1]).days, 'day')} after that of {before[-1]} was "
            f"trained for: the cooldown is {counted(policy.cooldown_days, 'day')}"
        )
    recent = [day for day in spent if (newest - day).days < policy.budget_days]
    if len(recent) >= policy.budget:
        return (
            f"the verdict of {newest} asks, but {counted(len(recent), 'training')} by verdict in {policy.budget_days} days "
            f"is the whole budget of {policy.budget}"
        )
    return ""
