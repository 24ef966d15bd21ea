"""Encodings at the border to Spark: learnt from the rows of a fit, kept inside the model's file, applied to any frame."""

from collections.abc import Sequence

import xgboost
from pydantic import ValidationError
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from lakeloop.core.encodings import Encodings, learned
from lakeloop.core.errors import ConfigurationError

ATTRIBUTE = "lakeloop_encodings"  # of the booster: one file, one sha256, one truth


def learn(frame: DataFrame, names: Sequence[str]) -> Encodings:
    """What each category's values are in these rows; one look at them, and none where there is no category."""
    if not names:
        return Encodings()
    stacked = frame.select(
        F.explode(F.array(*(F.struct(F.lit(name).alias("name"), F.col(name).alias("value")) for name in names)))
    )
    counted = stacked.select("col.*").where("value IS NOT NULL").groupBy("name", "value").count().collect()
    return learned({name: {row["value"]: row["count"] for row in counted if row["name"] == name} for name in names})


def encoded(frame: DataFrame, encodings: Encodings) -> DataFrame:
    """The frame with numbers in the place of the categories; null where a value is null or was never seen."""
    numbers = {name: _number(name, values) for name, values in encodings.values.items()}
    return frame.withColumns(numbers) if numbers else frame  # Spark refuses to add nothing


def unseen(frame: DataFrame, encodings: Encodings) -> dict[str, float]:
    """By category the share of its values in these rows that training never saw; 0 where the rows have none."""
    numbers = {name: _number(name, values) for name, values in encodings.values.items()}
    if not numbers:
        return {}
    strange = [
        (F.count_if(F.col(name).isNotNull() & number.isNull()) / F.greatest(F.count(name), F.lit(1))).alias(name)
        for name, number in numbers.items()
    ]
    row = frame.agg(*strange).collect()[0]
    return {name: float(row[name]) for name in numbers}


def keep(booster: xgboost.Booster, encodings: Encodings) -> None:
    """Write the encodings into the booster, so that its file carries them; a model without any stays as it is."""
    if encodings.values:
        booster.set_attr(**{ATTRIBUTE: encodings.model_dump_json()})


def kept_in(model: bytes) -> Encodings:
    """The encodings that a model's file carries."""
    text = xgboost.Booster(model_file=bytearray(model)).attr(ATTRIBUTE)
    try:
        return Encodings.model_validate_json(text) if text else Encodings()
    except ValidationError as error:
        message = f"the model's {ATTRIBUTE} cannot be read: {error.errors()[0]['msg']}; nothing was scored. Next: train again."
        raise ConfigurationError(message) from error


def check_learnt(encodings: Encodings, categories: Sequence[str]) -> None:
    """Refuse a model that learnt other categories than the case gives."""
    if set(encodings.values) != set(categories):
        message = (
            f"the model learnt the categories {sorted(encodings.values)}, the case gives {sorted(categories)}; "
            "nothing was scored. Next: train again."
        )
        raise ConfigurationError(message)


def _number(name: str, values: Sequence[str]) -> Column:
    if not values:
        return F.lit(None).cast("double")
    pairs = [part for number, value in enumerate(values) for part in (F.lit(value), F.lit(float(number)))]
    return F.try_element_at(F.create_map(*pairs), F.col(name))
