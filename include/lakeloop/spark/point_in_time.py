"""Point in time: whether a case's features know only what their own prediction could know; for the tests of a case."""

import struct
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from lakeloop.core.errors import InvalidInput, LeakageFound
from lakeloop.core.lake import DATE_COLUMN
from lakeloop.core.use_case import UseCase
from lakeloop.spark.features import entity_table, features_from

_GONE = 10  # one late row in so many is not there at all
_OURS = {DATE_COLUMN, "delivered_at", "available_at", "delivery", "run_key"}
Tables = Mapping[str, DataFrame]
Bits = dict[tuple[object, ...], tuple[bytes, ...]]


def check_point_in_time(spark: SparkSession, case: UseCase, tables: Tables, dates: Sequence[date], seed: int = 0) -> None:
    """Compute the features of the dates together and hold those of each date against what was known when it was predicted.

    `tables` are clean tables by name, the platform's columns among them, with deliveries that came after some of the
    predictions. For each date everything that was available only later is changed or taken away, in a computation of all
    dates at once; its features must be, to the last bit, those it has alone in a world that ends at its prediction. Rows
    are collected: give it a handful of dates of a few hundred rows.

    Raises:
        LeakageFound: a date's features move with what came later, or with the dates it is computed beside.
        InvalidInput: the check would say nothing: a table is missing, or a date has no rows in time, or nothing came after it.
    """
    if missing := sorted({*(read.table for read in case.reads), *case.references} - tables.keys()):
        message = f"{case.name} reads {', '.join(missing)}, which the tables given do not have; nothing was checked"
        raise InvalidInput(message)
    for day in dates:
        by = case.prediction_time(day).astimezone(UTC)
        known = {name: frame.where(_is_known(by)) for name, frame in tables.items()}
        _check_tells(case, tables, day)
        alone = _bits(features_from(spark, case, known.__getitem__, [day]), case, day)
        changed = {name: _otherwise(frame, case, name, by, seed) for name, frame in tables.items()}
        together = _bits(features_from(spark, case, changed.__getitem__, dates), case, day)
        if differing := sorted(_differing(case, alone, together)):
            message = (
                f"the features of {case.name} for {day} are not what its prediction at {by} could know: {', '.join(differing)} "
                f"differ when {len(dates)} dates are computed together and what came later is another. Next: in {case.features}, "
                "join history on its dates, and on available_at <= prediction_time"
            )
            raise LeakageFound(message)


def _check_tells(case: UseCase, tables: Tables, day: date) -> None:
    in_time = _is_known(case.prediction_time(day).astimezone(UTC))
    if tables[entity_table(case).name].where(in_time & (F.col(DATE_COLUMN) == day)).isEmpty():
        message = f"no row of {entity_table(case).name} of {day} was there when {case.name} was predicted; nothing was checked"
        raise InvalidInput(message)
    if all(frame.where(~in_time).isEmpty() for frame in tables.values()):
        message = f"nothing came after the prediction of {day} in the tables given, so none of it can leak; nothing was checked"
        raise InvalidInput(message)


def _is_known(by: datetime) -> Column:
    return F.col("available_at") <= F.lit(by.isoformat()).cast("timestamp")


def _otherwise(frame: DataFrame, case: UseCase, name: str, by: datetime, seed: int) -> DataFrame:
    """The table with every cell of what came later another one, but keys and the platform's own, and some rows gone."""
    fixed = {*case.table(name).key, *_OURS}
    draw = F.xxhash64(F.lit(seed), *sorted(case.table(name).key), DATE_COLUMN)
    late = ~_is_known(by)
    cells = [
        F.when(late, _another(column, kind, draw)).otherwise(F.col(column)).alias(column)
        if column not in fixed
        else F.col(column)
        for column, kind in frame.dtypes
    ]
    return frame.where(~late | (F.pmod(draw, F.lit(_GONE)) > 0)).select(*cells)


def _another(column: str, kind: str, draw: Column) -> Column:
    """A value of the same type that says something else; null now and then."""
    number = F.pmod(draw, F.lit(997))
    moved = F.pmod(draw, F.lit(23)).cast("int") + 1
    told: Column
    if kind.startswith("timestamp"):
        told = F.col(column) + F.make_dt_interval(F.lit(0), moved)
    elif kind == "date":
        told = F.date_add(column, moved)
    elif kind == "boolean":
        told = ~F.col(column)
    elif kind.startswith("string"):
        told = F.concat(F.lit("x"), number.cast("string"))
    else:
        told = number.cast(kind)
    return F.when(F.pmod(draw, F.lit(3)) > 0, told)


def _bits(frame: DataFrame, case: UseCase, day: date) -> Bits:
    """The bytes of each feature of a date, by entity."""
    rows = frame.where(F.col(DATE_COLUMN) == day).collect()
    return {tuple(row[key] for key in case.entity): tuple(_bytes(row[name]) for name in case.feature_names) for row in rows}


def _bytes(value: float | str | None) -> bytes:
    """Null, NaN and both zeros are told apart."""
    if value is None:
        return b"null"
    return b"t" + value.encode() if isinstance(value, str) else b"n" + struct.pack("<d", value)


def _differing(case: UseCase, alone: Bits, together: Bits) -> Iterator[str]:
    if alone.keys() != together.keys():
        yield f"its rows ({len(alone)} alone, {len(together)} together)"
    shared = alone.keys() & together.keys()
    for at, name in enumerate(case.feature_names):
        if moved := sum(alone[key][at] != together[key][at] for key in shared):
            yield f"{name} in {moved} of {len(shared)} rows"
