"""Features of the same dates at two commits, row by row: what a restatement made of the past."""

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from lakeloop.core.jobs import FeatureSkewJob
from lakeloop.core.lake import DATE_COLUMN
from lakeloop.core.skew import FeatureSkew, FeatureSkewReport
from lakeloop.core.use_case import UseCase
from lakeloop.spark.features import feature_frame


def feature_skew(job: FeatureSkewJob, spark: SparkSession, case: UseCase) -> FeatureSkewReport:
    """Every feature of both commits compared exactly; null equals null, and a row at one commit only is counted apart."""
    before, after = (_packed(feature_frame(spark, case, job.repository, ref, job.dates), case, side)
                     for side, ref in (("before", job.before), ("after", job.after)))  # fmt: skip
    both = before.join(after, [*case.entity, DATE_COLUMN], "full")
    is_before, is_after = F.col("before").isNotNull(), F.col("after").isNotNull()
    counts = {"_rows": is_before & is_after, "_gone": ~is_after, "_new": ~is_before}
    asked = [F.count_if(condition).alias(name) for name, condition in counts.items()]
    for at, name in enumerate(case.feature_names):
        was, now = F.col(f"before.{name}"), F.col(f"after.{name}")
        asked.append(F.count_if(is_before & is_after & ~was.eqNullSafe(now)).alias(f"differ{at}"))
        asked.append(_apart(was, now, is_number=name not in case.categories).alias(f"apart{at}"))
    row = both.agg(*asked).collect()[0]
    return FeatureSkewReport(
        rows=row["_rows"], only_before=row["_gone"], only_after=row["_new"],
        features={
            name: FeatureSkew(differ=row[f"differ{at}"], largest=row[f"apart{at}"]) for at, name in enumerate(case.feature_names)
        },
    )  # fmt: skip


def _packed(frame: DataFrame, case: UseCase, side: str) -> DataFrame:
    return frame.select(*case.entity, DATE_COLUMN, F.struct(*case.feature_names).alias(side))


def _apart(was: Column, now: Column, *, is_number: bool) -> Column:
    """The largest difference between two numbers; null of categories, and where there never were two numbers."""
    return F.max(F.when(~was.eqNullSafe(now), F.abs(was - now))) if is_number else F.lit(None).cast("double")
