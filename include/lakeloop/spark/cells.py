"""A cell's text as the type that its contract says: the text is judged by its form before it is cast, nothing is guessed."""

from collections.abc import Sequence

from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakeloop.core.contract import Column, ColumnType
from lakeloop.core.lake import DATE_COLUMN

_SPARK_TYPES: dict[ColumnType, str] = {
    "string": "string",
    "int": "bigint",
    "double": "double",
    "bool": "boolean",
    "date": "date",
    "timestamp": "timestamp",
}
_FORMS: dict[ColumnType, str] = {
    "int": r"-?\d+",
    "double": r"-?\d+(\.\d+)?([eE][+-]?\d+)?",
    "bool": "true|false",
    "date": r"\d{4}-\d{2}-\d{2}",
    "timestamp": r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}:?\d{2})?",
}
_HAS_OFFSET = r"(Z|[+-]\d{2}:?\d{2})\z"
_UTC = "UTC"


def spark_type(column: Column) -> str:
    """The type of a column in the clean table."""
    return f"decimal({column.precision},{column.scale})" if column.type == "decimal" else _SPARK_TYPES[column.type]


def with_typed(columns: Sequence[Column], rows: DataFrame, text: SparkColumn) -> DataFrame:
    """Each cell as its contract's type; null where it is empty, not of that type, or no moment of its time zone."""
    for step in (_local, _readings, _moment):  # one after another: an expression inside others is computed by each of them
        local = {name: value for column in columns if column.is_local for name, value in step(column, text).items()}
        rows = rows.withColumns(local) if local else rows
    return rows.withColumns({column.name: _cast(column, text[column.name]) for column in columns if not column.is_local})


def in_form(column: Column) -> SparkColumn:
    """The cell cast, its time zone not asked; null where it is empty or not of its type."""
    return F.col(f"_local_{column.name}" if column.is_local else column.name)


def clock_faults(column: Column) -> list[tuple[str, SparkColumn]]:
    """A local time that its zone left out (`gap`), and one that came twice and means neither (`repeated`)."""
    if not column.is_local:
        return []
    return [("gap", F.col(f"_gap_{column.name}")), ("repeated", F.col(f"_twice_{column.name}") & F.col(column.name).isNull())]


def day_of(column: Column) -> SparkColumn:
    """The day that a typed date or timestamp falls on, in its column's time zone."""
    value = F.col(column.name)
    if column.type == "date":
        return value
    return F.to_date(value if column.timezone == _UTC else F.from_utc_timestamp(value, column.timezone))


def days_off(column: Column) -> SparkColumn:
    """How many days a typed date or timestamp is away from its row's data date."""
    return F.abs(F.datediff(day_of(column), F.col(DATE_COLUMN)))


def _cast(column: Column, text: SparkColumn) -> SparkColumn:
    """NaN and infinity are no numbers; try_cast alone would take blanks, `10.5d` and digits of any script."""
    value = text.try_cast(spark_type(column))
    form = _form(column)
    if form is None:
        return value
    finite = F.abs(value) < float("inf") if column.type == "double" else F.lit(True)
    return F.when(text.rlike(form) & finite, value)


def _form(column: Column) -> str | None:
    """A pattern of the whole text; `$` would let a line break pass that follows."""
    if column.type == "decimal":
        places = rf"(\.\d{{1,{column.scale}}})?" if column.scale else ""
        return rf"^-?\d{{1,{max(column.precision - column.scale, 1)}}}{places}\z"
    form = _FORMS.get(column.type)
    return None if form is None else rf"^(?:{form})\z"


def _local(column: Column, text: SparkColumn) -> dict[str, SparkColumn]:
    """The time as it is written, and whether it says its offset itself."""
    cell = text[column.name]
    return {f"_local_{column.name}": _cast(column, cell), f"_sure_{column.name}": cell.rlike(_HAS_OFFSET)}


def _readings(column: Column, text: SparkColumn) -> dict[str, SparkColumn]:  # noqa: ARG001  # one of three steps
    """The local time by the offset of the day before and by that of the day after; null where its clock never showed it."""
    day = F.expr("INTERVAL 1 DAY")  # of 24 hours: the session's own time zone is UTC
    local, zone = F.when(~F.col(f"_sure_{column.name}"), F.col(f"_local_{column.name}")), column.timezone
    found = {}
    for name, shift in (("_before", -day), ("_after", day)):
        moment = F.to_utc_timestamp(local + shift, zone) - shift
        found[f"{name}_{column.name}"] = F.when(F.from_utc_timestamp(moment, zone) == local, moment)
    return found


def _moment(column: Column, text: SparkColumn) -> dict[str, SparkColumn]:  # noqa: ARG001
    name = column.name
    before, after, local = F.col(f"_before_{name}"), F.col(f"_after_{name}"), F.col(f"_local_{name}")
    twice = before != after
    meant = {None: F.lit(None), "earlier": F.least(before, after), "later": F.greatest(before, after)}[column.repeated_hour]
    value = F.when(F.col(f"_sure_{name}"), local).when(twice, meant).otherwise(F.coalesce(before, after))
    is_gap = ~F.col(f"_sure_{name}") & local.isNotNull() & before.isNull() & after.isNull()
    return {name: value, f"_gap_{name}": is_gap, f"_twice_{name}": twice}
