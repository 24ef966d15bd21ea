"""A model file at the border to Spark: its digest, and its scores over Arrow batches."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import ArrayType, DoubleType, StringType, StructField, StructType

from lakeloop.core.errors import ConfigurationError, InvalidInput
from lakeloop.core.signature import NUMBER, TEXT, Feature, Signature
from lakeloop.spark.encodings import check_learnt, encoded, kept_in

_REASONS = 3
_NUMBERS = ("float", "int", "q", "i")  # XGBoost's words for a column that is compared
Batches = Iterator[pa.RecordBatch]


def model_bytes(path: str, sha256: str, features: Sequence[str]) -> bytes:
    """The file's bytes, when they are the ones the passport names and learnt from these features in this order."""
    import xgboost

    content = Path(path).read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        message = f"model file {path} has sha256 {found[:12]}, the passport says {sha256[:12]}; nothing was scored"
        raise InvalidInput(message)
    learnt = xgboost.Booster(model_file=bytearray(content)).feature_names
    if learnt != list(features):
        message = f"the model learnt from {learnt}, the case gives {list(features)}; nothing was scored"
        raise ConfigurationError(message)
    return content


def learnt_by(model: bytes) -> Signature:
    """The features that a model's file asks for, in its order, and how many values it learnt of each that is a text.

    An encoding of what is no feature of the file comes last, since scoring would look for it.
    """
    import xgboost

    booster = xgboost.Booster(model_file=bytearray(model))
    values, names = kept_in(model).values, booster.feature_names or []
    types = booster.feature_types or [_NUMBERS[0]] * len(names)
    kinds = {name: NUMBER if own in _NUMBERS else f"{own} of XGBoost" for name, own in zip(names, types, strict=True)}
    kinds |= dict.fromkeys(values, TEXT)
    return tuple(
        Feature(name=name, kind=kind, learnt=len(values[name]) if name in values else None) for name, kind in kinds.items()
    )


def with_scores(frame: DataFrame, features: Sequence[str], model: bytes, *, reasons: bool = False) -> DataFrame:
    """The frame's other columns with `score`, and on demand the features that raised it most; the model rides in the closure."""
    encodings = kept_in(model)
    check_learnt(encodings, [name for name, kind in frame.dtypes if name in features and kind == "string"])
    frame = encoded(frame, encodings)
    kept = [field for field in frame.schema.fields if field.name not in features]
    added = [StructField("score", DoubleType())]
    if reasons:
        added.append(StructField("reasons", ArrayType(StringType())))
    ordered = frame.select(*(field.name for field in kept), *features)
    apply = _applier([field.name for field in kept], list(features), model, _REASONS if reasons else 0)
    scored = ordered.mapInArrow(apply, StructType([*kept, *added]))
    # a client's schema says "string collate UTF8_BINARY", which Delta would keep and no other reader knows
    return scored.select(*(F.col(each.name).cast(each.dataType.simpleString()) for each in (*kept, *added)))


def _applier(kept: list[str], features: list[str], model: bytes, reasons: int) -> Callable[[Iterable[pa.RecordBatch]], Batches]:
    def apply(batches: Iterable[pa.RecordBatch]) -> Batches:
        # by value and with its own imports: a worker needs xgboost, not this package
        import numpy as np
        import pyarrow as arrow
        import xgboost

        booster = xgboost.Booster(params={"nthread": 1}, model_file=bytearray(model))
        for batch in batches:
            columns = [batch.column(name) for name in kept]
            values = np.column_stack([batch.column(name).to_numpy(zero_copy_only=False) for name in features])
            matrix = xgboost.DMatrix(values.astype(np.float32), feature_names=features, nthread=1)
            columns.append(arrow.array(booster.predict(matrix).astype(np.float64)))
            names = [*kept, "score"]
            if reasons:
                parts = booster.predict(matrix, pred_contribs=True, approx_contribs=True)[:, :-1]
                top = np.argsort(-parts, axis=1, kind="stable")[:, :reasons]
                words = [[features[i] for i in row if part[i] > 0] for row, part in zip(top, parts, strict=True)]
                columns.append(arrow.array(words, arrow.list_(arrow.string())))
                names.append("reasons")
            yield arrow.RecordBatch.from_arrays(columns, names=names)

    return apply
