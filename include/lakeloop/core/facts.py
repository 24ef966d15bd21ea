"""Facts about one date of one table: measured numbers against the case's bounds, in words; pure."""

from collections.abc import Mapping
from datetime import date, timedelta
from statistics import median

from lakeloop.core.reports import Fact
from lakeloop.core.use_case import DriftPolicy, Identity, Members, Staleness, UnitRatio, Value

_MEASURABLE = 0.5  # an identity must be computable on half of the rows; real days reach 0.98
_SAME_WEEKDAYS = 2  # fewer earlier days of the same weekday are not compared with


class Day(Value):
    """What one pass over a table found of one date."""

    rows: int
    errors: Mapping[str, float | None] = {}  # identity -> median absolute error
    measurable: Mapping[str, float] = {}  # identity -> share of rows on which it can be computed
    members: Mapping[str, frozenset[str]] = {}  # column -> its values


def rows_fact(table: str, day: date, days: Mapping[date, Day], policy: DriftPolicy) -> Fact:
    """Rows against the median of the same weekdays, or of all recent days while there are too few of those."""
    rows = days[day].rows if day in days else 0
    history = history_of(day, days, policy)
    same = [past for past in history if past.weekday() == day.weekday()]
    compared = same if len(same) >= _SAME_WEEKDAYS else history
    share = rows / median(days[past].rows for past in compared) if len(history) >= policy.minimum_history else None
    broken = rows == 0 or (share is not None and share < policy.partial_share)
    bound = f">= {policy.partial_share:g} of the usual rows"
    words = f"{table} has {rows} rows" + ("" if share is None else f", {share:.2f} of the median of {len(compared)} like days")
    return Fact(name="partial", table=table, value=share, bound=bound, broken=broken, words=words)


def members_fact(rule: Members, day: date, days: Mapping[date, Day], policy: DriftPolicy) -> Fact:
    """Values that every recent date had and this one has not."""
    history = history_of(day, days, policy)
    name, bound = f"members:{rule.table}.{rule.column}", "none of the usual values is missing"
    if len(history) < policy.minimum_history or day not in days:
        return Fact(name=name, table=rule.table, value=None, bound=bound, broken=False, words="not measured: too little history")
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
        return Fact(name=name, table=rule.table, value=None, bound=bound, broken=False, words="not measured: too little history")
    broken = not rule.low <= ratio <= rule.high
    words = f"{rule.table}.{rule.column} is {ratio:.2f} times its recent median"
    return Fact(name=name, table=rule.table, value=ratio, bound=bound, broken=broken, words=words)


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
