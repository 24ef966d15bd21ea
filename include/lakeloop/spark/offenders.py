"""A few rows for each check that did not pass, brought by one more query: what a person looks for first."""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import NamedTuple

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakeloop.core.agreements import ELSEWHERE
from lakeloop.core.contract import TableContract
from lakeloop.core.lake import DATE_COLUMN
from lakeloop.core.nights import is_refused
from lakeloop.core.reports import Check
from lakeloop.core.use_case import UseCase
from lakeloop.spark.measures import known_again
from lakeloop.spark.questions import Question, ask
from lakeloop.spark.tables import one_of

_ROWS, _CHECKS, _LONGEST = 3, 12, 200
_ALSO = "also under"  # no column of a contract has a blank in its name
Judged = Mapping[date, Sequence[Check]]
Failed = Mapping[str, Judged]


class Offence(NamedTuple):
    """A check of a date of a table that did not pass."""

    table: str
    data_date: date
    check: str


Offenders = Mapping[Offence, Sequence[str]]


def offenders(case: UseCase, frames: Mapping[str, DataFrame], checks: Failed) -> Offenders:
    """A few rows as text by offence, of the first offences that rows can show."""
    asked: dict[Offence, Question] = {}
    for offence in _failed(checks):
        if len(asked) == _CHECKS or offence.table not in frames:
            continue
        rows = _rows(case, frames, offence, checks[offence.table])
        if rows is not None:
            asked[offence] = Question(f"rows {len(asked)}", rows.limit(_ROWS))
    found = ask(list(asked.values()))
    return {offence: [_spelt(answer) for _, answer in found[question.name]] for offence, question in asked.items()}


def _failed(checks: Failed) -> Iterator[Offence]:
    for table, days in checks.items():
        for day, each in days.items():
            yield from (Offence(table, day, check.name) for check in each if not check.passed)


def _rows(case: UseCase, frames: Mapping[str, DataFrame], offence: Offence, judged: Judged) -> DataFrame | None:
    """The rows of the date that show it, worst first; None where no row does."""
    contract = case.table(offence.table)
    day = frames[offence.table].where(F.col(DATE_COLUMN) == F.lit(offence.data_date))
    kind, _, column = offence.check.partition("__")
    if kind in {"min", "max"}:
        value = F.col(column)
        return _shown(contract, day.orderBy(value.asc_nulls_last() if kind == "min" else value.desc_nulls_last()), column)
    if kind == "completeness":
        return _shown(contract, day.where(F.col(column).isNull()), column)
    for identity in case.drift.identities:
        if offence.check == f"fact:identity:{identity.name}":
            return _shown(contract, day.orderBy(F.expr(identity.error).desc_nulls_first()), *_named(contract, identity.error))
    for rule in case.drift.agreements:
        if offence.check == f"fact:agreement:{rule.table}-{rule.partner}" and offence.table == rule.table:
            keys = [DATE_COLUMN, *rule.on]
            return _shown(contract, day.join(frames[rule.partner].select(*keys), keys, "left_anti"), *rule.on)
    if offence.check == f"fact:{ELSEWHERE}":
        rows = _elsewhere(frames[offence.table], contract.identity, offence.data_date, case.drift.history_days, judged)
        return _shown(contract, rows, *contract.identity, _ALSO)
    return None


def _elsewhere(frame: DataFrame, columns: Sequence[str], day: date, near: int, judged: Judged) -> DataFrame:
    """The rows of a date whose identity near dates had as it came, with the first of those: not one that is later or refused."""
    rows, is_own = known_again(frame, columns), F.col(DATE_COLUMN) == F.lit(day)
    absent = F.expr(one_of(DATE_COLUMN, (other for other, checks in judged.items() if other > day or is_refused(checks))))
    others = rows.where(F.abs(F.datediff(DATE_COLUMN, F.lit(day))).between(1, near) & ~absent)
    dates = F.slice(F.sort_array(F.collect_set(F.col(DATE_COLUMN).cast("string"))), 1, _ROWS)
    found = others.groupBy("_mark").agg(F.array_join(dates, " and ").alias(_ALSO))
    return rows.where(is_own).join(found, "_mark").orderBy(*columns)


def _shown(contract: TableContract, rows: DataFrame, *columns: str) -> DataFrame:
    """The key and the columns in question, without personal data."""
    named = dict.fromkeys([*contract.key, *columns])
    personal = {column.name for column in contract.columns if column.personal}
    return rows.select(DATE_COLUMN, *(name for name in named if name not in personal))


def _named(contract: TableContract, expression: str) -> list[str]:
    return [column.name for column in contract.columns if re.search(rf"\b{column.name}\b", expression)]


def _spelt(answer: Mapping[str, object]) -> str:
    words = (f"{name}={'null' if value is None else value}" for name, value in answer.items())
    return ", ".join(words)[:_LONGEST]
