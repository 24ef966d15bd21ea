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


class Asked(NamedTuple):
    """The cause of a training by verdict, or why there is none."""

    cause: str  # `verdict|2013-07-05`; empty: none asks
    words: str


def asked_by_verdict(ledger: Ledger, case: UseCase, causes: Iterable[str]) -> Asked:
    """The newest verdict on the champion that no training has answered, inside cooldown and budget of the case.

    `causes` are those of the trainings whose version was judged. Days are data dates, so that a replayed year behaves
    like the year.
    """
    policy = case.drift.quality
    newest = max((day for day, held in ledger.champion_scores.items() if held.record.verdict in _ASKING), default=None)
    if newest is None:
        return Asked("", "no verdict on the champion's scores asks for a training")
    answered = sorted(date.fromisoformat(cause.removeprefix(_BY_VERDICT)) for cause in causes if cause.startswith(_BY_VERDICT))
    return Asked("", why) if (why := _why_not(newest, answered, policy)) else Asked(f"{_BY_VERDICT}{newest}", "")


def _why_not(newest: date, answered: list[date], policy: QualityPolicy) -> str:
    if answered and newest <= answered[-1]:
        return f"the verdict of {newest} was trained for already"
    if answered and (newest - answered[-1]).days < policy.cooldown_days:
        return (
            f"the verdict of {newest} asks, {counted((newest - answered[-1]).days, 'day')} after that of {answered[-1]} was "
            f"trained for: the cooldown is {counted(policy.cooldown_days, 'day')}"
        )
    recent = [day for day in answered if (newest - day).days < policy.budget_days]
    if len(recent) >= policy.budget:
        return (
            f"the verdict of {newest} asks, but {counted(len(recent), 'training')} by verdict in {policy.budget_days} days "
            f"is the whole budget of {policy.budget}"
        )
    return ""
