"""What the watch judges, measured for many dates at once: what other dates show of a table, and what came later says of it."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from lakeloop.core.agreements import Error, settlement_facts
from lakeloop.core.facts import Day, history_of, identity_fact, members_fact, rows_fact
from lakeloop.core.jobs import EvidenceJob
from lakeloop.core.lake import DATE_COLUMN, clean, scores
from lakeloop.core.reports import DateEvidence, EvidenceReport, Fact
from lakeloop.core.use_case import DriftPolicy, Settlement, UseCase
from lakeloop.spark.clean import widened_by_name
from lakeloop.spark.features import entity_table, label_frame
from lakeloop.spark.measures import (
    Answers,
    day_by_day,
    days_frame,
    errors_of,
    least_of,
    settlement_frame,
    weeks_before_frame,
    with_past,
)
from lakeloop.spark.questions import Answer, Question, ask, reading
from lakeloop.spark.tables import find_table, one_of
from lakeloop.spark.training.measures import by_day

Days = Mapping[date, Day]
Asked = list[tuple[date, Answer]]


def evidence(job: EvidenceJob, spark: SparkSession, case: UseCase) -> EvidenceReport:
    """Facts about the tables a date needs on its own day, at one commit, the size of its scores, and what settles a date."""
    dates = sorted({day for days in job.candidates.values() for day in days})
    with reading(spark, job.repository, job.data_commit, _wanted(case, dates, job.settle)) as read:
        frames = widened_by_name(case, read)
        answers = ask(_questions(case, frames, dates, job.settle))
    answers |= _weeks_before(job, spark, case, answers)
    found = {table: day_by_day(answers.get(f"days {table}", ())) for table in case.required_on_day()} if dates else {}
    history = found.get(entity_table(case).name, {}) if dates else {}
    scored = _scored(job, spark, case)
    return EvidenceReport(
        dates=tuple(
            DateEvidence(
                data_date=day,
                rows=int(scored[day]["rows"]) if day in scored else 0,
                history_days=len(history_of(day, history, case.drift)),
                facts=tuple(fact for table, days in found.items() for fact in _facts(table, day, days, case.drift)),
                profile=scored.get(day, {}),
            )
            for day in dates
        ),
        settled=tuple(_settled(case, day, answers) for day in job.settle),
        aucs=_aucs(job, spark, case) if job.matured else {},
    )


def _wanted(case: UseCase, dates: Sequence[date], settle: Sequence[date]) -> dict[str, set[date]]:
    wanted: dict[str, set[date]] = {}
    if dates:
        wanted = {clean(case.name, table): with_past(dates, case.drift.history_days) for table in case.required_on_day()}
    for rule in case.drift.settlements if settle else ():
        for table in (rule.table, rule.later):
            wanted.setdefault(clean(case.name, table), set()).update(settle)
    return wanted


def _questions(case: UseCase, frames: Mapping[str, DataFrame], dates: Sequence[date], settle: Sequence[date]) -> list[Question]:
    asked = []
    if dates:
        own = [table for table in case.required_on_day() if table in frames]
        asked += [Question(f"days {table}", days_frame(frames[table], table, case.drift)) for table in own]
    for rule in case.drift.settlements if settle else ():
        if rule.table in frames and rule.later in frames:
            some = {table: frames[table].where(one_of(DATE_COLUMN, settle)) for table in (rule.table, rule.later)}
            asked.append(Question(f"settled {rule.name}", settlement_frame(some, rule)))
    return asked


def _facts(table: str, day: date, days: Days, policy: DriftPolicy) -> list[Fact]:
    """What one pass shows, though the audit saw it: a date is held against what its neighbours are by now."""
    return [
        rows_fact(table, day, days, policy),
        *(identity_fact(rule, day, days) for rule in policy.identities if rule.table == table),
        *(members_fact(rule, day, days, policy) for rule in policy.members if rule.table == table),
    ]


def _settled(case: UseCase, day: date, answers: Mapping[str, Answers]) -> DateEvidence:
    found = {rule: _errors(rule, day, answers) for rule in case.drift.settlements}
    rows = max((sum(one.rows for one in errors.values()) for errors in found.values()), default=0)
    before = {rule: least_of(answers.get(_before(rule), ()), rule).get(day, {}) for rule in found}
    facts = tuple(fact for rule, errors in found.items() for fact in settlement_facts(rule, errors, before[rule]))
    return DateEvidence(data_date=day, rows=rows, history_days=0, facts=facts)


def _weeks_before(job: EvidenceJob, spark: SparkSession, case: UseCase, answers: Mapping[str, Answers]) -> dict[str, Asked]:
    """What the weeks before say of dates on which two tables contradict each other; asked where any do."""
    doubted = {rule: _doubted(rule, job.settle, answers) for rule in case.drift.settlements if rule.weeks}
    doubted = {rule: days for rule, days in doubted.items() if days}
    wanted: dict[str, set[date]] = {}
    for rule, days in doubted.items():
        earlier = {day - timedelta(weeks=week) for day in days for week in range(1, rule.weeks + 1)}
        wanted.setdefault(clean(case.name, rule.table), set()).update(earlier)
        wanted.setdefault(clean(case.name, rule.later), set()).update(days)
    if not wanted:
        return {}
    with reading(spark, job.repository, job.data_commit, wanted) as read:
        frames = widened_by_name(case, read)
        there = {rule: days for rule, days in doubted.items() if rule.table in frames and rule.later in frames}
        return ask([Question(_before(rule), weeks_before_frame(frames, rule, days)) for rule, days in there.items()])


def _doubted(rule: Settlement, days: Sequence[date], answers: Mapping[str, Answers]) -> list[date]:
    return [day for day in days if any(fact.broken for fact in settlement_facts(rule, _errors(rule, day, answers)))]


def _errors(rule: Settlement, day: date, answers: Mapping[str, Answers]) -> dict[str, Error]:
    return errors_of(answers.get(f"settled {rule.name}", ())).get(day, {})


def _before(rule: Settlement) -> str:
    return f"before {rule.name}"


def _aucs(job: EvidenceJob, spark: SparkSession, case: UseCase) -> dict[date, float]:
    """The AUC of published scores by date, over rows with a label; a date of one class has none."""
    published = find_table(spark, job.repository, job.data_commit, scores(case.name))
    if published is None:
        return {}
    keys, label = [*case.entity, DATE_COLUMN], case.label.name
    labels = label_frame(spark, case, job.repository, job.data_commit, job.matured).where(F.col(label).isNotNull())
    ranks = published.where(one_of(DATE_COLUMN, job.matured)).select(*keys, "score").join(labels, keys)
    found = by_day(ranks, ["score"], label)
    return {one.data_date: one.auc for one in found if one.auc is not None}


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
