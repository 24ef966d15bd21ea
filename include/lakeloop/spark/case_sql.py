"""SQL that a case says: understood, of the type that is wanted, and no column in it taken for another value in silence.

What a rule makes of one row may be null, but not wrong. Spark narrows where it casts: `int` of 2^32 + 1 is 1; and where a text
meets a number it casts the text, so that '1.9' = 1 is true. Its plan shows a cast of a column in one way, written or not.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from pyspark import errors
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from lakeloop.core.contract import TableContract
from lakeloop.core.errors import ConfigurationError
from lakeloop.core.lake import DATE_COLUMN
from lakeloop.core.sql_text import bare, with_one_text
from lakeloop.core.use_case import UseCase
from lakeloop.spark.cells import spark_type
from lakeloop.spark.conf import NULL_FOR_ERRORS, set_for

_UNCUT = {"spark.sql.debug.maxToStringFields": "100000"}  # of a plan's text
_OF_THE_SQL = (  # what Spark says of SQL that it does not understand; all else is of the connection
    errors.AnalysisException, errors.SparkRuntimeException, errors.SparkUpgradeException, errors.ArithmeticException,
    errors.ArrayIndexOutOfBoundsException, errors.DateTimeException, errors.IllegalArgumentException,
    errors.NumberFormatException, errors.UnsupportedOperationException,
)  # fmt: skip
_NUMBER = "a number"
_SMALL, _BROKEN = "tinyint|smallint|int", r"float|double|decimal\(\d+,\d+\)"
_ANY = rf"{_SMALL}|bigint|{_BROKEN}"
_TEXT = "\u00a7"  # stands for what authors write in quotes: a plan shows texts without
_INTEGER = "tinyint|byte|smallint|short|int|integer|bigint|long"
_STEP = re.compile(rf"(\b\w+)?\s*\(|(\bas\s+(?:{_INTEGER})\s*)?\)|::\s*(?:{_INTEGER})\b", re.IGNORECASE)
_GIVES_TEXT = "trim|ltrim|rtrim|lower|upper|substring|substr|concat|replace|regexp_replace|regexp_extract|split_part|coalesce|nvl"
Columns = Mapping[str, str]  # name -> Spark's word for its type


class Said(NamedTuple):
    """An expression of a case, and what it has to be."""

    what: str
    sql: str
    wanted: str


def check_sql(spark: SparkSession, case: UseCase, tables: Iterable[str]) -> None:
    """What a case says in SQL of these tables: rules, `date_of`, identities, agreements, settlements; asked before a row is read.

    Raises:
        ConfigurationError: it cannot be understood, has another type than it should, or casts a column so that a value may become
            another.
    """
    contracts = {contract.name: contract for contract in case.tables}
    asked = tuple(tables)
    with set_for(spark, NULL_FOR_ERRORS | _UNCUT):
        for name in asked:
            _check(spark, name, _columns(contracts[name]), _own(case, contracts[name]))
        for table, other, said in _of_two(case):  # each once, though both of its tables may be asked for
            of = next((name for name in asked if name in {table, other}), None)
            if of and {table, other} <= contracts.keys():
                _check(spark, of, _columns(contracts[other]) | _columns(contracts[table]), [said])


def _own(case: UseCase, contract: TableContract) -> list[Said]:
    asked = [Said(f"rule {rule.name}", rule.check, "boolean") for rule in contract.rules]
    asked += [Said("date_of", contract.date_of, "date")] if contract.date_of else []
    identities = (rule for rule in case.drift.identities if rule.table == contract.name)
    return [*asked, *(Said(f"identity {rule.name}", rule.error, _NUMBER) for rule in identities)]


def _of_two(case: UseCase) -> Iterator[tuple[str, str, Said]]:
    """What is said over the columns of two tables; of one that both have the first table's is meant."""
    for settlement in case.drift.settlements:
        yield settlement.table, settlement.later, Said(f"settlement {settlement.name}", settlement.error, _NUMBER)
    for agreement in (one for one in case.drift.agreements if one.error):
        what = f"agreement {agreement.table}-{agreement.partner}"
        yield agreement.table, agreement.partner, Said(what, agreement.error, _NUMBER)


def _columns(contract: TableContract) -> dict[str, str]:
    return {DATE_COLUMN: "date"} | {column.name: spark_type(column) for column in contract.columns}


def _check(spark: SparkSession, table: str, columns: Columns, asked: Sequence[Said]) -> None:
    for one in asked:
        if written := _written(bare(one.sql)):
            raise _refusal(table, one, f"casts to an integer by `{written}`, which takes what does not fit for another number")
    if not asked:
        return
    fields = ", ".join(f"'{name}', CAST(NULL AS {kind})" for name, kind in columns.items())
    source = f"SELECT inline(array(named_struct({fields})))"  # columns that no optimizer takes for the nulls that they are
    rows = spark.sql(source)
    for one, kind in zip(asked, _kinds(rows, [one.sql for one in asked]) or _one_by_one(rows, table, asked), strict=True):
        if not (re.fullmatch(_ANY, kind) if one.wanted == _NUMBER else kind == one.wanted):
            raise _of_wrong_type(table, one, kind)
    plain = [with_one_text(one.sql, _TEXT) for one in asked]
    if not _kinds(rows, plain):  # some functions look at their texts
        plain = [sql if _kinds(rows, [sql]) else one.sql for one, sql in zip(asked, plain, strict=True)]
    cast = _cast_of(columns)
    if cast.search(_plans(spark, table, source, asked, plain)):
        for one, sql in zip(asked, plain, strict=True):
            if found := cast.search(_plans(spark, table, source, [one], [sql])):
                child, target = (found[1] or found[3] or found[5]), (found[2] or found[4] or found[6])
                raise _refusal(table, one, f"takes `{child.lower()}` for {target} whether it fits or not")


def _refusal(table: str, one: Said, why: str) -> ConfigurationError:
    words = (
        f"{table}: {one.what} {one.sql!r} {why}; nothing was written. Next: say `try_cast(… AS bigint)` or "
        "`try_cast(… AS double)`, which is null for what does not fit, and count the contract's version up"
    )
    return ConfigurationError(words)


def _of_wrong_type(table: str, one: Said, kind: str) -> ConfigurationError:
    return ConfigurationError(f"{table}: {one.what} {one.sql!r} is {kind}, not {one.wanted}; nothing was written; correct it")


def _not_understood(table: str, one: Said, error: errors.PySparkException) -> ConfigurationError:
    return _of_wrong_type(table, one, f"not understood ({' '.join(str(error).split())[:200]})")


def _kinds(rows: DataFrame, sqls: Sequence[str]) -> list[str]:
    """Their types by one question; none where Spark does not understand one as a value of one row."""
    try:
        return _asked_kinds(rows, sqls)
    except _OF_THE_SQL:
        return []


def _asked_kinds(rows: DataFrame, sqls: Sequence[str]) -> list[str]:
    is_of_one_row = F.array(*(F.expr(sql).isNull() for sql in sqls)).isNotNull()  # no sum or the like may stand in a condition
    said = rows.where(is_of_one_row).select(*(F.expr(sql).alias(f"_{at}") for at, sql in enumerate(sqls)))
    return [field.dataType.simpleString() for field in said.schema.fields]


def _one_by_one(rows: DataFrame, table: str, asked: Sequence[Said]) -> list[str]:
    kinds = []
    for one in asked:
        try:
            kinds += _asked_kinds(rows, [one.sql])
        except _OF_THE_SQL as error:
            raise _not_understood(table, one, error) from error
    return kinds


def _plans(spark: SparkSession, table: str, source: str, asked: Sequence[Said], sqls: Sequence[str]) -> str:
    """All that Spark tells of them: as they are read, and as they are computed, where `between` and the like show their casts."""
    listed = ", ".join(f"({sql}\n) AS _{at}" for at, sql in enumerate(sqls))
    try:
        return str(spark.sql(f"EXPLAIN EXTENDED SELECT {listed} FROM ({source})").collect()[0][0])
    except _OF_THE_SQL as error:
        raise _not_understood(table, asked[0], error) from error


def _cast_of(columns: Columns) -> re.Pattern[str]:
    """A cast in a plan, no `try_cast`, of a text to a number, or of a number to one that is too small for some."""
    texts, whole, broken = (
        "|".join(name for name, kind in columns.items() if re.fullmatch(wanted, kind)) or "(?!)"
        for wanted in ("string", "bigint", _BROKEN)
    )
    text = rf"(?:(?:{_GIVES_TEXT})\((?:[^()]*, )?)*({texts})#\d+(?:, [^()]*|\))*"
    return re.compile(
        rf"\bcast\((?:{text} as ({_ANY})\)|({whole})#\d+L? as ({_SMALL})\)|({broken})#\d+L? as ({_SMALL}|bigint)\))",
        re.IGNORECASE,
    )


def _written(sql: str) -> str:
    """The first cast to an integer that an author wrote and that is no `try_cast`; empty where there is none."""
    opened: list[str] = []
    for found in _STEP.finditer(sql):
        if found[0].endswith("("):
            opened.append((found[1] or "").lower())
            if opened[-1] in _INTEGER.split("|"):
                return found[0]
        elif not found[0].endswith(")"):
            return found[0]
        elif (opened.pop() if opened else "") == "cast" and found[2]:
            return f"cast(… {found[0]}"
    return ""
