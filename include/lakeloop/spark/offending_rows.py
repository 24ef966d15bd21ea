"""The rows of a date that show what is wrong with it, worst first, by kind of check."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import NamedTuple

from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from lakeloop.core.agreements import ELSEWHERE
from lakeloop.core.contract import Column, TableContract
from lakeloop.core.lake import DATE_COLUMN
from lakeloop.core.nights import is_refused
from lakeloop.core.reports import Check
from lakeloop.core.sql_text import names_column
from lakeloop.core.use_case import UseCase
from lakeloop.spark.measures import compared_columns, known_again
from lakeloop.spark.rules import breaches
from lakeloop.spark.tables import one_of

FEW = 3
FACT = "fact:"
_ALSO, _BREAKS = "also under", "what breaks a rule"  # no column of a contract has a blank in its name
Judged = Mapping[date, Sequence[Check]]
Frames = Mapping[str, DataFrame]


class Tables(NamedTuple):
    """What rows are looked for in, by table."""

    published: Frames
    held: Frames  # what main held of restated units
    kept: Frames  # what this run left out; without `row` where its text may not be shown


class Offence(NamedTuple):
    """A check of a date of a table that did not pass."""

    table: str
    data_date: date
    check: str


class Asked(NamedTuple):
    """An offence whose rows are looked for, and what they are looked for in."""

    case: UseCase
    offence: Offence
    tables: Tables
    judged: Judged  # of the offence's table

    @property
    def contract(self) -> TableContract:
        """Of the offence's table."""
        return self.case.table(self.offence.table)

    @property
    def day(self) -> DataFrame:
        """The published rows of the offence's date."""
        return self._dated(self.tables.published)

    @property
    def kept(self) -> DataFrame:
        """Its rows in quarantine."""
        return self._dated(self.tables.kept)

    def _dated(self, frames: Frames) -> DataFrame:
        return frames[self.offence.table].where(F.col(DATE_COLUMN) == F.lit(self.offence.data_date))


def find_rows(asked: Asked) -> DataFrame | None:
    """The rows that show it; None where no row does."""
    kind, _, name = asked.offence.check.partition("__")
    if kind.startswith(FACT):
        what, _, name = kind.removeprefix(FACT).partition(":")
        kind = f"{FACT}{what}"
    find = _KINDS.get(kind)
    frames = asked.tables.kept if find is _left_out else asked.tables.published
    return find(asked, name) if find and asked.offence.table in frames else None


def _lowest(asked: Asked, column: str) -> DataFrame:
    return _shown(asked.contract, asked.day.orderBy(F.col(column).asc_nulls_last()), column)


def _highest(asked: Asked, column: str) -> DataFrame:
    return _shown(asked.contract, asked.day.orderBy(F.col(column).desc_nulls_last()), column)


def _empty(asked: Asked, column: str) -> DataFrame:
    return _shown(asked.contract, asked.day.where(F.col(column).isNull()), column)


def _most_off(asked: Asked, name: str) -> DataFrame | None:
    for rule in (rule for rule in asked.case.drift.identities if rule.name == name):
        rows = asked.day.orderBy(F.expr(rule.error).desc_nulls_first())
        return _shown(asked.contract, rows, *_named(asked.contract, rule.error))
    return None


def _alone(asked: Asked, name: str) -> DataFrame | None:
    """Rows without a partner; None where it is the partner that is judged."""
    for rule in asked.case.drift.agreements:
        if name == f"{rule.table}-{rule.partner}" and asked.offence.table == rule.table:
            keys = [DATE_COLUMN, *rule.on]
            partners = asked.tables.published[rule.partner].select(*keys)
            return _shown(asked.contract, asked.day.join(partners, keys, "left_anti"), *rule.on)
    return None


def _contradicting(asked: Asked, name: str) -> DataFrame | None:
    """Rows of both tables beside each other, those first that are furthest apart."""
    tables = asked.tables.published
    for rule in (rule for rule in asked.case.drift.agreements if name == f"{rule.table}-{rule.partner}"):
        keys, said = [DATE_COLUMN, *rule.on], compared_columns(tables, rule)
        mine, theirs = (tables[table].select(*keys, *columns) for table, columns in said.items())
        pairs = mine.where(F.col(DATE_COLUMN) == F.lit(asked.offence.data_date)).join(theirs, keys)
        return pairs.orderBy(F.expr(rule.error).desc_nulls_last()).select(
            *keys, *(one for columns in said.values() for one in columns)
        )
    return None


def _elsewhere(asked: Asked, _: str) -> DataFrame:
    """The rows whose identity near dates had as the date came, with the first of those dates.

    What comes later in the run, or is refused, was not there by then; what main held in its place was.
    """
    contract, (table, day, _name) = asked.contract, asked.offence
    columns, near = contract.identity, asked.case.drift.history_days
    is_lost = F.expr(one_of(DATE_COLUMN, (other for other, checks in asked.judged.items() if other > day or is_refused(checks))))
    others = known_again(asked.tables.published[table], columns).where(~is_lost).select(DATE_COLUMN, "_mark")
    if table in asked.tables.held:
        others = others.unionByName(known_again(asked.tables.held[table], columns).where(is_lost).select(DATE_COLUMN, "_mark"))
    others = others.where(F.abs(F.datediff(DATE_COLUMN, F.lit(day))).between(1, near))
    dates = F.slice(F.sort_array(F.collect_set(F.col(DATE_COLUMN).cast("string"))), 1, FEW)
    found = others.groupBy("_mark").agg(F.array_join(dates, " and ").alias(_ALSO))
    rows = known_again(asked.day, columns).join(found, "_mark").orderBy(*columns)
    return _shown(contract, rows, *columns, _ALSO)


def _left_out(asked: Asked, limited: str) -> DataFrame:
    """Rows in quarantine as it keeps them, those of the most frequent first reason before the others."""
    first = F.get("reasons", F.lit(0))
    rows = asked.kept
    if limited:
        rows = rows.where((first == limited) | first.startswith(f"{limited}:"))
    alike = F.count("*").over(Window.partitionBy(first))
    ordered = rows.withColumn("_alike", alike).orderBy(F.desc("_alike"), F.asc_nulls_last("line"))
    words = F.array_join("reasons", " ").alias("reasons")
    return ordered.select(DATE_COLUMN, "line", words, *({"row"} & set(rows.columns)))


def _breaking(asked: Asked, _: str) -> DataFrame:
    """Published rows that break a rule, with the columns and rules that do not hold; where all of these do, it is `date_of`."""
    contract = asked.contract
    alone = contract.model_copy(update={"columns": (), "rules": (), "date_of": ""})
    only = ((column, alone.model_copy(update={"columns": (column,)})) for column in contract.columns)
    columns = [F.when(breaches(one), _valued(column)) for column, one in only]
    words = F.concat_ws(" ", *columns, *(F.when(~F.expr(rule.check), F.lit(f"rule:{rule.name}")) for rule in contract.rules))
    rows = asked.day.where(breaches(contract)).withColumn(_BREAKS, F.when(words == "", "other_date").otherwise(words))
    used = (named for sql in (contract.date_of, *(rule.check for rule in contract.rules)) for named in _named(contract, sql))
    return _shown(contract, rows.orderBy(*contract.key), *contract.key, _BREAKS, *used)


def _valued(column: Column) -> SparkColumn:
    value = F.lit("personal") if column.personal else F.coalesce(F.col(column.name).cast("string"), F.lit("null"))
    return F.format_string(f"{column.name} (%s)", value)


def _repeated(asked: Asked, _: str) -> DataFrame:
    """Rows whose key another row of the date has, beside each other."""
    contract = asked.contract
    rows = asked.day.withColumn("_alike", F.count("*").over(Window.partitionBy(*contract.key))).where("_alike > 1")
    return _shown(contract, rows.orderBy(*contract.key), *(column.name for column in contract.columns))


_KINDS: Mapping[str, Callable[[Asked, str], DataFrame | None]] = {
    "min": _lowest,
    "max": _highest,
    "completeness": _empty,
    "quarantine_share": _left_out,
    "rule_breaches": _breaking,
    "key_repeats": _repeated,
    f"{FACT}identity": _most_off,
    f"{FACT}agreement": _alone,
    f"{FACT}disagreement": _contradicting,
    f"{FACT}{ELSEWHERE}": _elsewhere,
}


def _shown(contract: TableContract, rows: DataFrame, *columns: str) -> DataFrame:
    """The key and the columns in question, without personal data."""
    named = dict.fromkeys([*contract.key, *columns])
    personal = {column.name for column in contract.columns if column.personal}
    return rows.select(DATE_COLUMN, *(name for name in named if name not in personal))


def _named(contract: TableContract, expression: str) -> list[str]:
    return [column.name for column in contract.columns if names_column(expression, column.name)]
