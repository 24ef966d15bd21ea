"""A case small enough for a cycle a second: readings that scores read today and over three days back, and checks of them."""

from lakeloop.core.contract import Column, TableContract
from lakeloop.core.gate_policy import DEFAULTS, BeatsBaseline, BeatsChampion
from lakeloop.core.use_case import DriftPolicy, Label, Lookback, Settlement, UseCase

_COLUMNS = (Column(name="id", type="int", required=True), Column(name="value", type="double", required=True))

TOY = UseCase(
    name="toy",
    tables=(
        TableContract(name="readings", columns=_COLUMNS, key=("id",)),
        TableContract(name="checks", columns=_COLUMNS, key=("id",), lag_days=2),
    ),
    features="tests.protocol.toy:features",
    feature_names=("value",),
    entity=("id",),
    reads=(Lookback(table="readings", first=0, last=0), Lookback(table="readings", first=3, last=1)),
    label=Label(table="readings", expression="CASE WHEN value > 0 THEN 1 ELSE 0 END"),
    gates=(
        BeatsBaseline(name="ranks_better", metric="auc", baseline="id"),
        BeatsChampion(name="beats_champion", metric="auc"),
    ),
    without_gates=tuple(gate.name for gate in DEFAULTS if gate.kind != "champion"),  # it fits nothing
    clock="feed",
    drift=DriftPolicy(
        settlements=(
            Settlement(name="value", table="readings", later="checks", on=("id",), error="0", bound=0, hint="a sensor"),
        ),
        act="auto", minimum_rows=1, minimum_history=0,
    ),
)  # fmt: skip
