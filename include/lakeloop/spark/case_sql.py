"""SQL that a case says: understood, of the type that is wanted, and nothing in it that makes another value of one in silence.

What a rule makes of one row may be null, but not wrong. Spark narrows where it casts: `int` of 2^32 + 1 is 1; and where a text
meets a number it casts the text, so that '1.9' = 1 is true. Its plan says every cast, written or not, so the plan is asked.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import NamedTuple

from pyspark.errors import AnalysisException
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from lakeloop.core.contract import TableContract
from lakeloop.core.errors import ConfigurationError
from lakeloop.core.lake import DATE_COLUMN
from lakeloop.core.use_case import Settlement, UseCase
from lakeloop.spark.cells import spark_type
from lakeloop.spark.conf import NULL_FOR_ERRORS, set_for

_UNCUT = {"spark.sql.debug.maxToStringFields": "100000"}  # of a plan's text
_NUMBER = "a number"
_SMALL, _WHOLE = {"tinyint", "smallint", "int"}, {"tinyint", "smallint", "int", "bigint"}
_BROKEN = re.compile(r"float|double|decimal\(.*\)")
_INTEGER = r"(?:tinyint|byte|smallint|short|int|integer|bigint|long)"
_WRITTEN = re.compile(rf"\b{_INTEGER}\s*\(|::\s*{_INTEGER}\b|\bcast\s*(?=\()", re.IGNORECASE)
_AS_INTEGER = re.compile(rf"\bas\s+{_INTEGER}\s*\)$", re.IGNORECASE)
_TEXTS = re.compile(
    r"""(\b(?:date|timestamp\w*|interval|x|r)\s*)?('(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.)*")""", re.IGNORECASE | re.DOTALL
)
_TEXT = "\u00a7"  # stands for every text that an author wrote: a plan shows texts without quotes
_HIDING = re.compile(r"(?<!\w)(?:(try_(?:add|subtract|multiply|divide|mod))|between|nullif|equal_null|decode)(?=\()")
_CALL = re.compile(r"\b(?:case\b|[a-z_]\w*\s*(?=\())", re.IGNORECASE)
_BRACKETS, _CASES = re.compile(r"(\()|\)"), re.compile(r"(\bcase\b)|\bend\b", re.IGNORECASE)
_BEHIND = re.compile(r"(?:\[\w+\]|\.\w+)*")
Columns = Mapping[str, str]  # name -> Spark's word for its type


class Said(NamedTuple):
    """An expression of a case, and what it has to be."""

    what: str
    sql: str
    wanted: str


class Understood(NamedTuple):
    """An expression as Spark understood it: its type, and its plan."""

    kind: str
    plan: str


def check_sql(spark: SparkSession, case: UseCase, tables: Iterable[str]) -> None:
    """What a case says in SQL of these tables: rules, `date_of`, identities, settlements; asked before a row is read.

    Raises:
        ConfigurationError: it cannot be understood, has another type than it should, or casts so that a value may become another.
    """
    contracts = {contract.name: contract for contract in case.tables}
    with set_for(spark, NULL_FOR_ERRORS | _UNCUT):
        for name in tables:
            _check(spark, name, _columns(contracts[name]), _own(case, contracts[name]))
            for rule in case.drift.settlements:
                if name in {rule.table, rule.later} and {rule.table, rule.later} <= contracts.keys():
                    columns = _columns(contracts[rule.later]) | _columns(contracts[rule.table])
                    _check(spark, name, columns, [_settlement(rule)])


def _own(case: UseCase, contract: TableContract) -> list[Said]:
    asked = [Said(f"rule {rule.name}", rule.check, "boolean") for rule in contract.rules]
    asked += [Said("date_of", contract.date_of, "date")] if contract.date_of else []
    identities = (rule for rule in case.drift.identities if rule.table == contract.name)
    return [*asked, *(Said(f"identity {rule.name}", rule.error, _NUMBER) for rule in identities)]


def _settlement(rule: Settlement) -> Said:
    return Said(f"settlement {rule.name}", rule.error, _NUMBER)


def _columns(contract: TableContract) -> dict[str, str]:
    return {DATE_COLUMN: "date"} | {column.name: spark_type(column) for column in contract.columns}


def _check(spark: SparkSession, table: str, columns: Columns, asked: Sequence[Said]) -> None:
    for one in asked:
        if written := _written(one.sql):
            raise _refusal(table, one, f"casts to an integer by `{written}`, which takes what does not fit for another number")
    if not asked:
        return
    understood = _understood(spark, columns, [_without_texts(one.sql) for one in asked])
    understood = understood or _understood(spark, columns, [one.sql for one in asked])  # some functions look at their texts
    if understood is None:
        raise _not_understood(spark, table, columns, asked)
    for one, found in zip(asked, understood, strict=True):
        if not _is(found.kind, one.wanted):
            raise _of_wrong_type(table, one, found.kind)
    for one, found in zip(asked, understood, strict=True):
        types = _Types(spark, columns, one.sql)
        unsafe = ((child, target) for child, target in _casts(found.plan) if not _is_safe(types, child, target))
        for child, target in chain(unsafe, ((child, _NUMBER) for child in _meetings(types, found.plan))):
            shown = "a text" if child == _TEXT else f"`{child}`"
            raise _refusal(table, one, f"takes {shown} for {target} without saying so, whether it fits or not")


def _is(kind: str, wanted: str) -> bool:
    return _is_number(kind) if wanted == _NUMBER else kind == wanted


def _refusal(table: str, one: Said, why: str) -> ConfigurationError:
    words = (
        f"{table}: {one.what} {one.sql!r} {why}; nothing was written. Next: say `try_cast(… AS bigint)` or "
        "`try_cast(… AS double)`, which is null for what does not fit, and count the contract's version up"
    )
    return ConfigurationError(words)


def _of_wrong_type(table: str, one: Said, kind: str) -> ConfigurationError:
    return ConfigurationError(f"{table}: {one.what} {one.sql!r} is {kind}, not {one.wanted}; nothing was written; correct it")


def _not_understood(spark: SparkSession, table: str, columns: Columns, asked: Sequence[Said]) -> ConfigurationError:
    """The first one that Spark does not understand by itself, in Spark's words."""
    empty = spark.createDataFrame([], ", ".join(f"`{name}` {kind}" for name, kind in columns.items()))
    for one in asked:
        try:
            kind = empty.select(F.expr(one.sql)).schema.fields[0].dataType.simpleString()
        except AnalysisException as error:
            return _of_wrong_type(table, one, f"not understood ({str(error).splitlines()[0]})")
        if not _is(kind, one.wanted):
            return _of_wrong_type(table, one, kind)
    return _of_wrong_type(table, asked[0], "no value of one row")


def _written(sql: str) -> str:
    """The first cast to an integer that an author wrote and that is no `try_cast`; empty where there is none."""
    text = _without_texts(sql)
    for found in _WRITTEN.finditer(text):
        rest = text[found.end() :]
        if not rest.startswith("(") or not found[0].lower().startswith("cast"):
            return found[0].strip(" (")
        if _AS_INTEGER.search(rest[: _end(rest)]):
            return f"{found[0].strip()}{rest[: _end(rest)]}"
    return ""


def _without_texts(sql: str) -> str:
    """The SQL with one text for all others; those that are a date, an interval and the like stay."""
    return _TEXTS.sub(lambda found: found[0] if found[1] else f"'{_TEXT}'", sql)


def _understood(spark: SparkSession, columns: Columns, sqls: Sequence[str]) -> list[Understood] | None:
    """All of them by one question; None where Spark does not understand one."""
    empty = ", ".join(f"CAST(NULL AS {kind}) AS `{name}`" for name, kind in columns.items())
    asked = ", ".join(f"({sql}\n) AS _{at}" for at, sql in enumerate(sqls))
    try:
        told = spark.sql(f"EXPLAIN EXTENDED SELECT {asked} FROM (SELECT {empty})").collect()[0][0]
    except AnalysisException:
        return None
    _, _, analysed = told.partition("== Analyzed Logical Plan ==\n")
    kinds, _, plan = analysed.partition("\n")
    found = re.match(r"Project \[(.*)\]$", plan.partition("\n")[0])
    if found is None:
        return None
    plans = [re.sub(r" AS _\d+#\d+L?$", "", item) for item in _split(found[1])]
    named = [re.sub(r"^_\d+: ", "", item) for item in _split(kinds)]
    return [Understood(kind, _plain(item)) for kind, item in zip(named, plans, strict=True)]


def _plain(plan: str) -> str:
    """A plan without the numbers of its columns."""
    return re.sub(r"(?<=\w)#\d+L?", "", plan)


def _casts(plan: str) -> Iterator[tuple[str, str]]:
    """What each cast of a plan is of, and to which type."""
    for found in re.finditer(r"(?<!\w)cast(?=\()", plan):
        rest = plan[found.end() :]
        child, _, target = rest[1 : _end(rest) - 1].rpartition(" as ")
        yield child, target


def _meetings(types: "_Types", plan: str) -> Iterator[str]:
    """Texts that a function whose casts a plan does not show takes for numbers."""
    for found in _HIDING.finditer(plan):
        rest = plan[found.end() :]
        kinds = {part: types.of(part) for part in _split(rest[1 : _end(rest) - 1])}
        if found[1] or any(map(_is_number, kinds.values())):
            yield from (part for part, kind in kinds.items() if kind == "string")


def _is_number(kind: str) -> bool:
    return kind in _WHOLE or _BROKEN.fullmatch(kind) is not None


def _is_safe(types: "_Types", child: str, target: str) -> bool:
    """Whether a cast keeps every value, or has nothing to do with numbers."""
    if not _is_number(target) or child == "null":
        return True
    if re.fullmatch(r"-?\d+", child):  # as it was written
        return True
    kind = types.of(child)
    if target in _SMALL:
        return kind in _SMALL
    return kind in _WHOLE or (target not in _WHOLE and kind not in {"string", ""})


class _Types(NamedTuple):
    """What the parts of an expression's plan are."""

    spark: SparkSession
    columns: Columns
    sql: str

    def of(self, part: str) -> str:
        """Its type; that of a call is the one that Spark says of the same call in the SQL. Empty where it cannot be told."""
        if part == _TEXT:
            return "string"
        if part in self.columns:
            return self.columns[part]
        if re.fullmatch(r"-?[\d.]+(E-?\d+)?", part):
            return "bigint" if part.lstrip("-").isdigit() else "double"
        if found := re.fullmatch(r"(?:try_)?cast\(.* as ([\w(),]+)\)", part):
            return found[1]
        if part.startswith(("(", "-")):  # arithmetic, whose sides are looked at by themselves
            return "bigint"
        calls = dict.fromkeys(_calls(_without_texts(self.sql)))
        found_calls = (_understood(self.spark, self.columns, [call]) for call in calls)
        return next((call.kind for each in found_calls if each for call in each if call.plan == part), "")


def _calls(sql: str) -> Iterator[str]:
    """Every call of a function and every CASE, with what is taken out of its answer."""
    for found in _CALL.finditer(sql):
        begin = found.start()
        end = begin + _end(sql[begin:])
        yield sql[begin : end + len(_BEHIND.match(sql, end)[0])]  # type: ignore[index]  # it may match nothing


def _end(text: str) -> int:
    """Where the bracket, or the CASE, that opens first in a text is closed again; its length where it is not."""
    depth = 0
    for found in (_CASES if re.match(r"case\b", text, re.IGNORECASE) else _BRACKETS).finditer(text):
        depth += 1 if found[1] else -1
        if depth == 0:
            return found.end()
    return len(text)


def _split(text: str) -> list[str]:
    """The items of a list, whose commas stand in no brackets."""
    items, depth, begin = [], 0, 0
    for found in re.finditer(r"[(\[]|[)\]]|, ", text):
        if found[0] != ", ":
            depth += 1 if found[0] in "([" else -1
        elif depth == 0:
            items.append(text[begin : found.start()])
            begin = found.end()
    return [*items, text[begin:]]
