"""Gates as a case states them: what a challenger must show before it may become champion."""

from collections.abc import Sequence
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
    fewest_days: int = Field(default=7, ge=2)  # of one day there is no telling what chance does


class Calibrated(Condition):
    """Scores that mean what they say: the expected calibration error stays under a bound."""

    kind: Literal["calibration"] = "calibration"
    name: str = "calibrated"
    bound: float = 0.06


class HoldsInSlices(Condition):
    """No group with enough rows is predicted clearly worse than by its own base rate, or than the champion does."""

    kind: Literal["slices"] = "slices"
    name: str = "holds_in_slices"
    by: tuple[str, ...] = ()  # each needs a large enough group; none: those of the entity and of the categories that have one
    fewest_rows: int = 200
    worse_by: float = 0.02  # of log loss, in nats a row

    def columns(self) -> tuple[str, ...]:
        """What the rows are grouped by, where it is named."""
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

DEFAULTS: tuple[Gate, ...] = (
    BeatsBaseline(name="better_than_logistic", baseline=LOGISTIC, metric="auc"), BeatsChampion(), Calibrated(), HoldsInSlices(),
    LeaksNothing(), FitsSignature(), WithinBudget(), Fresh(), ReadNothingWithdrawn(),
)  # fmt: skip


def with_defaults(own: Sequence[Gate], without: Sequence[str]) -> tuple[Gate, ...]:
    """A case's own gates, and each default that none of them states otherwise and that is not dropped by its name.

    Raises:
        ValueError: a name in `without` is no default's, or is stated all the same; or two gates have one name.
    """
    known = [gate.name for gate in DEFAULTS]
    if strange := [name for name in without if name not in known]:
        msg = f"`without_gates` names defaults, which are {', '.join(known)}, but not {', '.join(strange)}"
        raise ValueError(msg)
    stated = {default.name for default in DEFAULTS if any(_states(gate, default) for gate in own)}
    if both := sorted(stated.intersection(without)):
        msg = f"`gates` states {', '.join(both)}, and `without_gates` drops it: one of the two"
        raise ValueError(msg)
    found = (*own, *(default for default in DEFAULTS if default.name not in stated.union(without)))
    names = [gate.name for gate in found]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        msg = f"two gates are called {', '.join(twice)}: their answers could not be told apart"
        raise ValueError(msg)
    return found


def _states(own: Gate, default: Gate) -> bool:
    """Whether a case's gate stands in the place of a default: of its kind, and of a baseline against the same one."""
    if isinstance(own, BeatsBaseline) and isinstance(default, BeatsBaseline):
        return own.baseline == default.baseline
    return own.kind == default.kind
