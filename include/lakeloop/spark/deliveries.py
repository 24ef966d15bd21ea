"""Facts that one delivery can show, as checks of its audit: measured on the snapshot, with history from the same one."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import NamedTuple

from pyspark.sql import DataFrame

from lakeloop.core import facts
from lakeloop.core.agreements import agreement_fact, disagreement_fact, elsewhere_fact
from lakeloop.core.lake import UnitId
from lakeloop.core.nights import Dates, before, by_night, days_of, is_refused, night_of
from lakeloop.core.reports import Check, Fact
from lakeloop.core.use_case import Agreement, UnitRatio, UseCase
from lakeloop.spark.measures import (
    Answers,
    Past,
    common_frame,
    common_of,
    day_by_day,
    days_frame,
    elsewhere_frame,
    paired_frame,
    ratio_frame,
    with_past,
)
from lakeloop.spark.questions import Answer, Question


def needed(case: UseCase, dates: Dates) -> dict[str, set[date]]:
    """The dates of each table that an audit of these dates looks at."""
    wanted: dict[str, set[date]] = {}
    for name, days in dates.items():
        contract = case.table(name)
        rule, back = contract.expected, case.drift.history_days if contract.kind == "daily" else 0
        if rule and rule.source == "trailing":
            back = max(back, rule.days)
        wanted.setdefault(name, set()).update(with_past(days, back))
        if contract.identity:  # rows of a later date may have been here first
            wanted[name].update(day + timedelta(days=ahead) for day in days for ahead in range(1, case.drift.history_days + 1))
        beside = [rule.table] if rule and rule.source == "table" and rule.table else []
        for other in [*beside, *(_partner(agreement, name) for agreement in _agreements(case, name))]:
            wanted.setdefault(other, set()).update(days)
    return wanted


def questions(case: UseCase, frames: Mapping[str, DataFrame], dates: Dates) -> list[Question]:
    """What is to be measured on the tables that are there."""
    policy, asked = case.drift, [Question(f"days {name}", days_frame(frame, name, case.drift)) for name, frame in frames.items()]
    for name, days in ((name, dates[name]) for name in dates if name in frames):
        asked += _compared(case, frames[name], name, days, Past())
    for rule in policy.agreements:
        days = sorted({*dates.get(rule.table, ()), *dates.get(rule.partner, ())})
        if days and rule.table in frames and rule.partner in frames:
            asked.append(Question(f"paired {rule.table}-{rule.partner}", paired_frame(frames, rule, days)))
    return asked


def _compared(case: UseCase, frame: DataFrame, name: str, days: Sequence[date], past: Past) -> list[Question]:
    """What Spark compares with other dates of the table, and answers as one number a date."""
    policy, contract, asked = case.drift, case.table(name), []
    if contract.kind == "daily":
        ratios = (rule for rule in policy.ratios if rule.table == name)
        asked += [Question(_ratio(rule), ratio_frame(frame, rule, policy, days, past)) for rule in ratios]
        stale = (rule for rule in policy.stale if rule.table == name)
        asked += [Question(f"common {name}", common_frame(frame, rule, days, past)) for rule in stale]
    if contract.identity:
        elsewhere = elsewhere_frame(frame, contract.identity, days, policy.history_days, past)
        asked.append(Question(f"elsewhere {name}", elsewhere))
    return asked


def _ratio(rule: UnitRatio) -> str:
    return f"ratio {rule.table}.{rule.column}"


def asked_again(
    case: UseCase, frames: Mapping[str, DataFrame], dates: Dates, absent: frozenset[UnitId], held: Mapping[str, DataFrame]
) -> list[Question]:
    """What compares with units that are refused, or to come on a later night: asked of what main held of them, if anything."""
    asked = [Question(f"held {name}", days_frame(frame, name, case.drift)) for name, frame in held.items()]
    for name in (name for name in dates if name in frames and (days_of(absent, name) or name in held)):
        asked += _compared(case, frames[name], name, dates[name], Past(days_of(absent, name), held.get(name)))
    for rule in case.drift.agreements:
        days = set(dates.get(rule.table, ())) & set(dates.get(rule.partner, ()))
        for name, other in ((rule.table, rule.partner), (rule.partner, rule.table)):
            if days and name in frames and other in held:
                asked.append(Question(_by_held(rule, name), paired_frame({name: frames[name], other: held[other]}, rule, days)))
    return asked


def _by_held(rule: Agreement, judged: str) -> str:
    return f"held {rule.table}-{rule.partner} {judged}"


def checks(
    case: UseCase, answers: Mapping[str, Answers], dates: Dates, refused: frozenset[UnitId] = frozenset()
) -> dict[str, dict[date, list[Check]]]:
    """Table -> date -> the checks of its facts, night by night: what is refused is not there for a later night."""
    measured = {name: _measured(case, answers, name) for name in dates}
    found: dict[str, dict[date, list[Check]]] = {name: {} for name in dates}
    for units in by_night(case, dates):
        absent = before(case, refused, night_of(case, units[0]))
        for unit in units:
            known = measured[unit.table].as_left(days_of(absent, unit.table))
            told = [*_history(case, known, unit), *_beyond(case, answers, unit, dates, absent)]
            found[unit.table][unit.data_date] = [_check(fact) for fact in told]
        refused |= {unit for unit in units if is_refused(found[unit.table][unit.data_date])}
    return found


class _Measured(NamedTuple):
    """The answers about one daily table."""

    days: dict[date, facts.Day]
    ratios: dict[UnitRatio, dict[date, Answer]]
    common: dict[date, dict[date, int]]
    held: dict[date, facts.Day]  # what main held of refused dates

    def as_left(self, absent: frozenset[date]) -> "_Measured":
        there = {day: one for day, one in self.days.items() if day not in absent}
        return self._replace(days=there | {day: one for day, one in self.held.items() if day in absent}) if absent else self


def _measured(case: UseCase, answers: Mapping[str, Answers], name: str) -> _Measured:
    ratios = {rule: dict(answers.get(_ratio(rule), ())) for rule in case.drift.ratios if rule.table == name}
    days, held = (day_by_day(answers.get(f"{what} {name}", ())) for what in ("days", "held"))
    return _Measured(days, ratios, common_of(answers.get(f"common {name}", ())), held)


def _history(case: UseCase, known: _Measured, unit: UnitId) -> list[Fact]:
    """Facts of a date of a daily table by itself and by its own recent dates."""
    (name, day), policy, days = unit, case.drift, known.days
    if case.table(name).kind != "daily":
        return []
    is_enough = len(facts.history_of(day, days, policy)) >= policy.minimum_history
    return [
        facts.history_fact(name, day, days, policy),
        facts.rows_fact(name, day, days, policy),
        *(facts.identity_fact(rule, day, days) for rule in policy.identities if rule.table == name),
        *(facts.members_fact(rule, day, days, policy) for rule in policy.members if rule.table == name),
        *(facts.nulls_fact(rule, day, days, policy) for rule in policy.varieties if rule.table == name),
        *(facts.distinct_fact(rule, day, days, policy) for rule in policy.varieties if rule.table == name),
        *(facts.shift_fact(rule, day, days, policy) for rule in policy.shifts if rule.table == name),
        *(facts.ratio_fact(rule, found.get(day, {}).get("ratio") if is_enough else None) for rule, found in known.ratios.items()),
        *(facts.stale_fact(rule, day, days, known.common.get(day, {})) for rule in policy.stale if rule.table == name),
    ]


def _beyond(case: UseCase, answers: Mapping[str, Answers], unit: UnitId, dates: Dates, absent: frozenset[UnitId]) -> list[Fact]:
    """Facts of a unit by other tables of the date, and by keys under other dates."""
    (name, day), found = unit, []
    for rule in _agreements(case, name):
        other = UnitId(_partner(rule, name), day)
        came = night_of(case, other) if day in dates.get(other.table, ()) else None
        if came == night_of(case, unit) and name != rule.table:
            continue  # two that come together are held against each other once
        is_left = other in absent or (came is not None and came > night_of(case, unit))
        paired = dict(answers.get(_by_held(rule, name) if is_left else f"paired {rule.table}-{rule.partner}", ())).get(day)
        found.append(agreement_fact(rule, name, paired))
        found += [disagreement_fact(rule, name, paired)] if rule.error else []
    contract = case.table(name)
    if contract.identity:
        rows = dict(answers.get(f"elsewhere {name}", ())).get(day, {}).get("rows", 0)
        found.append(elsewhere_fact(contract, rows, case.drift.history_days))
    return found


def _agreements(case: UseCase, name: str) -> list[Agreement]:
    return [rule for rule in case.drift.agreements if name in {rule.table, rule.partner}]


def _partner(rule: Agreement, name: str) -> str:
    return rule.partner if name == rule.table else rule.table


def _check(fact: Fact) -> Check:
    judged = fact.value is not None
    return Check(
        name=f"fact:{fact.name}", observed=None if fact.value is None else round(fact.value, 6),
        expected=fact.bound if judged or fact.broken else f"{fact.bound} ({fact.words})",
        passed=not fact.broken, severity=fact.severity, words=fact.words,
    )  # fmt: skip
