"""A case small enough for a cycle a second: one table that scores read today and over three days back."""

from lakeloop.core.use_case import Column, DriftPolicy, Label, Lookback, TableContract, UseCase

TOY = UseCase(
    name="toy",
    tables=(
        TableContract(
            name="readings",
            columns=(
                Column(name="id", type="int", required=True),
                Column(name="value", type="double", required=True),
            ),
            key=("id",),
        ),
    ),
    features="tests.protocol.toy:features",
    feature_names=("value",),
    entity=("id",),
    reads=(Lookback(table="readings", first=0, last=0), Lookback(table="readings", first=3, last=1)),
    label=Label(table="readings", expression="CASE WHEN value > 0 THEN 1 ELSE 0 END"),
    clock="feed",
    drift=DriftPolicy(act="auto", minimum_rows=1, minimum_history=0),
)
