"""The feature frame of some dates: clean tables at one commit in, the case's own function, checked columns out."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from functools import partial
from importlib import import_module

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from lakeloop.core.contract import TableContract
from lakeloop.core.errors import ConfigurationError, NotFound
from lakeloop.core.lake import DATE_COLUMN
from lakeloop.core.reading import newest_known
from lakeloop.core.use_case import UseCase
from lakeloop.spark.clean import nothing_of, read_clean
from lakeloop.spark.tables import one_of

Features = Callable[[Mapping[str, DataFrame], DataFrame], DataFrame]
Read = Callable[[str], DataFrame]  # a clean table by its name; NotFound where there is none


class CleanTables(Mapping[str, DataFrame]):
    """The clean tables by name, read when asked for, cut to what the case says it reads and to what was known.

    A daily table comes without the dates outside `reads`, and without history that no prediction looking at it could
    know. A reference table comes once a date of the run, as its newest delivery known then: its `data_date` is the date
    it is read for.
    """

    def __init__(self, spark: SparkSession, case: UseCase, read: Read, dates: Sequence[date]) -> None:
        self._spark = spark
        self._case = case
        self._read = read
        self._dates = dates

    def __getitem__(self, name: str) -> DataFrame:
        """One table; what a receipt would not say was read is refused."""
        if name not in self._names():
            message = (
                f"the features of {self._case.name} ask for {name!r}, which the case does not say it reads: name it in "
                f"`reads` (a daily table) or `references`; now there are {self._names()}; nothing was computed"
            )
            raise ConfigurationError(message)
        if name not in self._case.references:
            return self._known(self._read(name), name)
        try:
            return self._newest(self._read(name))
        except NotFound:  # no delivery is known at any date, as before the first of a table that is there
            return nothing_of(self._spark, self._case.table(name))

    def _known(self, table: DataFrame, name: str) -> DataFrame:
        """The dates in `reads`; history only if the latest prediction that looks at it could know it."""
        latest: dict[date, datetime | None] = {}
        for read in (read for read in self._case.reads if read.table == name):
            for day in sorted(self._dates):
                latest |= {past: self._case.prediction_time(day) for past in read.dates(day)}
        own = self._dates if name in self._case.required_on_day() else ()
        latest |= dict.fromkeys(own)  # a date's own data is the condition of its prediction, not its history
        rows = [(past.isoformat(), by.astimezone(UTC).isoformat() if by else None) for past, by in latest.items()]
        text = self._spark.createDataFrame(rows, f"{DATE_COLUMN} string, _by string")
        limits = text.select(F.col(DATE_COLUMN).cast("date"), F.col("_by").cast("timestamp"))
        joined = table.where(one_of(DATE_COLUMN, latest)).join(F.broadcast(limits), DATE_COLUMN)
        return joined.where("_by IS NULL OR available_at <= _by").select(*table.columns)

    def _newest(self, table: DataFrame) -> DataFrame:
        """For each date of the run the newest delivery known then, under that date."""
        found = table.select(F.col(DATE_COLUMN).alias("past"), F.unix_micros("available_at").alias("at")).distinct().collect()
        available = {row["past"]: datetime.fromtimestamp(row["at"] / 1e6, UTC) for row in found}
        newest = {day: newest_known(available, day, self._case.prediction_time(day)) for day in self._dates}
        pairs = [(past.isoformat(), day.isoformat()) for day, past in newest.items() if past]
        text = self._spark.createDataFrame(pairs, "_past string, _day string")
        reads = text.select(F.col("_past").cast("date").alias(DATE_COLUMN), F.col("_day").cast("date"))
        pruned = table.where(one_of(DATE_COLUMN, {past for past, _ in pairs}))
        read_for = F.col("_day").alias(DATE_COLUMN)
        columns = [read_for if name == DATE_COLUMN else F.col(name) for name in table.columns]
        return pruned.join(F.broadcast(reads), DATE_COLUMN).select(*columns)

    def _names(self) -> list[str]:
        return [*dict.fromkeys(read.table for read in self._case.reads), *self._case.references]

    def __iter__(self) -> Iterator[str]:
        """The names of the tables that may be read."""
        return iter(self._names())

    def __len__(self) -> int:
        """How many tables may be read."""
        return len(self._names())


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
    return features_from(spark, case, partial(read_clean, spark, repository, snapshot, case), dates)


def features_from(spark: SparkSession, case: UseCase, read: Read, dates: Sequence[date]) -> DataFrame:
    """The same, from wherever `read` finds the clean tables."""
    frame = features_of(case)(CleanTables(spark, case, read, dates), date_frame(spark, case, dates))
    _check(frame, case)
    return frame.select(*case.entity, DATE_COLUMN, *case.feature_names)


def date_frame(spark: SparkSession, case: UseCase, dates: Sequence[date]) -> DataFrame:
    """(data_date, prediction_time) of each date; the time travels as UTC text, so no session's time zone matters."""
    rows = [(day.isoformat(), case.prediction_time(day).astimezone(UTC).isoformat()) for day in sorted(set(dates))]
    text = spark.createDataFrame(rows, f"{DATE_COLUMN} string, prediction_time string")
    return text.select(F.col(DATE_COLUMN).cast("date"), F.col("prediction_time").cast("timestamp"))


def label_frame(spark: SparkSession, case: UseCase, repository: str, snapshot: str, dates: Sequence[date]) -> DataFrame:
    """Entity, data_date and label (0.0, 1.0 or null) of the same dates' outcomes."""
    outcomes = read_clean(spark, repository, snapshot, case, case.label.table)
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
    declared = (*case.entity, DATE_COLUMN, *case.feature_names)
    missing = [name for name in declared if name not in types]
    undeclared = [name for name in types if name not in declared]
    wrong = [f"{name} is {types[name]}" for name in case.feature_names if types.get(name, kind := _kind(case, name)) != kind]
    if missing or undeclared or wrong:
        message = (
            f"{case.features} must give {DATE_COLUMN}, the entity and the declared features, each a double or, in `categories`, "
            f"a string: missing {missing}, undeclared {undeclared}, wrong {wrong}; nothing was computed"
        )
        raise ConfigurationError(message)


def _kind(case: UseCase, name: str) -> str:
    return "string" if name in case.categories else "double"
