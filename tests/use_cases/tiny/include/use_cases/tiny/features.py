"""What is known of a shop when its day begins."""

from collections.abc import Mapping

from pyspark.sql import DataFrame
from pyspark.sql import functions as F


def shop_features(tables: Mapping[str, DataFrame], dates: DataFrame) -> DataFrame:
    """One row a shop and date: the forecast, and how often the shop sold out in the two weeks before."""
    days = dates.select("data_date", "prediction_time")
    past = tables["sales"].select("shop", "sold_out", "available_at", F.col("data_date").alias("sold_on"))
    is_known = (F.col("sold_on") < F.col("data_date")) & (F.col("available_at") <= F.col("prediction_time"))
    is_recent = F.col("sold_on") >= F.date_sub("data_date", 14)
    usual = past.join(F.broadcast(days), is_known & is_recent).groupBy("shop", "data_date").agg(F.avg("sold_out").alias("usual"))
    today = tables["forecasts"].join(F.broadcast(days.select("data_date")), "data_date")
    numbers = (F.col(name).cast("double").alias(name) for name in ("celsius", "visitors", "usual"))
    return today.join(usual, ["shop", "data_date"], "left").select("shop", "data_date", *numbers)
