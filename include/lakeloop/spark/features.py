"""The feature frame of some dates: clean tables at one commit in, the case's own function, checked columns out."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date
from importlib import import_module

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from lakeloop.core.errors import ConfigurationError
from lakeloop.core.lake import DATE_COLUMN, clean
from lakeloop.core.use_case import TableContract, UseCase
from lakeloop.spark.tables import one_of, read_table

Features = Callable[[Mapping[str, DataFrame], DataFrame], DataFrame]


class CleanTables(Mapping[str, DataFrame]):
    """The clean tables at one commit by name, read when asked for, cut to the dates that the case says it reads."""

    def __init__(self, spark: SparkSession, case: UseCase, repository: str, snapshot: str, dates: Sequence[date]) -> None:
        self._at = (spark, repository, snapshot)
        self._case = case
        self._dates = dates

    def __getitem__(self, name: str) -> DataFrame:
        """One table; a table the case does not look back on is read whole."""
        spark, repository, snapshot = self._at
        table = read_table(spark, repository, snapshot, clean(self._case.name, self._case.table(name).name))
        reads = [read for read in self._case.reads if read.table == name]
        seen = {past for read in reads for day in self._dates for past in read.dates(day)}
        return table.where(one_of(DATE_COLUMN, seen)) if reads else table

    def __iter__(self) -> Iterator[str]:
        """The names in the contract's order."""
        return iter(contract.name for contract in self._case.tables)

    def __len__(self) -> int:
        """How many tables the case has."""
        return len(self._case.tables)


def features_of(case: UseCase) -> Features:
    """The case's function (tables by name, dates) -> one row per entity and date; named in the case as module:function."""
    module, _, function = case.features.partition(":")
    found = getattr(import_module(module), function, None)
    if not callable(found):
        message = f"{case.name}: features {case.features!r} name no function; nothing was computed"
        raise ConfigurationError(message)
    features: Features = found
    return features


def feature_frame(spark: SparkSession, case: UseCase, repository: str, snapshot: str, dates: Sequence[date]) -> DataFrame:
    """Entity, data_date and the case's features for every entity of `dates`, read from one commit only."""
    frame = features_of(case)(CleanTables(spark, case, repository, snapshot, dates), date_frame(spark, case, dates))
    _check(frame, case)
    return frame.select(*case.entity, DATE_COLUMN, *case.feature_names)


def date_frame(spark: SparkSession, case: UseCase, dates: Sequence[date]) -> DataFrame:
    """(data_date, prediction_time) of each date; the time travels as UTC text, so no session's time zone matters."""
    rows = [(day.isoformat(), case.prediction_time(day).astimezone(UTC).isoformat()) for day in sorted(set(dates))]
    text = spark.createDataFrame(rows, f"{DATE_COLUMN} string, prediction_time string")
    return text.select(F.col(DATE_COLUMN).cast("date"), F.col("prediction_time").cast("timestamp"))


def label_frame(spark: SparkSession, case: UseCase, repository: str, snapshot: str, dates: Sequence[date]) -> DataFrame:
    """Entity, data_date and label (0.0, 1.0 or null) of the same dates' outcomes."""
    outcomes = read_table(spark, repository, snapshot, clean(case.name, case.label.table))
    label = F.expr(case.label.expression).cast("double").alias(case.label.name)
    return outcomes.where(one_of(DATE_COLUMN, dates)).select(*case.entity, DATE_COLUMN, label)


def entity_table(case: UseCase) -> TableContract:
    """The table of a date's own entities, one row each: its key is the case's entity."""
    for name in case.required_on_day():
        if set(case.table(name).key) == set(case.entity):
            return case.table(name)
    message = f"no table of {case.name} that a date needs has the entity {case.entity} as its key"
    raise ConfigurationError(message)


def _check(frame: DataFrame, case: UseCase) -> None:
    types = dict(frame.dtypes)
    missing = [name for name in (*case.entity, DATE_COLUMN, *case.feature_names) if name not in types]
    wrong = [f"{name} is {types[name]}" for name in case.feature_names if types.get(name, "double") != "double"]
    if missing or wrong:
        message = (
            f"{case.features} must give {DATE_COLUMN}, the entity and double features: "
            f"missing {missing}, wrong {wrong}; nothing was computed"
        )
        raise ConfigurationError(message)
