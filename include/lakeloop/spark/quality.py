"""Quality of scores measured in Spark: one small histogram leaves the cluster, never a row."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakeloop.core.metrics import BINS, ScoreBin, auc, log_loss

_CLIP = 1e-7  # a certain and wrong score costs much, not infinitely much


def measure(scored: DataFrame, label: str, score: str = "score") -> dict[str, float]:
    """AUC and log loss of labelled rows; rows without a label must be gone already."""
    likely = F.least(F.greatest(F.col(score), F.lit(_CLIP)), F.lit(1 - _CLIP))
    loss = -F.when(F.col(label) > 0, F.log(likely)).otherwise(F.log(1 - likely))
    bins = (
        scored.groupBy(F.least(F.floor(F.col(score) * BINS), F.lit(BINS - 1)).alias("bin"))
        .agg(F.count("*").alias("rows"), F.sum(label).alias("positives"), F.sum(loss).alias("loss"))
        .collect()
    )
    measured = [ScoreBin(row["bin"], row["rows"], row["positives"], row["loss"]) for row in bins]
    return {"auc": round(auc(measured), 9), "log_loss": round(log_loss(measured), 9)}


def historical_rate(past: DataFrame, later: DataFrame, columns: list[str], label: str) -> DataFrame:
    """`later` scored with the label rate that its group had in `past`; an unseen group gets the overall rate."""
    rates = past.groupBy(*columns).agg(F.avg(label).alias("rate"))
    overall = past.agg(F.avg(label).alias("overall"))
    joined = later.join(F.broadcast(rates), columns, "left").crossJoin(F.broadcast(overall))
    return joined.select(label, F.coalesce("rate", "overall").alias("score"))
