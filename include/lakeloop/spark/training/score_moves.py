"""The hold-out of two training sets scored, each by its own model, and how far the scores of a row are apart."""

from collections.abc import Mapping
from functools import reduce

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from lakeloop.core.jobs import ScoredBy, ScoreMovesJob
from lakeloop.core.lake import DATE_COLUMN, training
from lakeloop.core.score_moves import FAR, ScoreMovesReport, SliceMove
from lakeloop.core.use_case import UseCase
from lakeloop.spark.booster import model_bytes
from lakeloop.spark.tables import read_table
from lakeloop.spark.training.matrix import HOLDOUT, SPLIT
from lakeloop.spark.training.measures import is_large
from lakeloop.spark.training.train import sliced_by, with_model

_WAS, _NOW = "_was", "_now"
_LISTED = 20


def score_moves(job: ScoreMovesJob, spark: SparkSession, case: UseCase) -> ScoreMovesReport:
    """Rows without a label count too: they are scored like any other; no row leaves Spark.

    They are grouped as the gates group them, by columns of the case as it is now.
    """
    keys = [*case.entity, DATE_COLUMN]
    was = _scored(spark, job, job.before, case, _WAS).select(*keys, _WAS)
    now = _scored(spark, job, job.after, case, _NOW)
    by = sliced_by(case)
    groups = [_group(name).alias(f"_by{at}") for at, name in enumerate(by)]
    both = was.join(now.select(*keys, _NOW, *groups), keys, "full").persist()
    try:
        is_before, is_after = F.col(_WAS).isNotNull(), F.col(_NOW).isNotNull()
        apart = F.abs(F.col(_NOW) - F.col(_WAS))
        row = both.agg(
            F.count_if(is_before & is_after).alias("rows"), F.count_if(~is_after).alias("gone"),
            F.count_if(~is_before).alias("new"),
            F.coalesce(F.avg(apart), F.lit(0.0)).alias("mean"), F.coalesce(F.max(apart), F.lit(0.0)).alias("largest"),
            F.count_if(apart > FAR).alias("far"),
        ).collect()[0]  # fmt: skip
        slices = _slices(both.where(is_before & is_after), by)
    finally:
        both.unpersist()
    return ScoreMovesReport(
        rows=row["rows"], only_before=row["gone"], only_after=row["new"], mean=row["mean"], largest=row["largest"],
        far=row["far"], slices=slices,
    )  # fmt: skip


def _scored(spark: SparkSession, job: ScoreMovesJob, side: ScoredBy, case: UseCase, name: str) -> DataFrame:
    model = model_bytes(side.model.path, side.model.sha256, side.features)
    rows = read_table(spark, job.repository, side.matrix, training(case.name)).where(F.col(SPLIT) == HOLDOUT)
    return with_model(rows, model, name)


def _group(column: str) -> Column:
    return F.struct(F.lit(column).alias("column"), F.coalesce(F.col(column).cast("string"), F.lit("none")).alias("value"))


def _slices(both: DataFrame, by: Mapping[str, int]) -> tuple[SliceMove, ...]:
    if not by:
        return ()
    moved = F.col(_NOW) - F.col(_WAS)
    each = both.select(moved.alias("moved"), F.explode(F.array(*(f"_by{at}" for at in range(len(by))))).alias("at"))
    grouped = each.groupBy("at.column", "at.value").agg(
        F.count("*").alias("rows"), F.avg(F.abs("moved")).alias("mean"), F.avg("moved").alias("shift")
    )
    told = grouped.where(reduce(Column.__or__, (is_large(*column) for column in by.items())))
    return tuple(SliceMove(**row.asDict()) for row in told.orderBy(F.desc("mean"), "column", "value").limit(_LISTED).collect())
