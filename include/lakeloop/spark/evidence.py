"""What the watch judges, measured for many dates at once: one pass a table for its days, one for each rule of two dates."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from lakeloop.core.facts import Day, history_of, identity_fact, members_fact, ratio_fact, rows_fact, stale_fact
from lakeloop.core.jobs import EvidenceJob
from lakeloop.core.lake import DATE_COLUMN, clean, scores
from lakeloop.core.reports import DateEvidence, EvidenceReport, Fact
from lakeloop.core.use_case import DriftPolicy, Staleness, UnitRatio, UseCase
from lakeloop.spark.features import entity_table
from lakeloop.spark.tables import find_table, one_of, read_table

_WEEK = 7  # a feed that hangs repeats yesterday or last week; a timetable is that of the same weekdays
Days = dict[date, Day]


def evidence(job: EvidenceJob, spark: SparkSession, case: UseCase) -> EvidenceReport:
    """Facts about the tables a date needs on its own day, at one commit, and the size of its candidate's scores."""
    dates = sorted({day for days in job.candidates.values() for day in days})
    facts: dict[date, list[Fact]] = {day: [] for day in dates}
    history: dict[date, int] = {}
    for table in case.required_on_day():
        frame = read_table(spark, job.repository, job.data_commit, clean(case.name, table))
        days = _days(frame, table, case.drift, dates)
        for day, found in _facts(frame, table, case.drift, dates, days).items():
            facts[day] += found
        if table == entity_table(case).name:
            history = {day: len(history_of(day, days, case.drift)) for day in dates}
    scored = _scored(job, spark, case)
    return EvidenceReport(
        dates=tuple(
            DateEvidence(
                data_date=day,
                rows=int(scored[day]["rows"]) if day in scored else 0,
                history_days=history[day],
                facts=tuple(facts[day]),
                profile=scored.get(day, {}),
            )
            for day in dates
        )
    )


def _facts(frame: DataFrame, table: str, policy: DriftPolicy, dates: Sequence[date], days: Days) -> dict[date, list[Fact]]:
    facts = {day: [rows_fact(table, day, days, policy)] for day in dates}
    for identity in (rule for rule in policy.identities if rule.table == table):
        for day in dates:
            facts[day].append(identity_fact(identity, day, days))
    for members in (rule for rule in policy.members if rule.table == table):
        for day in dates:
            facts[day].append(members_fact(members, day, days, policy))
    for ratio in (rule for rule in policy.ratios if rule.table == table):
        measured = _ratios(frame, ratio, policy, dates)
        for day in dates:
            known = len(history_of(day, days, policy)) >= policy.minimum_history
            facts[day].append(ratio_fact(ratio, measured.get(day) if known else None))
    for stale in (rule for rule in policy.stale if rule.table == table):
        equal = _repeated(frame, stale, dates)
        for day in dates:
            facts[day].append(stale_fact(stale, day, days, equal.get(day, {})))
    return facts


def _days(frame: DataFrame, table: str, policy: DriftPolicy, dates: Sequence[date]) -> Days:
    """One pass: rows, identity errors and members of each date and of the dates before them."""
    identities = [rule for rule in policy.identities if rule.table == table]
    members = [rule for rule in policy.members if rule.table == table]
    asked: list[Column] = [F.count("*").alias("rows")]
    for number, identity in enumerate(identities):
        asked.append(F.median(F.expr(identity.error)).alias(f"error_{number}"))
        asked.append(F.count(F.expr(identity.error)).alias(f"measurable_{number}"))
    asked += [F.collect_set(F.col(rule.column).cast("string")).alias(f"members_{number}") for number, rule in enumerate(members)]
    found = frame.where(one_of(DATE_COLUMN, _with_past(dates, policy.history_days))).groupBy(DATE_COLUMN).agg(*asked).collect()
    return {
        row[DATE_COLUMN]: Day(
            rows=row["rows"],
            errors={rule.name: row[f"error_{number}"] for number, rule in enumerate(identities)},
            measurable={rule.name: row[f"measurable_{number}"] / row["rows"] for number, rule in enumerate(identities)},
            members={rule.column: frozenset(row[f"members_{number}"]) for number, rule in enumerate(members)},
        )
        for row in found
    }


def _ratios(frame: DataFrame, rule: UnitRatio, policy: DriftPolicy, dates: Sequence[date]) -> dict[date, float]:
    """Per date, the median of its ratios to each recent date; by group, over the ratios of all groups."""
    past = frame.where(one_of(DATE_COLUMN, _with_past(dates, policy.history_days)))
    # a group is small and alike inside, so its mean will do, and it keeps to its weekdays
    step, middle = (_WEEK, F.avg(rule.column)) if rule.by else (1, F.median(rule.column))
    daily = past.groupBy(DATE_COLUMN, *rule.by).agg(middle.alias("middle"))
    now = _beside(daily.where(one_of(DATE_COLUMN, dates)), range(step, policy.history_days + 1, step))
    before = daily.withColumnRenamed(DATE_COLUMN, "earlier").withColumnRenamed("middle", "then")
    ratio = F.median(F.try_divide("middle", "then")).alias("ratio")
    pairs = now.join(before, ["earlier", *rule.by])
    return {row[DATE_COLUMN]: row["ratio"] for row in pairs.groupBy(DATE_COLUMN).agg(ratio).collect()}


def _beside(rows: DataFrame, back: Iterable[int]) -> DataFrame:
    """Each row once for every earlier date it is compared with."""
    days = F.explode(F.array(*(F.lit(number) for number in back)))
    return rows.withColumn("back", days).withColumn("earlier", F.expr(f"date_sub({DATE_COLUMN}, back)")).drop("back")


def _repeated(frame: DataFrame, rule: Staleness, dates: Sequence[date]) -> dict[date, dict[date, int]]:
    """Date -> earlier date -> rows in common, found by one equi-join over all pairs of dates."""
    past = frame.where(one_of(DATE_COLUMN, _with_past(dates, _WEEK)))
    marked = past.select(DATE_COLUMN, F.xxhash64(*rule.columns).alias("mark")).distinct()
    now = _beside(marked.where(one_of(DATE_COLUMN, dates)), range(1, _WEEK + 1))
    before = marked.withColumnRenamed(DATE_COLUMN, "earlier")
    common = now.join(before, ["earlier", "mark"]).groupBy(DATE_COLUMN, "earlier").agg(F.count("*").alias("rows"))
    found: dict[date, dict[date, int]] = {}
    for row in common.collect():
        found.setdefault(row[DATE_COLUMN], {})[row["earlier"]] = row["rows"]
    return found


def _scored(job: EvidenceJob, spark: SparkSession, case: UseCase) -> dict[date, Mapping[str, float]]:
    """Rows and score quantiles of each candidate date, each from its own candidate's commit."""
    found: dict[date, Mapping[str, float]] = {}
    for commit, days in job.candidates.items():
        frame = find_table(spark, job.repository, commit, scores(case.name))
        if frame is None:
            continue
        asked = [F.count("*").alias("rows"), F.avg("score").alias("score_mean"), F.median("score").alias("score_median")]
        for row in frame.where(one_of(DATE_COLUMN, days)).groupBy(DATE_COLUMN).agg(*asked).collect():
            found[row[DATE_COLUMN]] = {name: float(row[name]) for name in ("rows", "score_mean", "score_median")}
    return found


def _with_past(dates: Iterable[date], days: int) -> set[date]:
    return {day - timedelta(days=back) for day in dates for back in range(days + 1)}
