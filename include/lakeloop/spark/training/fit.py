"""The fit of a challenger on a committed training set, distributed over the server's slots."""

import re
import time

import xgboost
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from lakeloop.core.capacity import check_capacity
from lakeloop.core.use_case import UseCase
from lakeloop.spark.conf import set_for
from lakeloop.spark.memory import free_on_server

_LOCAL = re.compile(r"local(?:\[\s*(\d+|\*)\s*(?:,\s*\d+\s*)?\])?")  # with the number of failures that a task may have
_MANY = 10_000  # more than cores
BATCH = 200_000  # rows that a worker is handed at once: XGBoost walks the batches several times, and each walk costs
_DEALING = {
    "spark.sql.execution.sortBeforeRepartition": "false",  # for rows that may come in another order when asked again
    "spark.sql.execution.arrow.maxRecordsPerBatch": str(BATCH),
}


def fit(rows: DataFrame, case: UseCase) -> xgboost.Booster:
    """A booster of the case's parameters; equal rows in an equal layout give equal bytes.

    XGBoost repartitions by itself: Spark deals the rows of each file out in turn, so which worker gets which rows in which
    order follows from the files alone. It learns from single floats, so no wider ones are dealt out.
    """
    from xgboost.spark import SparkXGBClassifier

    model = case.model
    estimator = SparkXGBClassifier(
        features_col=list(case.feature_names),
        label_col=case.label.name,
        num_workers=model.num_workers or _tasks(rows.sparkSession),
        max_depth=model.max_depth,
        n_estimators=model.n_estimators,
        learning_rate=model.learning_rate,
        min_child_weight=model.min_child_weight,
        subsample=model.subsample,
        colsample_bytree=model.colsample_bytree,
        tree_method="hist",
        random_state=model.seed,
        disable_default_eval_metric=True,  # else each round ends in a measure of all rows it learnt from, which nobody reads
        force_repartition=True,  # through Connect it always does; a submitted job would keep rows that lie in as many parts
    )
    narrow = rows.select(*(F.col(name).cast("float") for name in case.feature_names), case.label.name)
    with set_for(rows.sparkSession, _DEALING):
        booster: xgboost.Booster = estimator.fit(narrow).get_booster()
    booster.feature_names = list(case.feature_names)
    return booster


def check_room(spark: SparkSession, rows: int, case: UseCase) -> None:
    """Refuse a fit that cannot run here, before anything is started.

    Raises:
        InvalidInput: more workers than cores, or more rows than memory where they run. On a cluster its own scheduler knows,
            and decides.
    """
    if cores := _cores(spark):
        check_capacity(
            rows=rows, features=len(case.feature_names), workers=case.model.num_workers or _tasks(spark), threads=threads(spark),
            cores=cores, free=free_on_server(spark),
        )  # fmt: skip


def _cores(spark: SparkSession) -> int:
    """Of a server that is one process; 0 of a cluster."""
    local = _LOCAL.fullmatch(spark.conf.get("spark.master", "") or "")
    if local is None:
        return 0
    if local[1] == "*":  # Spark deals out a part for each core
        return spark.range(_MANY).select(F.spark_partition_id()).distinct().count()
    return int(local[1] or 1)


def _tasks(spark: SparkSession) -> int:
    """At once, for a job that names no number of workers: the platform's own name the one of their slot."""
    return max(1, _cores(spark) // threads(spark))


def threads(spark: SparkSession) -> int:
    """Of each worker: what Spark gives to a task."""
    return int(spark.conf.get("spark.task.cpus", None) or 1)


class Watch:
    """Seconds of each part, one after the other."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._since = time.monotonic()

    def lap(self, part: str) -> None:
        """The part that ends now."""
        now = time.monotonic()
        self.seconds[part] = round(now - self._since, 3)
        self._since = now
