"""Facts about rows that another table, or another date, speaks of; pure."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from lakeloop.core.contract import Severity, TableContract
from lakeloop.core.reports import Fact
from lakeloop.core.use_case import Agreement, Settlement
from lakeloop.core.words import counted

ELSEWHERE = "elsewhere"
_FEWEST = 10  # pairs of rows; the median of fewer says nothing


class Error(NamedTuple):
    """The median error of one group of joined rows."""

    rows: int
    median: float | None


def agreement_fact(rule: Agreement, judged: str, found: Mapping[str, int] | None) -> Fact:
    """The share of a date's rows that have a partner; without rows on both sides there is nothing to judge."""
    name, bound = f"agreement:{rule.table}-{rule.partner}", f">= {rule.share:g} of the rows"
    rows, paired, partners = ((found or {}).get(key, 0) for key in ("rows", "paired", "partners"))
    if not rows or not partners:
        is_partner = rows or (found is None and judged == rule.table)  # who is judged has rows
        words = f"not judged: {rule.partner if is_partner else rule.table} has no rows of the date"
        return Fact(name=name, table=judged, value=None, bound=bound, broken=False, words=words, severity=rule.severity)
    share = paired / rows
    words = f"{rows - paired} of {rows} rows of {rule.table} have no {' and '.join(rule.on)} in {rule.partner} of the date"
    if share >= rule.share and rule.mark is not None and share < rule.mark:
        bound = f">= {rule.mark:g} of the rows"
        return Fact(name=name, table=judged, value=share, bound=bound, broken=True, words=words, severity="warning")
    broken = share < rule.share
    return Fact(name=name, table=judged, value=share, bound=bound, broken=broken, words=words, severity=rule.severity)


def disagreement_fact(rule: Agreement, judged: str, found: Mapping[str, float | None] | None) -> Fact:
    """The median error of the date's pairs; of too few nothing is said."""
    name, bound = f"disagreement:{rule.table}-{rule.partner}", f"median error <= {rule.bound:g}"
    pairs, error = int((found or {}).get("compared") or 0), (found or {}).get("error")
    if error is None or pairs < _FEWEST:
        words = f"not judged: {counted(pairs, 'row')} of {rule.table} can be compared with {rule.partner}"
        return Fact(name=name, table=judged, value=None, bound=bound, broken=False, words=words, severity=rule.severity)
    words = f"{rule.table} and {rule.partner} of the date are {error:.3g} apart in the median of {counted(pairs, 'pair')}"
    broken = error > rule.bound
    words += f" (bound {rule.bound:g}): {rule.hint}" if broken else ""
    severity: Severity = rule.severity if judged == rule.table else "warning"  # what is there already may be the wrong one
    return Fact(name=name, table=judged, value=error, bound=bound, broken=broken, words=words, severity=severity)


def elsewhere_fact(contract: TableContract, rows: int, days: int) -> Fact:
    """Rows whose identity stands under another recent date as well; a mark, which never chooses rows."""
    columns = " and ".join(contract.identity)
    words = f"{rows} of {contract.name} have {columns} of another date up to {days} days away; all of them were kept"
    return Fact(
        name=ELSEWHERE, table=contract.name, value=rows, bound="no identity under two dates", broken=rows > 0,
        words=words, severity="warning",
    )  # fmt: skip


def settlement_facts(
    rule: Settlement, errors: Mapping[str, Error], before: Mapping[str, Error] = MappingProxyType({})
) -> list[Fact]:
    """What came later against the table, group by group; groups too small to say anything are left out.

    `before` are the least errors of the same later rows by the table of a week before: what lies about as far from all of
    these as from the date's own is the odd one of the three, and else the table of the date is. Where no group has a week
    before, what came later knows better; where some have, the others say nothing.
    """
    known = {group: one.median for group, one in errors.items() if one.median is not None and one.rows >= rule.fewest}
    wrong = {group: error for group, error in sorted(known.items()) if error > rule.bound}
    past = {group: before[group].median for group in wrong if group in before}
    odd = {group: wrong[group] for group, other in past.items() if other is not None and _is_as_far(other, wrong[group])}
    facts = [_off(rule, rule.later, odd, f"and from {rule.table} of the weeks before as well")] if odd else []
    if ours := {group: error for group, error in wrong.items() if group not in odd and (group in past or not past)}:
        facts.append(_off(rule, rule.table, ours, f"says {rule.later}: {rule.hint}"))
    return facts or [_sound(rule, max(known.values(), default=None))]


def _is_as_far(other: float, error: float) -> bool:
    """Give or take a half: a table's own weeks differ too."""
    return error / 2 < other < error * 3 / 2


def _off(rule: Settlement, table: str, wrong: Mapping[str, float], why: str) -> Fact:
    off = ", ".join(f"{error:.3g}{f' at {group}' if group else ''}" for group, error in wrong.items())
    other = f" from {rule.table} of the date" if table == rule.later else ""
    words = f"{rule.name} of {table} is off by {off}{other} (bound {rule.bound:g}), {why}"
    return _settled(rule, table, max(wrong.values()), words, is_broken=True)


def _sound(rule: Settlement, worst: float | None) -> Fact:
    if worst is None:
        return _settled(rule, rule.table, None, f"not judged: {rule.later} has too few rows to compare with")
    return _settled(rule, rule.table, worst, f"{rule.name} of {rule.table} is what {rule.later} says")


def _settled(rule: Settlement, table: str, value: float | None, words: str, *, is_broken: bool = False) -> Fact:
    bound = f"median error <= {rule.bound:g}"
    return Fact(name=f"settled:{rule.name}", table=table, value=value, bound=bound, broken=is_broken, words=words)
