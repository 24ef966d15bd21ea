"""A few rows for each check that did not pass, brought by one more query: what a person looks for first."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from typing import NamedTuple

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakeloop.core.agreements import ELSEWHERE
from lakeloop.core.contract import TableContract
from lakeloop.core.lake import DATE_COLUMN
from lakeloop.core.nights import is_refused
from lakeloop.core.reports import Check
from lakeloop.core.sql_text import names_column
from lakeloop.core.use_case import UseCase
from lakeloop.spark.measures import known_again
from lakeloop.spark.questions import Question, ask
from lakeloop.spark.tables import one_of

_ROWS, _CHECKS, _LONGEST = 3, 12, 200
_FACT = "fact:"
_ALSO = "also under"  # no column of a contract has a blank in its name
Judged = Mapping[date, Sequence[Check]]
Failed = Mapping[str, Judged]
Frames = Mapping[str, DataFrame]


class Offence(NamedTuple):
    """A check of a date of a table that did not pass."""

    table: str
    data_date: date
    check: str


Offenders = Mapping[Offence, Sequence[str]]


def offenders(case: UseCase, frames: Frames, checks: Failed, held: Frames) -> Offenders:
    """A few rows as text by offence, of the first offences that rows can show; `held` is what main held of restated units."""
    asked: dict[Offence, Question] = {}
    for offence in _failed(checks):
        if len(asked) == _CHECKS or offence.table not in frames:
            continue
        rows = _rows(_Asked(case, offence, frames, held, checks[offence.table]))
        if rows is not None:
            asked[offence] = Question(f"rows {len(asked)}", rows.limit(_ROWS))
    found = ask(list(asked.values()))
    return {offence: [_spelt(answer) for _, answer in found[question.name]] for offence, question in asked.items()}


def _failed(checks: Failed) -> Iterator[Offence]:
    for table, days in checks.items():
        for day, each in days.items():
            yield from (Offence(table, day, check.name) for check in each if not check.passed)


class _Asked(NamedTuple):
    """An offence whose rows are looked for, and what they are looked for in."""

    case: UseCase
    offence: Offence
    frames: Frames
    held: Frames
    judged: Judged  # of the offence's table

    @property
    def contract(self) -> TableContract:
        return self.case.table(self.offence.table)

    @property
    def day(self) -> DataFrame:
        """The rows of the offence's date."""
        return self.frames[self.offence.table].where(F.col(DATE_COLUMN) == F.lit(self.offence.data_date))


def _rows(asked: _Asked) -> DataFrame | None:
    """The rows of the date that show it, worst first; None where no row does."""
    kind, _, name = asked.offence.check.partition("__")
    if kind.startswith(_FACT):
        what, _, name = kind.removeprefix(_FACT).partition(":")
        kind = f"{_FACT}{what}"
    find = _KINDS.get(kind)
    return None if find is None else find(asked, name)


def _lowest(asked: _Asked, column: str) -> DataFrame:
    return _shown(asked.contract, asked.day.orderBy(F.col(column).asc_nulls_last()), column)


def _highest(asked: _Asked, column: str) -> DataFrame:
    return _shown(asked.contract, asked.day.orderBy(F.col(column).desc_nulls_last()), column)


def _empty(asked: _Asked, column: str) -> DataFrame:
    return _shown(asked.contract, asked.day.where(F.col(column).isNull()), column)


def _most_off(asked: _Asked, name: str) -> DataFrame | None:
    for rule in (rule for rule in asked.case.drift.identities if rule.name == name):
        rows = asked.day.orderBy(F.expr(rule.error).desc_nulls_first())
        return _shown(asked.contract, rows, *_named(asked.contract, rule.error))
    return None


def _alone(asked: _Asked, name: str) -> DataFrame | None:
    """Rows without a partner; None where it is the partner that is judged."""
    for rule in asked.case.drift.agreements:
        if name == f"{rule.table}-{rule.partner}" and asked.offence.table == rule.table:
            keys = [DATE_COLUMN, *rule.on]
            return _shown(asked.contract, asked.day.join(asked.frames[rule.partner].select(*keys), keys, "left_anti"), *rule.on)
    return None


def _elsewhere(asked: _Asked, _: str) -> DataFrame:
    """The rows whose identity near dates had as the date came, with the first of those dates.

    What comes later in the run, or is refused, was not there by then; what main held in its place was.
    """
    contract, (table, day, _name) = asked.contract, asked.offence
    columns, near = contract.identity, asked.case.drift.history_days
    is_lost = F.expr(one_of(DATE_COLUMN, (other for other, checks in asked.judged.items() if other > day or is_refused(checks))))
    others = known_again(asked.frames[table], columns).where(~is_lost).select(DATE_COLUMN, "_mark")
    if table in asked.held:
        others = others.unionByName(known_again(asked.held[table], columns).where(is_lost).select(DATE_COLUMN, "_mark"))
    others = others.where(F.abs(F.datediff(DATE_COLUMN, F.lit(day))).between(1, near))
    dates = F.slice(F.sort_array(F.collect_set(F.col(DATE_COLUMN).cast("string"))), 1, _ROWS)
    found = others.groupBy("_mark").agg(F.array_join(dates, " and ").alias(_ALSO))
    rows = known_again(asked.day, columns).join(found, "_mark").orderBy(*columns)
    return _shown(contract, rows, *columns, _ALSO)


_KINDS: Mapping[str, Callable[[_Asked, str], DataFrame | None]] = {
    "min": _lowest,
    "max": _highest,
    "completeness": _empty,
    f"{_FACT}identity": _most_off,
    f"{_FACT}agreement": _alone,
    f"{_FACT}{ELSEWHERE}": _elsewhere,
}


def _shown(contract: TableContract, rows: DataFrame, *columns: str) -> DataFrame:
    """The key and the columns in question, without personal data."""
    named = dict.fromkeys([*contract.key, *columns])
    personal = {column.name for column in contract.columns if column.personal}
    return rows.select(DATE_COLUMN, *(name for name in named if name not in personal))


def _named(contract: TableContract, expression: str) -> list[str]:
    return [column.name for column in contract.columns if names_column(expression, column.name)]


def _spelt(answer: Mapping[str, object]) -> str:
    words = (f"{name}={'null' if value is None else value}" for name, value in answer.items())
    return ", ".join(words)[:_LONGEST]
