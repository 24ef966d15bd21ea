"""Facts about rows that another table, or another date, speaks of; pure."""

from collections.abc import Mapping
from typing import NamedTuple

from lakeloop.core.contract import TableContract
from lakeloop.core.reports import Fact
from lakeloop.core.use_case import Agreement, Settlement

ELSEWHERE = "elsewhere"


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
    broken = share < rule.share
    return Fact(name=name, table=judged, value=share, bound=bound, broken=broken, words=words, severity=rule.severity)


def elsewhere_fact(contract: TableContract, rows: int, days: int) -> Fact:
    """Rows whose identity stands under another recent date as well; a mark, which never chooses rows."""
    columns = " and ".join(contract.identity)
    words = f"{rows} of {contract.name} have {columns} of another date up to {days} days away; all of them were kept"
    return Fact(
        name=ELSEWHERE, table=contract.name, value=rows, bound="no identity under two dates", broken=rows > 0,
        words=words, severity="warning",
    )  # fmt: skip


def settlement_fact(rule: Settlement, errors: Mapping[str, Error]) -> Fact:
    """The worst group's median error, by what came later; groups too small to say anything are left out."""
    name, bound = f"settled:{rule.name}", f"median error <= {rule.bound:g}"
    known = {group: one.median for group, one in errors.items() if one.median is not None and one.rows >= rule.fewest}
    if not known:
        words = f"not judged: {rule.later} has too few rows to compare with"
        return Fact(name=name, table=rule.table, value=None, bound=bound, broken=False, words=words)
    worst = max(known, key=lambda group: known[group])
    wrong = {group: error for group, error in sorted(known.items()) if error > rule.bound}
    off = ", ".join(f"{error:.3g}{f' at {group}' if group else ''}" for group, error in wrong.items())
    words = (
        f"{rule.name} of {rule.table} is off by {off} (bound {rule.bound:g}), says {rule.later}: {rule.hint}"
        if wrong
        else f"{rule.name} of {rule.table} is what {rule.later} says"
    )
    return Fact(name=name, table=rule.table, value=known[worst], bound=bound, broken=bool(wrong), words=words)
