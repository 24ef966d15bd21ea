"""Facts about one date of one table: measured numbers against the case's bounds, in words; pure."""

from collections.abc import Mapping
from datetime import date, timedelta
from math import sqrt
from statistics import fmean, median

from lakeloop.core.reports import Fact
from lakeloop.core.use_case import DriftPolicy, Identity, Members, Shift, Staleness, UnitRatio, Variety
from lakeloop.core.value import Value
from lakeloop.core.words import counted

_MEASURABLE = 0.5  # an identity must be computable on half of the rows; real days reach 0.98
_SAME_WEEKDAYS = 2  # fewer earlier days of the same weekday are not compared with
UNJUDGED = "not judged: insufficient history"


class Moments(Value):
    """A column's mean and standard deviation on one date; None where it has no values."""

    mean: float | None = None
    deviation: float | None = None


class Day(Value):
    """What one pass over a table found of one date."""

    rows: int
    errors: Mapping[str, float | None] = {}  # identity -> median absolute error
    measurable: Mapping[str, float] = {}  # identity -> share of rows on which it can be computed
    members: Mapping[str, frozenset[str]] = {}  # column -> its values
    moments: Mapping[str, Moments] = {}  # column -> its mean and deviation
    filled: Mapping[str, float] = {}  # column -> share of rows with a value
    distinct: Mapping[str, int] = {}  # column -> its distinct values, about


def history_fact(table: str, day: date, days: Mapping[date, Day], policy: DriftPolicy) -> Fact:
    """How many recent dates there are to compare with; too few are said, and mark the date."""
    known = len(history_of(day, days, policy))
    short = known < policy.minimum_history
    words = f"{table} has {counted(known, 'day')} of history, insufficient for what compares with {policy.minimum_history}"
    bound = f">= {policy.minimum_history} days"
    return Fact(name="history", table=table, value=known, bound=bound, broken=short, words=words, severity="warning")


def rows_fact(table: str, day: date, days: Mapping[date, Day], policy: DriftPolicy) -> Fact:
    """Rows against the median of the same weekdays, or of all recent days while there are too few of those."""
    rows = days[day].rows if day in days else 0
    history = history_of(day, days, policy)
    same = [past for past in history if past.weekday() == day.weekday()]
    compared = same if len(same) >= _SAME_WEEKDAYS else history
    share = rows / median(days[past].rows for past in compared) if len(history) >= max(policy.minimum_history, 1) else None
    broken = rows == 0 or (share is not None and share < policy.partial_share)
    bound = f">= {policy.partial_share:g} of the usual rows"
    words = f"{table} has {rows} rows" + (f" ({UNJUDGED})" if share is None else _against(share, len(compared)))
    return Fact(name="partial", table=table, value=share, bound=bound, broken=broken, words=words)


def _against(share: float, days: int) -> str:
    return f", {share:.2f} of the median of {days} like days"


def members_fact(rule: Members, day: date, days: Mapping[date, Day], policy: DriftPolicy) -> Fact:
    """Values that every recent date had and this one has not."""
    history = history_of(day, days, policy)
    name, bound = f"members:{rule.table}.{rule.column}", "none of the usual values is missing"
    if len(history) < max(policy.minimum_history, 1) or day not in days:
        return Fact(name=name, table=rule.table, value=None, bound=bound, broken=False, words=UNJUDGED)
    usual = frozenset.intersection(*(days[past].members[rule.column] for past in history))
    missing = sorted(usual - days[day].members[rule.column])
    words = f"{rule.table}.{rule.column} misses {', '.join(missing)}" if missing else f"{rule.table}.{rule.column} is complete"
    return Fact(name=name, table=rule.table, value=len(missing), bound=bound, broken=bool(missing), words=words)


def identity_fact(rule: Identity, day: date, days: Mapping[date, Day]) -> Fact:
    """The median error of a physical identity; columns gone null are a fault too, since nothing can be checked then."""
    found = days.get(day, Day(rows=0))
    error, share = found.errors.get(rule.name), found.measurable.get(rule.name, 0.0)
    name, bound = f"identity:{rule.name}", f"median error <= {rule.bound:g}"
    if not found.rows:
        return Fact(name=name, table=rule.table, value=None, bound=bound, broken=False, words="not measured: no rows")
    if error is None or share < _MEASURABLE:
        words = f"{rule.name} of {rule.table} can be computed on {share:.0%} of the rows only"
        return Fact(name=name, table=rule.table, value=error, bound=bound, broken=True, words=words)
    broken = error > rule.bound
    words = f"{rule.name} of {rule.table} is off by {error:.3g} (bound {rule.bound:g})" + (f": {rule.hint}" if broken else "")
    return Fact(name=name, table=rule.table, value=error, bound=bound, broken=broken, words=words)


def ratio_fact(rule: UnitRatio, ratio: float | None) -> Fact:
    """A day's median against its recent daily medians."""
    name, bound = f"ratio:{rule.table}.{rule.column}", f"{rule.low:g} to {rule.high:g}"
    if ratio is None:
        return Fact(name=name, table=rule.table, value=None, bound=bound, broken=False, words=UNJUDGED)
    broken = not rule.low <= ratio <= rule.high
    words = f"{rule.table}.{rule.column} is {ratio:.2f} times its recent median"
    return Fact(name=name, table=rule.table, value=ratio, bound=bound, broken=broken, words=words)


def shift_fact(rule: Shift, day: date, days: Mapping[date, Day], policy: DriftPolicy) -> Fact:
    """How far a day's mean lies from the mean of its recent days, in standard deviations of their rows; a mark, never a fault."""
    name, bound = f"shift:{rule.table}.{rule.column}", f"<= {rule.bound:g} deviations"
    past = [days[one].moments[rule.column] for one in history_of(day, days, policy)]
    known = [(one.mean, one.deviation) for one in past if one.mean is not None and one.deviation is not None]
    mean = days[day].moments[rule.column].mean if day in days else None
    spread = sqrt(fmean(deviation**2 for _, deviation in known)) if known else 0.0
    if mean is None or len(known) < policy.minimum_history or not spread:
        return Fact(name=name, table=rule.table, value=None, bound=bound, broken=False, words=UNJUDGED, severity="warning")
    usual = fmean(mean for mean, _ in known)
    moved = abs(mean - usual) / spread
    words = f"{rule.table}.{rule.column} is {mean:.4g} in the mean, {moved:.2f} deviations from its recent {usual:.4g}"
    broken = moved > rule.bound
    return Fact(name=name, table=rule.table, value=moved, bound=bound, broken=broken, words=words, severity="warning")


def nulls_fact(rule: Variety, day: date, days: Mapping[date, Day], policy: DriftPolicy) -> Fact:
    """How far the share of nulls lies above that of recent days: half a column gone, though the contract lets it be null."""
    name, bound = f"nulls:{rule.table}.{rule.column}", f"<= {rule.nulls:g} more than usual"
    past = [1 - days[one].filled[rule.column] for one in history_of(day, days, policy)]
    if len(past) < max(policy.minimum_history, 1) or day not in days:
        return Fact(name=name, table=rule.table, value=None, bound=bound, broken=False, words=UNJUDGED, severity="warning")
    share, usual = 1 - days[day].filled[rule.column], median(past)
    words = f"{rule.table}.{rule.column} is null in {share:.0%} of the rows, usually in {usual:.0%}"
    broken = share - usual > rule.nulls
    return Fact(name=name, table=rule.table, value=share - usual, bound=bound, broken=broken, words=words, severity="warning")


def distinct_fact(rule: Variety, day: date, days: Mapping[date, Day], policy: DriftPolicy) -> Fact:
    """Distinct values against those of recent days: few where a column became constant, many where categories explode."""
    name, bound = f"distinct:{rule.table}.{rule.column}", f"{rule.low:g} to {rule.high:g} of the usual number"
    usual = [days[one].distinct[rule.column] for one in history_of(day, days, policy)]
    if len(usual) < max(policy.minimum_history, 1) or day not in days or not median(usual):
        return Fact(name=name, table=rule.table, value=None, bound=bound, broken=False, words=UNJUDGED, severity="warning")
    found = days[day].distinct[rule.column]
    ratio = found / median(usual)
    words = f"{rule.table}.{rule.column} has {found} distinct values, usually {median(usual):g}"
    broken = not rule.low <= ratio <= rule.high
    return Fact(name=name, table=rule.table, value=ratio, bound=bound, broken=broken, words=words, severity="warning")


def stale_fact(rule: Staleness, day: date, days: Mapping[date, Day], common: Mapping[date, int]) -> Fact:
    """How much of this date and of the recent date most like it is the same rows (the share of their union)."""
    rows = days[day].rows if day in days else 0
    shares = {past: both / (rows + days[past].rows - both) for past, both in common.items() if past in days}
    past = max(shares, key=lambda one: shares[one], default=None)
    share = shares[past] if past else 0.0
    words = f"{share:.1%} of {rule.table} is what it was on {past}" if past else f"{rule.table} repeats no recent date"
    return Fact(name="stale", table=rule.table, value=share, bound=f"<= {rule.share:g}", broken=share > rule.share, words=words)


def history_of(day: date, days: Mapping[date, Day], policy: DriftPolicy) -> list[date]:
    """The dates inside the policy's look-back that have rows."""
    past = (day - timedelta(days=back) for back in range(1, policy.history_days + 1))
    return [one for one in past if one in days and days[one].rows]
