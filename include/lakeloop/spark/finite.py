"""Infinities among features: no model takes them, so they are told with their feature and their rows."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from lakeloop.core.errors import InvalidInput
from lakeloop.core.lake import DATE_COLUMN
from lakeloop.core.use_case import UseCase

_INFINITY = float("inf")


def check_finite(rows: DataFrame, case: UseCase, undone: str) -> None:
    """Refuse numbers that a model cannot hold, and say what is left `undone`; null and NaN are missing values, and welcome.

    Raises:
        InvalidInput: a feature is infinite, or too large for the 32 bits that XGBoost keeps; with its rows, and the first.
    """
    names = [name for name in case.feature_names if name not in case.categories]
    row = F.struct(DATE_COLUMN, *case.entity)
    asked = [F.count("*").alias("_rows")]
    for at, name in enumerate(names):
        wrong = _is_infinite(name)
        asked += [F.count_if(wrong).alias(f"_{at}"), F.min(F.when(wrong, row)).alias(f"_first_{at}")]
    found = rows.agg(*asked).collect()[0]
    told = [
        f"{name} in {found[f'_{at}']:,} of {found['_rows']:,} rows, the first of {_named(found[f'_first_{at}'].asDict())}"
        for at, name in enumerate(names)
        if found[f"_{at}"]
    ]
    if told:
        message = (
            f"{'; '.join(told)} of {case.name} is infinite, or too large for 32 bits, and no model takes that; {undone}. "
            f"Next: give null where there is no number, in {case.features}"
        )
        raise InvalidInput(message)


def _is_infinite(name: str) -> Column:
    return F.abs(F.col(name).cast("float")) == F.lit(_INFINITY)


def _named(row: dict[str, object]) -> str:
    day = row.pop(DATE_COLUMN)
    return f"{day} ({', '.join(f'{name} {value}' for name, value in row.items())})"
