"""What a challenger must beat: a group's historical rate, and a logistic regression on the same features."""

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from lakeloop.core.gate_policy import LOGISTIC

_STEPS = 50


def with_rate(past: DataFrame, later: DataFrame, columns: Sequence[str], label: str, name: str) -> DataFrame:
    """`later` with the label rate that its group had in `past`; an unseen group gets the overall rate."""
    rates = past.groupBy(*columns).agg(F.avg(label).alias("_rate"))
    overall = past.agg(F.avg(label).alias("_overall"))
    joined = later.join(F.broadcast(rates), list(columns), "left").crossJoin(F.broadcast(overall))
    return joined.withColumn(name, F.coalesce("_rate", "_overall")).drop("_rate", "_overall")


def with_logistic(past: DataFrame, later: DataFrame, features: Sequence[str], label: str, name: str = LOGISTIC) -> DataFrame:
    """`later` scored by Spark's logistic regression of the features, an unknown one being the mean of `past`."""
    from pyspark.ml.classification import LogisticRegression
    from pyspark.ml.feature import VectorAssembler

    row = past.agg(*(F.avg(_known(each)).alias(each) for each in features)).first()
    means = {each: float(row[each]) if row and row[each] is not None else 0.0 for each in features}
    known = past.select(*(F.coalesce(_known(each), F.lit(mean)).alias(each) for each, mean in means.items()), label)
    rows = VectorAssembler(inputCols=list(features), outputCol="_x").transform(known).select("_x", label)
    model = LogisticRegression(featuresCol="_x", labelCol=label, maxIter=_STEPS).fit(rows)
    weights = dict(zip(features, (float(one) for one in model.coefficients), strict=True))
    return later.withColumn(name, _chance(means, weights, float(model.intercept)))


def _known(name: str) -> Column:
    """A number, or null where there is none: XGBoost takes NaN for missing, so it is that here too."""
    return F.when(~F.isnan(name), F.col(name))


def _chance(means: dict[str, float], weights: dict[str, float], intercept: float) -> Column:
    """The regression as an expression, so that no fitted thing of the server's has to live on."""
    odds = F.lit(intercept)
    for name, mean in means.items():
        odds = odds + F.coalesce(_known(name), F.lit(mean)) * F.lit(weights[name])
    return 1 / (1 + F.exp(-odds))
