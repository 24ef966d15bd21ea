"""What the watch judges, measured for many dates at once: what other dates show of a table, and what came later says of it."""

from collections.abc import Mapping, Sequence
from datetime import date

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from lakeloop.core.agreements import settlement_fact
from lakeloop.core.facts import Day, history_of, identity_fact, members_fact, rows_fact
from lakeloop.core.jobs import EvidenceJob
from lakeloop.core.lake import DATE_COLUMN, clean, scores
from lakeloop.core.reports import DateEvidence, EvidenceReport, Fact
from lakeloop.core.use_case import DriftPolicy, UseCase
from lakeloop.spark.clean import widened_by_name
from lakeloop.spark.features import entity_table, label_frame
from lakeloop.spark.measures import Answers, day_by_day, days_frame, errors_of, settlement_frame, with_past
from lakeloop.spark.questions import Question, ask, reading
from lakeloop.spark.tables import find_table, one_of
from lakeloop.spark.training.measures import by_day

Days = Mapping[date, Day]


def evidence(job: EvidenceJob, spark: SparkSession, case: UseCase) -> EvidenceReport:
    """Facts about the tables a date needs on its own day, at one commit, the size of its scores, and what settles a date."""
    dates = sorted({day for days in job.candidates.values() for day in days})
    with reading(spark, job.repository, job.data_commit, _wanted(case, dates, job.settle)) as read:
        frames = widened_by_name(case, read)
        answers = ask(_questions(case, frames, dates, job.settle))
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
    found = {rule: errors_of(answers.get(f"settled {rule.name}", ())).get(day, {}) for rule in case.drift.settlements}
    rows = max((sum(one.rows for one in errors.values()) for errors in found.values()), default=0)
    facts = tuple(settlement_fact(rule, errors) for rule, errors in found.items())
    return DateEvidence(data_date=day, rows=rows, history_days=0, facts=facts)


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
