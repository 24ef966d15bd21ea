"""A case of one small table, whose days are published by the hundred."""

from lakeloop.core.contract import Column, TableContract
from lakeloop.core.use_case import DriftPolicy, Label, UseCase

READINGS = UseCase(
    name="readings",
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
    features="lakeloop.bench.readings:READINGS",  # never scored
    feature_names=("value",),
    entity=("id",),
    reads=(),
    label=Label(table="readings", expression="CASE WHEN value > 0 THEN 1 ELSE 0 END"),
    clock="feed",
    drift=DriftPolicy(),
)
SUITE = {
    "name": "readings.readings",
    "expectations": [
        {"type": "expect_column_values_to_be_between", "kwargs": {"column": name, "min_value": 1}}
        for name in ("row_count", "completeness__id", "key_uniqueness")
    ],
}
