"""Categories: learnt from the fit's rows, carried by the model's own file, and applied from it to whatever comes."""

from __future__ import annotations

import numpy as np
import pytest
import xgboost
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from lakeloop.core.encodings import Encodings
from lakeloop.core.errors import ConfigurationError
from lakeloop.core.signature import Feature
from lakeloop.spark.booster import learnt_by, with_scores
from lakeloop.spark.encodings import ATTRIBUTE, encoded, keep, kept_in, learn, unseen

NAMES = ("wind", "airline")
ROWS = [("a", 3.0, "UA"), ("b", 9.0, "B6"), ("c", 1.0, "B6"), ("d", 2.0, None), ("e", 2.0, "AA")]


@pytest.fixture(scope="module")
def frame(spark: SparkSession) -> DataFrame:
    """Five rows with a category."""
    return spark.createDataFrame(ROWS, "id string, wind double, airline string")


@pytest.fixture
def model() -> bytes:
    """A booster that learnt the category, and carries how."""
    values = np.array([[wind, number] for wind in range(10) for number in (0.0, 1.0, 2.0, np.nan)])
    data = xgboost.DMatrix(values, label=np.nan_to_num(values[:, 1], nan=2.0) > 0, feature_names=list(NAMES))
    booster = xgboost.train({"objective": "binary:logistic", "max_depth": 3, "min_child_weight": 0}, data, num_boost_round=5)
    keep(booster, Encodings(values={"airline": ("B6", "AA", "UA")}))
    return bytes(booster.save_raw("ubj"))


def test_what_is_learnt_is_kept_in_the_models_own_bytes(frame: DataFrame, model: bytes) -> None:
    learnt = learn(frame, ("airline",))
    assert learnt.values == {"airline": ("B6", "AA", "UA")}
    assert kept_in(model) == learnt
    assert learn(frame, ()) == Encodings()
    numbers = {row["id"]: row["airline"] for row in encoded(frame, learnt).collect()}
    assert numbers == {"a": 2.0, "b": 0.0, "c": 0.0, "d": None, "e": 1.0}


def test_a_file_says_which_features_it_learnt_and_how_many_values_of_each_text(frame: DataFrame, model: bytes) -> None:
    wind, airline = Feature(name="wind", kind="number"), Feature(name="airline", kind="text", learnt=3)
    assert learnt_by(model) == (wind, airline)
    booster = xgboost.Booster(model_file=bytearray(model))
    booster.feature_types = ["float", "c"]
    keep(booster, Encodings(values={"gate": ("A",)}))
    told = learnt_by(bytes(booster.save_raw("ubj")))
    assert told == (wind, Feature(name="airline", kind="c of XGBoost"), Feature(name="gate", kind="text", learnt=1))
    later = frame.withColumn("airline", F.expr("CASE WHEN id < 'd' THEN 'ZZ' ELSE airline END"))
    assert unseen(later, kept_in(model)) == {"airline": 0.75}, "of the values: a null is none"
    assert unseen(later.where("airline IS NULL"), kept_in(model)) == {"airline": 0.0}
    assert unseen(later, Encodings()) == {}


def test_scores_are_those_of_the_numbers_and_the_unseen_scores_as_the_unknown(frame: DataFrame, model: bytes) -> None:
    unseen = frame.where("id = 'd'").select(F.lit("z").alias("id"), "wind", F.lit("ZZ").alias("airline"))
    found = {row["id"]: row["score"] for row in with_scores(frame.union(unseen), NAMES, model).collect()}
    learnt = kept_in(model)
    values = np.array([[wind, learnt.number("airline", airline)] for _, wind, airline in ROWS], dtype=np.float32)
    expected = xgboost.Booster(model_file=bytearray(model)).predict(xgboost.DMatrix(values, feature_names=list(NAMES)))
    assert found == pytest.approx({row[0]: score for row, score in zip(ROWS, expected, strict=True)} | {"z": expected[3]})
    assert len({round(score, 6) for score in found.values()}) > 1


def test_a_model_of_other_categories_or_with_unreadable_ones_scores_nothing(frame: DataFrame, model: bytes) -> None:
    with pytest.raises(ConfigurationError, match=r"learnt the categories \['airline'\], the case gives \[\].*nothing was scored"):
        with_scores(frame.withColumn("airline", F.lit(1.0)), NAMES, model)
    booster = xgboost.Booster(model_file=bytearray(model))
    booster.set_attr(**{ATTRIBUTE: '{"values": 7}'})
    with pytest.raises(ConfigurationError, match="cannot be read.*nothing was scored"):
        with_scores(frame, NAMES, bytes(booster.save_raw("ubj")))
