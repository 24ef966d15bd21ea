"""Row rules of a contract as Spark expressions: a cell's text is judged before it is cast, and every broken rule is kept."""

from pyspark.sql import Column as SparkColumn
from pyspark.sql import functions as F

from lakeloop.core.use_case import Column, ColumnType, TableContract

SPARK_TYPES: dict[ColumnType, str] = {
    "string": "string",
    "int": "bigint",
    "double": "double",
    "date": "date",
    "timestamp": "timestamp",
}
_FORMS: dict[ColumnType, str] = {
    "int": r"^-?\d+$",
    "double": r"^-?\d+(\.\d+)?([eE][+-]?\d+)?$",
    "date": r"^\d{4}-\d{2}-\d{2}$",
    "timestamp": r"^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}:?\d{2})?$",
}
MALFORMED = "malformed"
DUPLICATE_KEY = "duplicate_key"
BETWEEN = " "  # between the reasons of a row: names in contracts hold no blank


def typed(column: Column, text: SparkColumn) -> SparkColumn:
    """The cell as its contract's type; null where it is empty or not of that type: NaN and infinity are no numbers."""
    value = text.try_cast(SPARK_TYPES[column.type])
    if column.type in _FORMS:
        finite = F.abs(value) < float("inf") if column.type == "double" else F.lit(True)
        value = F.when(text.rlike(_FORMS[column.type]) & finite, value)
    return value.alias(column.name)


def broken_rules(contract: TableContract, cells: SparkColumn) -> SparkColumn:
    """Reasons such as `missing:origin` as one text, in the order of the contract; empty for a good row.

    A text, not an array: Spark compiles it, while the functions that leave nulls out of an array are interpreted.
    """
    rules = [F.when(broken, F.lit(reason)) for column in contract.columns for reason, broken in _rules(column, cells)]
    return F.when(cells["_corrupt"].isNotNull(), F.lit(MALFORMED)).otherwise(F.concat_ws(BETWEEN, *rules))


def _rules(column: Column, cells: SparkColumn) -> list[tuple[str, SparkColumn]]:
    """`cells` holds the text; the typed value stands beside it under the column's name."""
    text, value = cells[column.name], F.col(column.name)
    rules: list[tuple[str, SparkColumn]] = []
    if column.required:
        rules.append(("missing", text.isNull()))
    if column.type in _FORMS:
        rules.append(("type", text.isNotNull() & value.isNull()))
    if column.minimum is not None or column.maximum is not None:
        low = F.lit(False) if column.minimum is None else value < column.minimum
        high = F.lit(False) if column.maximum is None else value > column.maximum
        rules.append(("range", low | high))
    if column.allowed is not None:
        rules.append(("allowed", ~text.isin(*column.allowed)))
    if column.pattern is not None:
        rules.append(("pattern", ~text.rlike(column.pattern)))
    return [(f"{kind}:{column.name}", broken) for kind, broken in rules]
