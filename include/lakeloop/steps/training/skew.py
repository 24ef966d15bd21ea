"""Skew: what a restatement made of features that published scores had read, measured for the days a challenger learns from."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date

from lakeloop.core.jobs import FeatureSkewJob
from lakeloop.core.ledger import Ledger
from lakeloop.core.skew import FeatureSkewReport, ReadOtherwise
from lakeloop.steps.platform import Platform

_COMMITS = 3  # the newest that are compared; each costs a pass over its dates, and a day is named whether compared or not


def skewed_days(ledger: Ledger, days: Iterable[date]) -> tuple[date, ...]:
    """Days, oldest first, whose published scores had read what main does not hold any more as they read it."""
    return tuple(day for day in sorted(days) if day in ledger.scores and not ledger.reads_hold(ledger.scores[day].record.reads))


def skew(p: Platform, ledger: Ledger, days: Iterable[date]) -> tuple[ReadOtherwise, ...]:
    """The features of these days at the main that their scores came to, beside those of the ledger's commit; newest first."""
    read_at = defaultdict[str, list[date]](list)
    for day in days:
        read_at[ledger.entries[ledger.scores[day].act].parent].append(day)
    newest = sorted(read_at.items(), key=lambda one: max(one[1]), reverse=True)[:_COMMITS]
    return tuple(_compared(p, before, ledger.head, tuple(dates)) for before, dates in newest)


def _compared(p: Platform, before: str, after: str, dates: tuple[date, ...]) -> ReadOtherwise:
    job = FeatureSkewJob(repository=p.lake.repository, case=p.case_ref, before=before, after=after, dates=dates)
    report = p.spark.run(job)
    assert isinstance(report, FeatureSkewReport)  # noqa: S101  # a job answers with its own report
    return ReadOtherwise(commit=before, dates=dates, features=report)
