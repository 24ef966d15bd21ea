"""The training set as rows of one table: written once, sorted, in a fixed number of files, then only read."""

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from lakeloop.core.errors import InvalidInput
from lakeloop.core.jobs import MatrixJob
from lakeloop.core.lake import DATE_COLUMN, training
from lakeloop.core.reports import MatrixReport, SplitFacts
from lakeloop.core.use_case import UseCase
from lakeloop.spark.features import feature_frame, label_frame
from lakeloop.spark.finite import check_finite
from lakeloop.spark.slices import fingerprint_of, hashes
from lakeloop.spark.tables import one_of, read_table, uri

SPLIT, FIT, HOLDOUT = "split", "fit", "holdout"


def write_matrix(job: MatrixJob, spark: SparkSession, case: UseCase) -> MatrixReport:
    """Every entity of the dates with its features and label; rows without a label are kept, counted and never learnt from.

    Raises:
        InvalidInput: a split has no labelled row, or rows of one class only; or a feature is infinite somewhere.
    """
    _check(job, case)
    dates = (*job.fit_dates, *job.holdout_dates)
    frame = feature_frame(spark, case, job.repository, job.snapshot, dates)
    labels = label_frame(spark, case, job.repository, job.snapshot, dates)
    keys = [*case.entity, DATE_COLUMN]
    split = F.when(F.expr(one_of(DATE_COLUMN, job.holdout_dates)), F.lit(HOLDOUT)).otherwise(F.lit(FIT))
    rows = frame.join(labels, keys, "left").withColumn(SPLIT, split)
    (
        # by hash of the key and not by range: range bounds are sampled, so each run would have others
        rows.repartition(job.files, *keys)
        .sortWithinPartitions(SPLIT, DATE_COLUMN, *case.entity)
        .write.format("delta")
        .partitionBy(SPLIT)
        .save(uri(job.repository, job.branch, training(case.name)))
    )
    table = read_table(spark, job.repository, job.branch, training(case.name))
    facts = _facts(table, case)
    for name in (FIT, HOLDOUT):
        _check_split(facts.get(name), name, case)
    check_finite(table.where(F.col(case.label.name).isNotNull()), case, "nothing was fitted")
    return MatrixReport(fit=facts[FIT], holdout=facts[HOLDOUT])


def read_split(spark: SparkSession, case: UseCase, repository: str, commit: str, split: str) -> DataFrame:
    """The labelled rows of one split of a committed training set."""
    table = read_table(spark, repository, commit, training(case.name))
    return table.where(F.col(SPLIT) == split).where(F.col(case.label.name).isNotNull()).drop(SPLIT)


def _check(job: MatrixJob, case: UseCase) -> None:
    """What can be said before anything is read."""
    if not job.fit_dates or not job.holdout_dates or max(job.fit_dates) >= min(job.holdout_dates):
        message = f"training of {case.name} needs dates, and hold-out dates after all of them; nothing was fitted"
        raise InvalidInput(message)


def _facts(table: DataFrame, case: UseCase) -> dict[str, SplitFacts]:
    label = F.col(case.label.name)
    labelled = table.where(label.isNotNull())
    counted = labelled.groupBy(SPLIT).agg(
        F.count("*").alias("rows"), F.sum(label.cast("long")).alias("positives"), F.min(DATE_COLUMN).alias("first"),
        F.max(DATE_COLUMN).alias("last"), F.countDistinct(DATE_COLUMN).alias("days"), *hashes(labelled),
    )  # fmt: skip
    without = table.where(label.isNull()).groupBy(SPLIT).agg(F.count("*").alias("unlabelled"))
    return {
        row[SPLIT]: SplitFacts(
            first=row["first"], last=row["last"], days=row["days"], rows=row["rows"], positives=row["positives"],
            unlabelled=row["unlabelled"] or 0, digest=fingerprint_of(row, row["rows"]),
        )
        for row in counted.join(without, SPLIT, "left").collect()
    }  # fmt: skip


def _check_split(facts: SplitFacts | None, name: str, case: UseCase) -> None:
    if facts is None:
        message = f"no row of the {name} days of {case.name} has a label yet; nothing was fitted. Next: wait for outcomes"
        raise InvalidInput(message)
    if facts.positives in {0, facts.rows}:
        message = (
            f"all {facts.rows} labelled rows of the {name} days of {case.name} have the same {case.label.name}: there is "
            "nothing to tell apart; nothing was fitted. Next: look at the label's table, or give it more days"
        )
        raise InvalidInput(message)
