"""Gates as a case states them: what a challenger must show before it may become champion."""

from typing import Annotated, Literal

from pydantic import Field

from lakeloop.core.value import Value

Metric = Literal["auc", "log_loss"]
LOGISTIC = "logistic"


class Condition(Value):
    """What every gate has: its name in the verdict, and the columns of the case it is about."""

    name: str

    def columns(self) -> tuple[str, ...]:
        """Entity or feature columns that it needs beside what is always measured."""
        return ()


class BeatsBaseline(Condition):
    """Better than a baseline fitted on the same days: a group's historical rate (`carrier`) or `logistic` regression."""

    kind: Literal["baseline"] = "baseline"
    name: str
    baseline: str  # `logistic`, or the columns of a group, e.g. `carrier` or `carrier,origin`
    metric: Metric
    margin: float = 0.0

    def columns(self) -> tuple[str, ...]:
        """The columns of the group whose rate is the baseline."""
        return () if self.baseline == LOGISTIC else tuple(self.baseline.split(","))


class BeatsChampion(Condition):
    """Better than the champion on the same days, paired day by day; a gain that may be chance warns."""

    kind: Literal["champion"] = "champion"
    name: str = "better_than_champion"
    metric: Metric = "log_loss"
    margin: float = 0.0
    confidence: float = Field(default=0.9, gt=0.5, lt=1)
    fewest_days: int = 7


class Calibrated(Condition):
    """Scores that mean what they say: the expected calibration error stays under a bound."""

    kind: Literal["calibration"] = "calibration"
    name: str = "calibrated"
    bound: float = 0.06


class HoldsInSlices(Condition):
    """No group with enough rows is predicted clearly worse than by its own base rate, or than the champion does."""

    kind: Literal["slices"] = "slices"
    name: str = "holds_in_slices"
    by: tuple[str, ...]
    fewest_rows: int = 200
    worse_by: float = 0.02  # of log loss, in nats a row

    def columns(self) -> tuple[str, ...]:
        """What the rows are grouped by."""
        return self.by


class LeaksNothing(Condition):
    """No feature alone ranks the label almost perfectly: that is no feature, that is the answer."""

    kind: Literal["leakage"] = "leakage"
    name: str = "leaks_nothing"
    auc: float = 0.99


class FitsSignature(Condition):
    """The trained file asks for exactly the features that the case computes today, in their order, number or text as they are.

    A text is learnt by its values: of the hold-out's values at most the share `unseen` may be one that has no number.
    """

    kind: Literal["signature"] = "signature"
    name: str = "fits_signature"
    unseen: float = Field(default=0.5, ge=0, le=1)


class WithinBudget(Condition):
    """Fitting time and size of the model file."""

    kind: Literal["budget"] = "budget"
    name: str = "within_budget"
    seconds: float = 1800
    megabytes: float = 200


class Fresh(Condition):
    """The newest day learnt from is not older than so many days, by the case's own clock."""

    kind: Literal["freshness"] = "freshness"
    name: str = "fresh"
    days: int = 45


class ReadNothingWithdrawn(Condition):
    """Everything the challenger learnt from is still what main holds."""

    kind: Literal["withdrawn"] = "withdrawn"
    name: str = "read_nothing_withdrawn"


Gate = Annotated[
    BeatsBaseline | BeatsChampion | Calibrated | HoldsInSlices | LeaksNothing | FitsSignature | WithinBudget | Fresh
    | ReadNothingWithdrawn,
    Field(discriminator="kind"),
]  # fmt: skip

ALWAYS: tuple[Gate, ...] = (
    BeatsChampion(), Calibrated(), LeaksNothing(), FitsSignature(), WithinBudget(), Fresh(), ReadNothingWithdrawn(),
)  # fmt: skip
