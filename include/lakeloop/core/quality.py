"""How well the champion did on dates whose labels came since: which dates are asked, and what their numbers say; pure."""

from collections.abc import Iterable, Mapping
from datetime import date
from statistics import fmean

from lakeloop.core.lake import UnitId
from lakeloop.core.ledger import Ledger
from lakeloop.core.reports import Fact
from lakeloop.core.use_case import QualityPolicy, UseCase
from lakeloop.core.words import counted

QUALITY = "quality"
_PROMISED = "holdout_auc"  # of a promotion's metrics: the mean over the hold-out's days


def to_measure(ledger: Ledger, case: UseCase, judged: Iterable[date]) -> list[date]:
    """The dates whose AUC the judged ones are held against: of each the newest before it; oldest first."""
    known = matured(ledger, case)
    return sorted({day for one in judged for day in _before(one, known, case.drift.quality)})


def matured(ledger: Ledger, case: UseCase) -> list[date]:
    """Dates whose published scores are the champion's and whose labels main holds; oldest first."""
    return sorted(day for day in ledger.champion_scores if ledger.owner(UnitId(case.label.table, day)))


def promised(ledger: Ledger) -> float | None:
    """The champion's AUC on its hold-out, the mean of its days; None of a champion whose promotion does not say."""
    return ledger.champion.metrics.get(_PROMISED) if ledger.champion else None


def quality_fact(case: UseCase, day: date, aucs: Mapping[date, float], held_out: float | None) -> Fact:
    """The mean of the newest daily AUCs before a date, against the champion's hold-out; broken is decay, not a data fault.

    Means of days, as the hold-out's: an AUC pooled over days would also rank days against each other.
    """
    policy = case.drift.quality
    newest = _before(day, sorted(aucs), policy)
    if held_out is None or len(newest) < policy.fewest_days:
        why = "its promotion names no AUC" if held_out is None else _too_few(newest, policy)
        return _fact(case, None, "none", f"the champion's quality is not judged: {why}")
    mean, bound = fmean(aucs[one] for one in newest), held_out - policy.drop
    words = (
        f"the champion's AUC is {mean:.3f} on {counted(len(newest), 'date')} with labels ({newest[0]} to {newest[-1]}), "
        f"its hold-out had {held_out:.3f} (bound {bound:.3f})"
    )
    return _fact(case, mean, f">= {bound:.3f}", words, broken=mean < bound)


def _before(day: date, known: list[date], policy: QualityPolicy) -> list[date]:
    return [one for one in known if one < day][-policy.days :]


def _too_few(newest: list[date], policy: QualityPolicy) -> str:
    return f"{counted(len(newest), 'published date')} with labels, it takes {policy.fewest_days}"


def _fact(case: UseCase, value: float | None, bound: str, words: str, *, broken: bool = False) -> Fact:
    return Fact(name=QUALITY, table=case.label.table, value=value, bound=bound, broken=broken, words=words, severity="warning")
