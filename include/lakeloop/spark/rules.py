"""Row rules of a contract as Spark expressions: every broken rule is kept as a reason, the first one counts."""

from functools import reduce
from operator import or_
from typing import NamedTuple

from pyspark.sql import Column as SparkColumn
from pyspark.sql import functions as F

from lakeloop.core.contract import Column, TableContract
from lakeloop.core.lake import DATE_COLUMN
from lakeloop.core.sql_text import names_column
from lakeloop.spark.cells import clock_faults, day_of, days_off, in_form

MALFORMED = "malformed"
HEADER_AGAIN = "header_again"
DUPLICATE_KEY = "duplicate_key"
BETWEEN = " "  # between the reasons of a row: names in contracts hold no blank
INVISIBLE = (  # controls but tab and line break, bidi, zero-width and other format characters; a joiner inside an emoji is seen
    r"[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\u034F\u115F\u1160\u17B4\u17B5\u3164\uFFA0&&[^\t\n\r\u0600-\u0605\u06DD\u070F\u08E2\u200D]]"
    r"|(?<![\p{So}\p{Cs}\uFE0F])\u200D"  # Java looks behind by half a character, hence Cs
)

UNUSUAL = r"[^ -~\t]"  # most texts have none, and this is found out quickly


class Cells(NamedTuple):
    """A row as its reader gives it: the text of each column, and what the reader says of the whole."""

    text: SparkColumn  # a struct, by column name
    fault: SparkColumn  # why the row cannot be read at all, or null
    wrong: SparkColumn | None  # " name name ": values of another JSON type than their column's; None where texts have no type
    is_odd: SparkColumn  # there may be an invisible character in it


def broken_rules(contract: TableContract, cells: Cells) -> SparkColumn:
    """Reasons such as `missing:origin` as one text, in the order of the contract; empty for a good row.

    A text, not an array: Spark compiles it, while the functions that leave nulls out of an array are interpreted.
    """
    rules = [F.when(broken, F.lit(reason)) for column in contract.columns for reason, broken in _rules(column, cells)]
    rules += [F.when(~F.expr(rule.check), F.lit(f"rule:{rule.name}")) for rule in contract.rules]
    if contract.date_of:
        rules.append(F.when(_speaks_of_another_date(contract), F.lit("other_date")))
    return F.coalesce(cells.fault, F.concat_ws(BETWEEN, *rules))


def breaches(contract: TableContract) -> SparkColumn:
    """Whether a published row breaks a rule: asked of what stands there, not of what the write says it let pass.

    What only the text knew (its form, a local time that is none) is null by now: the cells that the write counted tell of it.
    """
    rules = [broken for column in contract.columns for broken in _breaches(column)]
    rules += [~F.expr(rule.check) for rule in contract.rules]
    if contract.date_of:
        rules.append(_speaks_of_another_date(contract))
    return reduce(or_, (F.coalesce(broken, F.lit(False)) for broken in rules), F.lit(False))


def whole(pattern: str) -> str:
    """A pattern that all of a text has to match."""
    return rf"\A(?:{pattern})\z"


def _breaches(column: Column) -> list[SparkColumn]:
    value = F.col(f"`{column.name}`")
    if column.personal:  # a mask is there or not, and of what it hides no rule can be asked; a value of another type is null
        return [value.isNull()] if column.required and column.type == "string" else []
    broken = [value.isNull()] if column.required else []
    broken += _bounds(column, value)
    if column.type == "string":
        broken += [] if column.allowed is None else [~value.isin(*column.allowed)]
        broken += [] if column.pattern is None else [~value.rlike(whole(column.pattern))]
        broken += [] if column.invisible else [value.rlike(UNUSUAL) & value.rlike(INVISIBLE)]
    return broken


def _rules(column: Column, cells: Cells) -> list[tuple[str, SparkColumn]]:
    """`cells` holds the text; the typed value stands beside it under the column's name."""
    text, value = cells.text[column.name], F.col(column.name)
    rules: list[tuple[str, SparkColumn]] = []
    if column.required:
        rules.append(("missing", text.isNull()))
    if (broken := _type(column, cells)) is not None:
        rules.append(("type", broken))
    rules += clock_faults(column)
    if bounds := _bounds(column, value):
        rules.append(("range", reduce(or_, bounds)))
    if column.allowed is not None:
        rules.append(("allowed", ~text.isin(*column.allowed)))
    if column.pattern is not None:
        rules.append(("pattern", ~text.rlike(whole(column.pattern))))
    if column.type == "string" and not column.invisible:
        rules.append(("text", cells.is_odd & text.rlike(INVISIBLE)))
    return [(f"{kind}:{column.name}", broken) for kind, broken in rules]


def _type(column: Column, cells: Cells) -> SparkColumn | None:
    wrong = None if cells.wrong is None else F.coalesce(cells.wrong.contains(f" {column.name} "), F.lit(False))
    if column.type == "string":
        return wrong
    unread = cells.text[column.name].isNotNull() & in_form(column).isNull()
    return unread if wrong is None else wrong | unread


def _bounds(column: Column, value: SparkColumn) -> list[SparkColumn]:
    """Each bound that a value may be outside of; null where there is no value."""
    if column.type in {"date", "timestamp"}:
        bounds = [~day_of(column).between(F.lit(column.earliest), F.lit(column.latest))]
        return bounds if column.around_days is None else [*bounds, days_off(column) > column.around_days]
    low = [] if column.minimum is None else [value < column.minimum]
    high = [] if column.maximum is None else [value > column.maximum]
    return [*low, *high]


def _speaks_of_another_date(contract: TableContract) -> SparkColumn:
    """Or of none that can be told: a row whose date is told from nothing has none, but from something it has to have one."""
    day = F.expr(contract.date_of)
    told_from = [F.col(column.name) for column in contract.columns if names_column(contract.date_of, column.name)]
    is_untold = day.isNull() & reduce(or_, (source.isNotNull() for source in told_from), F.lit(False))
    return is_untold | ~F.datediff(F.col(DATE_COLUMN), day).between(0, contract.late_days)
