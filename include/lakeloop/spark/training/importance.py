"""What moves the scores: exact SHAP values over a bounded sample of rows."""

from collections.abc import Callable, Iterable, Iterator, Sequence

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

SAMPLE = 2000


def importance(rows: DataFrame, keys: Sequence[str], features: Sequence[str], model: bytes) -> tuple[dict[str, float], int]:
    """Mean absolute SHAP value of each feature, in log odds, largest first, and the rows it was taken over.

    Exact for trees (Lundberg et al. 2020, From local explanations to global understanding with explainable AI for trees).
    The sample is the rows whose keys hash lowest: the same ones each time.
    """
    sample = rows.orderBy(F.xxhash64(*keys), *keys).limit(SAMPLE).select(*features)
    parts = sample.mapInArrow(_explainer(list(features), model), "at int, rows long, total double")
    found = parts.groupBy("at").agg(F.sum("rows").alias("rows"), F.sum("total").alias("total")).collect()
    means = {features[row["at"]]: row["total"] / row["rows"] for row in found}
    ordered = sorted(means.items(), key=lambda item: (-item[1], item[0]))
    return {name: round(value, 6) for name, value in ordered}, max((row["rows"] for row in found), default=0)


def _explainer(features: list[str], model: bytes) -> Callable[[Iterable[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    def explain(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import numpy as np
        import pyarrow as arrow
        import xgboost

        booster = xgboost.Booster(params={"nthread": 1}, model_file=bytearray(model))
        for batch in batches:
            values = np.column_stack([batch.column(name).to_numpy(zero_copy_only=False) for name in features])
            matrix = xgboost.DMatrix(values.astype(np.float32), feature_names=features, nthread=1)
            totals = np.abs(booster.predict(matrix, pred_contribs=True)[:, :-1]).sum(axis=0).astype(np.float64)
            columns = [
                arrow.array(range(len(features)), arrow.int32()),
                arrow.array([batch.num_rows] * len(features), arrow.int64()),
                arrow.array(totals),
            ]
            yield arrow.RecordBatch.from_arrays(columns, names=["at", "rows", "total"])

    return explain
