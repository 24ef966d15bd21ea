"""How much each feature alone tells of the label: one that tells nearly all knows what no prediction can know."""

import math
from typing import NamedTuple

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from lakeloop.core.errors import LeakageFound
from lakeloop.core.gate_policy import LeaksNothing
from lakeloop.core.lake import DATE_COLUMN
from lakeloop.core.use_case import UseCase

MOST_ROWS = 500_000  # a leak shows in a part of the rows; which rows is a hash of entity and date, so it is the same part again
_PARTS = 1_000_000
_FOLDS = 5


def aucs_alone(examples: DataFrame, case: UseCase, rows: int) -> dict[str, float]:
    """The AUC of each feature by itself, at least .5; of `rows` labelled rows, or of MOST_ROWS of them.

    Numbers are compared as floats, as the model sees them, and exactly; rows without one stand below or above all others,
    whichever tells more, since a model may send them either way. A text stands where the label's rate of its value is
    (`_rated`). A feature is left out where one of the two classes is absent.
    """
    told = F.array(*(_told(name, case) for name in case.feature_names))
    values = _part(examples, case, rows).select(F.col(case.label.name).alias("label"), F.inline(told))
    sums = F.sum("label").alias("late"), F.sum(1 - F.col("label")).alias("fine")
    counts = values.groupBy("name", "value", "text", "fold").agg(*sums)
    counts = _rated(counts) if case.categories else counts
    before = Window.partitionBy("name").orderBy("value").rowsBetween(Window.unboundedPreceding, -1)
    below = F.coalesce(F.sum(F.when(F.col("value").isNotNull(), F.col("fine"))).over(before), F.lit(0.0))
    ranked = counts.withColumn("won", F.col("late") * (below + F.col("fine") / 2))
    is_there = F.col("value").isNotNull()
    found = ranked.groupBy("name").agg(
        *(F.sum(F.when(is_there, F.col(name))).alias(name) for name in ("late", "fine", "won")),
        *(F.sum(F.when(~is_there, F.col(name))).alias(f"null_{name}") for name in ("late", "fine")),
    )
    sides = {row["name"]: _Counts(*(row[name] or 0.0 for name in _Counts._fields)) for row in found.collect()}
    aucs = {name: (_auc_by_rate if name in case.categories else _auc)(of) for name, of in sides.items()}
    return {name: aucs[name] for name in case.feature_names if not math.isnan(aucs.get(name, math.nan))}


def check_leaks(aucs: dict[str, float], case: UseCase) -> None:
    """Refuse features that are the answer.

    Raises:
        LeakageFound: a feature's AUC alone is above the bound of the case's gate, or of the default one where it has none;
            nothing was fitted.
    """
    bound = min((gate.auc for gate in case.gates if isinstance(gate, LeaksNothing)), default=LeaksNothing().auc)
    if leaking := {name: auc for name, auc in aucs.items() if auc > bound}:
        told = ", ".join(f"{name} ({auc:.4f})" for name, auc in leaking.items())
        message = (
            f"{told} of {case.name} alone ranks {case.label.name} with an AUC above {bound:g}: that is no feature but the "
            f"answer; nothing was fitted. Next: find in {case.features} where it reads what is only known later"
        )
        raise LeakageFound(message)


class _Counts(NamedTuple):
    """Positives and negatives with a value, the pairs that positives win among them, and those without a value."""

    late: float
    fine: float
    won: float
    null_late: float
    null_fine: float


def _auc(of: _Counts) -> float:
    pairs = (of.late + of.null_late) * (of.fine + of.null_fine)
    if not pairs:
        return math.nan
    even = of.null_late * of.null_fine / 2
    with_nulls = (of.won + of.late * of.null_fine + even, of.won + of.null_late * of.fine + even)
    return max(max(won / pairs, 1 - won / pairs) for won in with_nulls)


def _auc_by_rate(of: _Counts) -> float:
    """Not to be turned round, a rate is the way it is: of pairs, one row late and one fine, each would have the other's."""
    pairs = of.late * of.fine
    return max(of.won / pairs, 0.5) if pairs else math.nan


def _told(name: str, case: UseCase) -> Column:
    """A feature of a row: a number, or a text and the fold that its row is in."""
    is_text, none = name in case.categories, F.lit(None)
    fold = F.pmod(F.xxhash64(F.lit(_FOLDS), *case.entity, DATE_COLUMN), F.lit(_FOLDS))
    return F.struct(
        F.lit(name).alias("name"), (none.cast("float") if is_text else _as_float(name)).alias("value"),
        (F.col(name) if is_text else none).cast("string").alias("text"), (fold if is_text else none).cast("int").alias("fold"),
    )  # fmt: skip


def _rated(counts: DataFrame) -> DataFrame:
    """The counts with each text, null among them, as the label's rate of its value in the *other* folds.

    By its own rows a value of one row would be its label, and every name a leak; by Laplace's rule one that the other folds do
    not have has the rate 1/2, so a column of names says nothing.
    """
    same = Window.partitionBy("name", "text", "value")
    late, fine = (F.sum(name).over(same) - F.col(name) for name in ("late", "fine"))
    rate = F.when(F.col("fold").isNotNull(), (late + 1) / (late + fine + 2)).otherwise(F.col("value"))
    sums = F.sum("late").alias("late"), F.sum("fine").alias("fine")
    return counts.withColumn("value", rate).groupBy("name", "value").agg(*sums)


def _as_float(name: str) -> Column:
    """Null where it is not a number: a NaN is no value to a model either."""
    value = F.col(name).cast("float")
    return F.when(~F.isnan(value), value)


def _part(examples: DataFrame, case: UseCase, rows: int) -> DataFrame:
    if rows <= MOST_ROWS:
        return examples
    place = F.pmod(F.xxhash64(*case.entity, DATE_COLUMN), F.lit(_PARTS))
    return examples.where(place < MOST_ROWS * _PARTS // rows)
