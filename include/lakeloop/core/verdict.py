"""Verdicts: from measured evidence to one word for a date, and what that word lets the watch do."""

from collections.abc import Mapping
from datetime import date
from types import MappingProxyType
from typing import Literal, NamedTuple

from lakeloop.core.quality import QUALITY
from lakeloop.core.reports import DateEvidence, Fact
from lakeloop.core.use_case import DriftPolicy
from lakeloop.core.value import Value
from lakeloop.core.words import counted

VerdictWord = Literal["ok", "provisional", "degraded", "decay", "data_fault", "suspect"]
Trust = Literal["trusted", "provisional", "degraded", "recalled"]
_NAMED = 3  # facts spelled out in a sentence before it says how many more there are


class Consequence(NamedTuple):
    """What follows from a verdict: the trust of published scores (empty: none are), and the rest."""

    trust: Trust | None
    withdraws: bool
    alert: Literal["none", "info", "warning", "critical"]
    retrains: bool = False  # inside cooldown and budget

    @property
    def publishes(self) -> bool:
        """Whether the scores of the date become visible."""
        return self.trust is not None


CONSEQUENCES: Mapping[VerdictWord, Consequence] = MappingProxyType(
    {
        "ok": Consequence("trusted", withdraws=False, alert="none"),
        "provisional": Consequence("provisional", withdraws=False, alert="info"),
        "degraded": Consequence("degraded", withdraws=False, alert="warning"),
        "decay": Consequence("degraded", withdraws=False, alert="warning", retrains=True),
        "data_fault": Consequence(None, withdraws=True, alert="critical"),
        "suspect": Consequence(None, withdraws=False, alert="critical"),
    }
)


class Verdict(Value):
    """The decision about one date; `tables` are those whose data of that date is to be withdrawn."""

    data_date: date
    word: VerdictWord
    words: str
    tables: tuple[str, ...] = ()

    @property
    def consequence(self) -> Consequence:
        """What the verdict lets the watch do."""
        return CONSEQUENCES[self.word]


def judge(evidence: DateEvidence, policy: DriftPolicy) -> Verdict:
    """A broken hard fact is a data fault however little else is known; then too little is provisional, a worn model decay."""
    if fault := _fault(evidence):
        return fault
    if evidence.rows < policy.minimum_rows:
        words = f"{evidence.rows} scored rows, fewer than the {policy.minimum_rows} a judgement needs"
        return Verdict(data_date=evidence.data_date, word="provisional", words=words)
    if evidence.history_days < policy.minimum_history:
        words = f"{counted(evidence.history_days, 'day')} of history, fewer than the {policy.minimum_history} a judgement needs"
        return Verdict(data_date=evidence.data_date, word="provisional", words=words)
    if worn := [fact for fact in evidence.facts if fact.name == QUALITY and fact.broken]:
        return Verdict(data_date=evidence.data_date, word="decay", words=_spell(worn))
    measured = sum(fact.value is not None for fact in evidence.facts)
    words = f"{evidence.rows} rows, {measured} facts measured, all inside their bounds"
    return Verdict(data_date=evidence.data_date, word="ok", words=words)


def settle(evidence: DateEvidence) -> Verdict:
    """What later tables say of a date: a data fault where one breaks a hard fact, or else it is sound."""
    words = "; ".join(fact.words for fact in evidence.facts)
    return _fault(evidence) or Verdict(data_date=evidence.data_date, word="ok", words=words)


def _fault(evidence: DateEvidence) -> Verdict | None:
    broken = [fact for fact in evidence.facts if fact.broken and fact.severity == "critical"]
    if not broken:
        return None
    tables = tuple(dict.fromkeys(fact.table for fact in broken))
    words = f"{' and '.join(tables)} of {evidence.data_date} cannot be right: {_spell(broken)}"
    return Verdict(data_date=evidence.data_date, word="data_fault", words=words, tables=tables)


def _spell(facts: list[Fact]) -> str:
    more = f"; and {len(facts) - _NAMED} more" if len(facts) > _NAMED else ""
    return "; ".join(fact.words for fact in facts[:_NAMED]) + more
