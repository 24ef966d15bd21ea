"""Scores of some dates by one model file, written to a run branch with the passport on every row."""

from collections.abc import Sequence
from datetime import UTC, date, datetime

from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from lakeloop.core.jobs import FingerprintJob, Passport, ScoreJob, Slice
from lakeloop.core.lake import DATE_COLUMN, scores
from lakeloop.core.reports import Fingerprint, ScoreReport
from lakeloop.core.use_case import UseCase
from lakeloop.spark.booster import model_bytes, with_scores
from lakeloop.spark.features import feature_frame
from lakeloop.spark.finite import check_finite
from lakeloop.spark.slices import fingerprint
from lakeloop.spark.tables import one_of, uri

NOT_IN_HASH = ("trust",)  # the watch sets it; the scores are the same under any trust


def score(job: ScoreJob, spark: SparkSession, case: UseCase) -> ScoreReport:
    """One row an entity and date, read at the passport's data commit; replaces these dates on the branch and no others.

    Raises:
        InvalidInput: the model file is not the passport's, or a feature is infinite somewhere.
        ConfigurationError: the model learnt from other features than the case gives.
    """
    model = model_bytes(job.model_path, job.passport.model_sha256, case.feature_names)
    frame = feature_frame(spark, case, job.repository, job.passport.data_commit, job.dates)
    try:
        _replace(_stamped(with_scores(frame, case.feature_names, model, reasons=True), case, job.passport, job.trust), job, case)
    except PySparkException:
        check_finite(frame, case, "nothing was scored")  # asked only now: what XGBoost says of them names no feature and no row
        raise
    return ScoreReport(dates=score_fingerprints(spark, case, job.repository, job.branch, job.dates))


def score_fingerprints(
    spark: SparkSession, case: UseCase, repository: str, ref: str, dates: Sequence[date]
) -> dict[date, Fingerprint]:
    """Count and hash of the scores of each date at a ref, apart from trust; a date without scores is absent."""
    table = scores(case.name)
    wanted = Slice(table=table, values=tuple(day.isoformat() for day in dates))
    job = FingerprintJob(repository=repository, case=case.name, ref=ref, slices=(wanted,), without=NOT_IN_HASH)
    found = fingerprint(job, spark, case).tables.get(table, {})
    return {date.fromisoformat(day): value for day, value in found.items()}


def _replace(rows: DataFrame, job: ScoreJob, case: UseCase) -> None:
    (
        rows.repartition(DATE_COLUMN)  # one file a date
        .write.format("delta")
        .mode("overwrite")
        .partitionBy(DATE_COLUMN)
        .option("replaceWhere", one_of(DATE_COLUMN, job.dates))
        .save(uri(job.repository, job.branch, scores(case.name)))
    )


def _stamped(scored: DataFrame, case: UseCase, passport: Passport, trust: str) -> DataFrame:
    """The columns of a score row, in their order."""
    stamps = [F.lit(value).cast("int" if name == "model_version" else "string").alias(name) for name, value in passport]
    scored_at = F.lit(datetime.now(UTC).isoformat()).cast("timestamp").alias("scored_at")
    return scored.select(*case.entity, "score", DATE_COLUMN, *stamps, scored_at, "reasons", F.lit(trust).alias("trust"))
