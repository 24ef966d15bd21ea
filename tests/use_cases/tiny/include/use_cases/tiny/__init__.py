"""Three ice cream shops: will a shop sell out today?"""

from lakeloop.core.contract import Column, ExpectedKeys, TableContract
from lakeloop.core.gate_policy import BeatsBaseline, BeatsChampion, LeaksNothing
from lakeloop.core.use_case import DriftPolicy, Label, Lookback, UseCase, XGBoost

SHOPS = ("harbour", "market", "station")
_SHOP = Column(name="shop", type="string", required=True, allowed=SHOPS)

TINY = UseCase(
    name="tiny",
    tables=(
        TableContract(
            name="forecasts",
            columns=(
                _SHOP,
                Column(name="celsius", type="double", required=True, minimum=-60, maximum=60),
                Column(name="visitors", type="int", minimum=0),
                Column(name="opens", type="timestamp"),
            ),
            key=("shop",),
            expected=ExpectedKeys(source="fixed", count=3),
            quarantine_limit=0.4,
        ),
        TableContract(
            name="sales",
            columns=(_SHOP, Column(name="sold_out", type="int", minimum=0, maximum=1)),
            key=("shop",),
            lag_days=1,
            expected=ExpectedKeys(source="table", table="forecasts"),
        ),
    ),
    features="use_cases.tiny.features:shop_features",
    feature_names=("celsius", "visitors", "usual"),
    entity=("shop",),
    reads=(Lookback(table="forecasts", first=0, last=0), Lookback(table="sales", first=14, last=1)),
    label=Label(table="sales", expression="sold_out"),
    model=XGBoost(max_depth=2, n_estimators=5, min_child_weight=0),
    gates=(
        BeatsBaseline(name="ranks_better_than_the_shops_rate", metric="auc", baseline="shop"),
        BeatsChampion(fewest_days=2),
        LeaksNothing(auc=1.0),
    ),
    without_gates=("better_than_logistic", "calibrated", "holds_in_slices"),  # of six rows, which a line parts as well
    holdout_days=2,
    drift=DriftPolicy(minimum_rows=3),  # a day has no more
    clock="feed",  # its days are of 2024
)
