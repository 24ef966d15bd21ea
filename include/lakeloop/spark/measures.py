"""What facts are made of, as questions to Spark: numbers a date, in one pass where one suffices."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from functools import reduce
from operator import and_, or_
from typing import Any, NamedTuple

from pyspark.sql import Column, DataFrame, Window, WindowSpec
from pyspark.sql import functions as F

from lakeloop.core.agreements import Error
from lakeloop.core.facts import Day, Moments
from lakeloop.core.lake import DATE_COLUMN
from lakeloop.core.sql_text import names_column
from lakeloop.core.use_case import Agreement, DriftPolicy, Settlement, Staleness, UnitRatio
from lakeloop.spark.marks import mark
from lakeloop.spark.questions import Answer
from lakeloop.spark.tables import among

_WEEK = 7  # a feed that hangs repeats yesterday or last week; a timetable is that of the same weekdays
Answers = Sequence[tuple[date, Answer]]


def with_past(dates: Iterable[date], days: int) -> set[date]:
    """The dates and those before them."""
    return {day - timedelta(days=back) for day in dates for back in range(days + 1)}


def days_frame(frame: DataFrame, table: str, policy: DriftPolicy) -> DataFrame:
    """Rows, identity errors, members, moments and variety of each date of a frame, by the names of `day_by_day`."""
    asked: list[Column] = [F.count("*").alias("rows")]
    for rule in (rule for rule in policy.identities if rule.table == table):
        asked.append(F.median(F.expr(rule.error)).alias(f"error {rule.name}"))
        asked.append(F.count(F.expr(rule.error)).alias(f"measurable {rule.name}"))
    for members in (rule for rule in policy.members if rule.table == table):
        asked.append(F.collect_set(F.col(members.column).cast("string")).alias(f"members {members.column}"))
    for shift in (rule for rule in policy.shifts if rule.table == table):
        asked.append(F.avg(shift.column).alias(f"mean {shift.column}"))
        asked.append(F.stddev_pop(shift.column).alias(f"deviation {shift.column}"))
    for variety in (rule for rule in policy.varieties if rule.table == table):
        asked.append(F.count(variety.column).alias(f"filled {variety.column}"))
        asked.append(F.approx_count_distinct(variety.column).alias(f"distinct {variety.column}"))
    return frame.groupBy(DATE_COLUMN).agg(*asked)


def day_by_day(answers: Answers) -> dict[date, Day]:
    """The answers to `days_frame`."""
    return {day: _day(answer) for day, answer in answers}


def _day(answer: Answer) -> Day:
    def of(word: str) -> dict[str, Any]:
        return {name.partition(" ")[2]: value for name, value in answer.items() if name.startswith(f"{word} ")}

    deviations = of("deviation")
    return Day(
        rows=answer["rows"],
        errors=of("error"),
        measurable={name: count / answer["rows"] for name, count in of("measurable").items()},
        members={name: frozenset(values) for name, values in of("members").items()},
        moments={name: Moments(mean=mean, deviation=deviations[name]) for name, mean in of("mean").items()},
        filled={name: count / answer["rows"] for name, count in of("filled").items()},
        distinct=of("distinct"),
    )


class Past(NamedTuple):
    """What a range's nights are compared with: without absent dates, and with what main held of dates that are restated."""

    absent: frozenset[date] = frozenset()
    held: DataFrame | None = None

    def beside(self, frame: DataFrame) -> DataFrame:
        """The rows of a table, and beside them what is held: _is_new says which are which, _is_there what a later date finds."""
        is_absent = F.expr(among(DATE_COLUMN, self.absent))
        rows = frame.withColumns({"_is_new": F.lit(True), "_is_there": ~is_absent})
        if self.held is None:
            return rows
        return rows.unionByName(self.held.withColumns({"_is_new": F.lit(False), "_is_there": is_absent}))


_AS_IT_IS = Past()


def ratio_frame(
    frame: DataFrame, rule: UnitRatio, policy: DriftPolicy, dates: Iterable[date], past: Past = _AS_IT_IS
) -> DataFrame:
    """Per date, the median of its ratios to each recent date that is there; by group, over the ratios of all groups."""
    # a group is small and alike inside, so its mean will do, and it keeps to its weekdays
    step, middle = (_WEEK, F.avg(rule.column)) if rule.by else (1, F.median(rule.column))
    daily = (
        past.beside(frame).groupBy(DATE_COLUMN, "_is_new", "_is_there", mark(rule.by).alias("mark")).agg(middle.alias("middle"))
    )
    before = F.collect_list(F.when(F.col("_is_there"), F.col("middle"))).over(
        _days_before(policy.history_days, "mark", F.expr(f"pmod(unix_date({DATE_COLUMN}), {step})"))
    )
    pairs = (
        daily.withColumn("before", before)
        .where(F.col("_is_new") & F.expr(among(DATE_COLUMN, dates)))
        .select(DATE_COLUMN, "middle", F.explode("before").alias("then"))
    )
    return pairs.groupBy(DATE_COLUMN).agg(F.median(F.try_divide("middle", "then")).alias("ratio"))


def common_frame(frame: DataFrame, rule: Staleness, dates: Iterable[date], past: Past = _AS_IT_IS) -> DataFrame:
    """Per date and earlier date of the week before it the rows in common."""
    marked = past.beside(frame).select(DATE_COLUMN, "_is_new", "_is_there", mark(rule.columns).alias("mark"))
    marked = marked.repartition("mark").distinct()  # brought together once, for this and for what is asked next
    there = F.collect_list(F.when(F.col("_is_there"), F.col(DATE_COLUMN)))
    before = marked.withColumn("before", there.over(_days_before(_WEEK, "mark")))
    judged = before.where(F.col("_is_new") & F.expr(among(DATE_COLUMN, dates)))
    common = judged.select(DATE_COLUMN, F.explode("before").alias("earlier"))
    return common.groupBy(DATE_COLUMN, "earlier").agg(F.count("*").alias("rows"))


def common_of(answers: Answers) -> dict[date, dict[date, int]]:
    """The answers to `common_frame`: date -> earlier date -> rows."""
    found: dict[date, dict[date, int]] = {}
    for day, answer in answers:
        found.setdefault(day, {})[date.fromisoformat(answer["earlier"])] = answer["rows"]
    return found


def elsewhere_frame(
    frame: DataFrame, columns: Sequence[str], dates: Sequence[date], near: int, past: Past = _AS_IT_IS
) -> DataFrame:
    """Per date its identities that a date near it has as well: an earlier one, or a later one that was here before this run."""
    is_new, day = F.col("_is_new"), F.col(DATE_COLUMN)
    sets = {"new": is_new, "earlier": F.col("_is_there"), "later": ~is_new | ~F.expr(among(DATE_COLUMN, dates))}
    days = (F.collect_set(F.when(is_one, day)).alias(name) for name, is_one in sets.items())
    dated = known_again(past.beside(frame), columns).groupBy("_mark").agg(*days)
    twice = dated.where(F.size(F.array_union("new", F.array_union("earlier", "later"))) > 1)
    by_day = twice.select(F.explode("new").alias(DATE_COLUMN), "earlier", "later")

    def is_near(other: Column, first: int, last: int) -> Column:
        return F.datediff(DATE_COLUMN, other).between(first, last)

    is_earlier = F.exists("earlier", lambda other: is_near(other, 1, near))
    is_later = F.exists("later", lambda other: is_near(other, -near, -1))
    found = by_day.where(among(DATE_COLUMN, dates)).where(is_earlier | is_later)
    return found.groupBy(DATE_COLUMN).agg(F.count("*").alias("rows"))


def known_again(frame: DataFrame, columns: Sequence[str]) -> DataFrame:
    """The rows with the _mark of their identity; without any value of it nothing is known again."""
    has_one = reduce(or_, (F.col(f"`{name}`").isNotNull() for name in columns))
    return frame.where(has_one).withColumn("_mark", mark(columns))


def paired_frame(frames: Mapping[str, DataFrame], rule: Agreement, dates: Iterable[date]) -> DataFrame:
    """Per date the rows of a table, those of them that have a partner, the partners there are, and what the pairs disagree by."""
    said = compared_columns(frames, rule)
    marked = (
        frames[name]
        .where(among(DATE_COLUMN, dates))
        .select(DATE_COLUMN, *rule.on, *columns, F.lit(name == rule.partner).alias("_is_partner"))
        for name, columns in said.items()
    )
    every = reduce(lambda one, other: one.unionByName(other, allowMissingColumns=True), marked)
    both = every.groupBy(DATE_COLUMN, *rule.on).agg(
        F.count_if(~F.col("_is_partner")).alias("_mine"),
        F.count_if("_is_partner").alias("_theirs"),
        *(F.max(name).alias(name) for columns in said.values() for name in columns),  # the one value of a pair
    )
    has_partner = reduce(and_, (F.col(name).isNotNull() for name in rule.on), F.col("_theirs") > 0)
    asked = [
        F.sum("_mine").alias("rows"),
        F.sum(F.when(has_partner, F.col("_mine")).otherwise(0)).alias("paired"),
        F.count_if(F.col("_theirs") > 0).alias("partners"),
    ]
    if rule.error:
        error = F.when(has_partner & (F.col("_mine") == 1) & (F.col("_theirs") == 1), F.expr(rule.error))
        asked += [F.count(error).alias("compared"), F.median(error).alias("error")]
    return both.groupBy(DATE_COLUMN).agg(*asked)


def compared_columns(frames: Mapping[str, DataFrame], rule: Agreement) -> dict[str, list[str]]:
    """The columns of each of the two that their error names; one that both have is the table's."""
    said: dict[str, list[str]] = {rule.table: [], rule.partner: []}
    known = {DATE_COLUMN, *rule.on}
    for table, columns in said.items() if rule.error else ():
        columns += (name for name in frames[table].columns if name not in known and names_column(rule.error, name))
        known |= {*columns}
    return said


def settlement_frame(frames: Mapping[str, DataFrame], rule: Settlement, *beside: str) -> DataFrame:
    """Per date, group and columns beside the median error of a table by what came later, and of how many rows."""
    joined = frames[rule.table].join(_besides(frames, rule), [DATE_COLUMN, *rule.on])
    group = F.concat_ws(" ", *rule.by) if rule.by else F.lit("")
    error = joined.select(DATE_COLUMN, *beside, group.alias("group"), F.expr(rule.error).alias("error"))
    measured = F.count("error").alias("rows"), F.median("error").alias("median")
    return error.groupBy(DATE_COLUMN, *beside, "group").agg(*measured)


def weeks_before_frame(frames: Mapping[str, DataFrame], rule: Settlement, dates: Sequence[date]) -> DataFrame:
    """As `settlement_frame`, by what the table said in weeks before; none of the dates, all in doubt, speaks for another."""
    week = F.explode(F.sequence(F.lit(1), F.lit(rule.weeks)))
    earlier = frames[rule.table].where(~F.expr(among(DATE_COLUMN, dates))).withColumn("_week", week)
    moved = earlier.withColumn(DATE_COLUMN, F.date_add(DATE_COLUMN, F.col("_week") * _WEEK)).where(among(DATE_COLUMN, dates))
    return settlement_frame({**frames, rule.table: moved}, rule, "_week")


def _besides(frames: Mapping[str, DataFrame], rule: Settlement) -> DataFrame:
    """The later table without the columns that the judged one has: there the judged one's are meant."""
    mine, later = set(frames[rule.table].columns), frames[rule.later]
    return later.select(DATE_COLUMN, *rule.on, *(name for name in later.columns if name not in {*mine, *rule.on}))


def errors_of(answers: Answers) -> dict[date, dict[str, Error]]:
    """The answers to `settlement_frame`: date -> group -> error."""
    found: dict[date, dict[str, Error]] = {}
    for day, answer in answers:
        found.setdefault(day, {})[answer["group"]] = Error(answer["rows"], answer["median"])
    return found


def least_of(answers: Answers, rule: Settlement) -> dict[date, dict[str, Error]]:
    """The answers to `weeks_before_frame`: date -> group -> the least error of a week with rows enough."""
    enough = [(day, answer) for day, answer in answers if answer["rows"] >= rule.fewest]
    return errors_of(sorted(enough, key=lambda one: one[1]["median"], reverse=True))


def _days_before(days: int, *groups: Column | str) -> WindowSpec:
    """The rows of a group on the days before a row's own: sorted once, where a join would copy each row for every day."""
    return Window.partitionBy(*groups).orderBy(F.unix_date(DATE_COLUMN)).rangeBetween(-days, -1)
