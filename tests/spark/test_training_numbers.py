"""Features that tell nothing are fitted as any other: a constant one, one without any value, a category nobody filled."""

from __future__ import annotations

import math
from pathlib import Path

from pyspark.sql import SparkSession

from lakeloop.adapters.lakefs_lake import LakeFSLake
from lakeloop.core.gates import judge_gates
from lakeloop.core.jobs import TrainJob
from lakeloop.core.lake import training
from lakeloop.core.reports import MatrixReport
from lakeloop.spark.encodings import kept_in
from lakeloop.spark.tables import read_table, uri
from lakeloop.spark.training.train import train
from tests.spark.test_training import CASE
from tests.spark.test_training import job as job  # the fixtures
from tests.spark.test_training import snapshot as snapshot
from tests.spark.test_training import written as written

SILENT = {"hour": "12.0D AS hour", "temp": "CAST(NULL AS DOUBLE) AS temp", "wind_speed": "double('NaN') AS wind_speed"}


def test_features_that_tell_nothing_are_fitted_and_move_no_score(
    spark: SparkSession, shared_lake: LakeFSLake, written: tuple[MatrixReport, str], job: TrainJob
) -> None:
    shared_lake.create_branch("silent", written[1])
    rows = read_table(spark, shared_lake.repository, written[1], training("flights"))
    silenced = rows.selectExpr(*(SILENT.get(name, name) for name in rows.columns), "CAST(NULL AS STRING) AS sky")
    path = uri(shared_lake.repository, "silent", training("flights"))
    silenced.write.format("delta").mode("overwrite").option("overwriteSchema", "true").partitionBy("split").save(path)
    commit = shared_lake.commit("silent", "features that tell nothing", {})
    case = CASE.model_copy(update={"feature_names": (*CASE.feature_names, "sky"), "categories": ("sky",)})
    report = train(job.model_copy(update={"matrix": commit, "features": case.feature_names}), spark, case)
    for name in (*SILENT, "sky"):
        assert (report.evaluation.feature_auc[name], report.importance[name]) == (0.5, 0), name
    assert kept_in(Path(report.model_file).read_bytes()).values == {"sky": ()}
    assert all(math.isfinite(one.log_loss) for one in report.evaluation.days), "of the logistic regression's too"
    assert {one.model for one in report.evaluation.days} == {"challenger", "carrier", "logistic"}
    said = {one.name: one.outcome for one in judge_gates(case.gates, report.evaluation)}
    assert said["leaks_nothing"] == "pass"
