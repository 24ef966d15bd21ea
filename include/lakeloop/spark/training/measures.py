"""What is measured of models on rows with a label: exact, per day, per group; numbers leave Spark, rows do not."""

from collections.abc import Mapping, Sequence
from functools import reduce

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from lakeloop.core.evaluation import CHALLENGER, CHAMPION, DayMetrics, SliceMetrics
from lakeloop.core.lake import DATE_COLUMN
from lakeloop.core.metrics import CURVE_BINS, ScoreBin

_CLIP = 1e-7  # a certain and wrong score costs much, not infinitely much


def loss(score: str, label: str) -> Column:
    """The negative log likelihood of one row, in nats."""
    likely = F.least(F.greatest(F.col(score), F.lit(_CLIP)), F.lit(1 - _CLIP))
    return -F.when(F.col(label) > 0, F.log(likely)).otherwise(F.log(1 - likely))


def by_day(scored: DataFrame, models: Sequence[str], label: str) -> tuple[DayMetrics, ...]:
    """AUC (ties count half; Hanley and McNeil 1982) and mean log loss of each model's column on each day."""
    found = ranked(_long(scored, models, label, DATE_COLUMN), [DATE_COLUMN, "model"], label)
    return tuple(
        DayMetrics(
            data_date=row[DATE_COLUMN], model=row["model"], rows=row["rows"], positives=int(row["positives"]),
            auc=row["auc"], log_loss=row["loss"] / row["rows"],
        )
        for row in found.orderBy(DATE_COLUMN, "model").collect()
    )  # fmt: skip


def ranked(rows: DataFrame, groups: Sequence[str], label: str) -> DataFrame:
    """Rows, positives, exact AUC of `score` and summed log loss of each group; AUC is null where one class is absent."""
    ties = rows.groupBy(*groups, "score").agg(
        F.count("*").alias("n"), F.sum(label).alias("p"), F.sum(loss("score", label)).alias("l")
    )
    below = Window.partitionBy(*groups).orderBy("score").rowsBetween(Window.unboundedPreceding, -1)
    before = F.coalesce(F.sum(F.col("n") - F.col("p")).over(below), F.lit(0.0))
    won = F.col("p") * (before + (F.col("n") - F.col("p")) / 2)
    sums = (
        ties.withColumn("won", won)
        .groupBy(*groups)
        .agg(F.sum("n").alias("rows"), F.sum("p").alias("positives"), F.sum("won").alias("won"), F.sum("l").alias("loss"))
    )
    pairs = F.col("positives") * (F.col("rows") - F.col("positives"))
    return sums.withColumn("auc", F.when(pairs > 0, F.col("won") / pairs))


def histogram(scored: DataFrame, score: str, label: str) -> tuple[ScoreBin, ...]:
    """Rows, positives and loss by score, in CURVE_BINS bins of equal width."""
    bins = (
        scored.groupBy(F.least(F.floor(F.col(score) * CURVE_BINS), F.lit(CURVE_BINS - 1)).cast("int").alias("bin"))
        .agg(F.count("*").alias("rows"), F.sum(label).alias("positives"), F.sum(loss(score, label)).alias("loss"))
        .orderBy("bin")
        .collect()
    )
    return tuple(ScoreBin(row["bin"], row["rows"], row["positives"], row["loss"]) for row in bins)


def slices(scored: DataFrame, columns: Mapping[str, int], models: Sequence[str], label: str) -> tuple[SliceMetrics, ...]:
    """Each group of each column: the mean log losses of the models, and of the group's own base rate.

    `columns` says how many rows a column's group must have to be told: one that is an identifier has a group a row.
    """
    if not columns:
        return ()
    losses = {model: loss(model, label).alias(f"_{model}") for model in models}
    pairs = F.explode(F.array(*(_pair(column) for column in columns))).alias("at")
    grouped = (
        scored.select(label, *losses.values(), pairs)
        .groupBy("at.column", "at.value")
        .agg(F.count("*").alias("rows"), F.avg(label).alias("rate"), *(F.avg(f"_{model}").alias(model) for model in models))
    )
    told = grouped.where(reduce(Column.__or__, (is_large(*column) for column in columns.items())))
    return tuple(_slice(row.asDict()) for row in told.orderBy("column", "value").collect())


def is_large(column: str, fewest: int) -> Column:
    """Whether a group, by `column` and `rows`, is one of this column with so many rows."""
    return (F.col("column") == column) & (F.col("rows") >= fewest)


def _slice(row: Mapping[str, object]) -> SliceMetrics:
    import math

    rate = float(str(row["rate"]))
    entropy = -sum(share * math.log(share) for share in (rate, 1 - rate) if share > 0)
    return SliceMetrics(
        column=str(row["column"]), value=str(row["value"]), rows=int(str(row["rows"])), challenger=float(str(row[CHALLENGER])),
        champion=float(str(row[CHAMPION])) if CHAMPION in row else None, base_rate=entropy,
    )  # fmt: skip


def _pair(column: str) -> Column:
    return F.struct(F.lit(column).alias("column"), F.coalesce(F.col(column).cast("string"), F.lit("none")).alias("value"))


def _long(scored: DataFrame, models: Sequence[str], label: str, *keys: str) -> DataFrame:
    """One row a model: its name and its score."""
    each = [scored.select(*keys, label, F.lit(model).alias("model"), F.col(model).alias("score")) for model in models]
    return reduce(DataFrame.unionByName, each)
