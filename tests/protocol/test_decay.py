"""A champion that ranks worse than its hold-out promised: scores are published as degraded, and a training is asked for."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from lakeloop.core.retraining import asked_by_verdict
from lakeloop.core.use_case import Label, QualityPolicy
from lakeloop.steps.history import read_ledger
from lakeloop.steps.platform import Platform
from tests.protocol.delta_runner import DeltaRunner
from tests.protocol.toy import TOY
from tests.protocol.world import (
    DAY_ONE,
    Address,
    alerts,
    assert_whole,
    crown,
    deliver,
    found,
    ingest_all,
    score_all,
    trusts,
    verdict_rows,
    watch_all,
)

D1, D2, D3, D4, D5 = (DAY_ONE + timedelta(days=n) for n in range(5))
READINGS = {1: 1.0, 2: 2.0, 3: 3.0}
RIGHT, WRONG = {1: -1.0, 2: -1.0, 3: 1.0}, {1: 1.0, 2: -1.0, 3: -1.0}  # the highest score is the positive, or the lowest
POLICY = TOY.drift.model_copy(update={"settlements": (), "quality": QualityPolicy(days=2, fewest_days=2)})


def scored(at: Address, holdout_auc: float | None = 0.8) -> Platform:
    """A world whose labels come two days after the readings, with a champion and two published nights of scores."""
    p = found(at)
    case = TOY.model_copy(update={"label": Label(table="checks", expression="IF(value > 0, 1, 0)"), "drift": POLICY})
    p = replace(p, case=case)
    assert isinstance(p.spark, DeltaRunner)
    p.spark.labels = "checks"
    deliver(at, D1, READINGS)
    ingest_all(p)
    crown(p, holdout_auc=holdout_auc)
    for day in (D2, D3):
        judged(at, p, day)
    return p


def judged(at: Address, p: Platform, day: date) -> bool:
    """A night arrives, is scored and judged; whether the watch asks for a training."""
    deliver(at, day, READINGS)
    ingest_all(p)
    score_all(p)
    return bool(watch_all(p)["retrains"])


def label(at: Address, p: Platform, *labels: dict[int, float]) -> None:
    """The labels of the second and the third night arrive."""
    for day, rows in zip((D2, D3), labels, strict=False):
        deliver(at, day, rows, table="checks")
    ingest_all(p)


def test_a_worn_champion_publishes_as_degraded_and_asks_for_a_training(address: Address) -> None:
    p = scored(address)
    label(address, p, WRONG, WRONG)
    assert judged(address, p, D4)
    assert (verdict_rows(p)[-1], trusts(p)[D4]) == ((str(D4), "decay"), {"degraded"})
    (alert,) = (one for one in alerts(p) if one.title == f"toy {D4}: decay")
    words = f"AUC is 0.000 on 2 dates with labels ({D2} to {D3}), its hold-out had 0.800 (bound 0.700)"
    assert (alert.severity, words in alert.body["cause"]) == ("warning", True)
    assert "toy__train" in alert.body["next"]
    assert asked_by_verdict(read_ledger(p.lake, "toy"), p.case, ()).cause == f"verdict|{D4}"
    assert_whole(p)


@pytest.mark.parametrize(
    ("labels", "holdout_auc"), [([RIGHT, RIGHT], 0.8), ([WRONG], 0.8), ([WRONG, WRONG], None)],
    ids=["as good as promised", "one date with labels is too few", "nobody wrote down what was promised"],
)  # fmt: skip
def test_without_evidence_of_decay_the_verdict_is_ok(
    address: Address, labels: list[dict[int, float]], holdout_auc: float | None
) -> None:
    p = scored(address, holdout_auc)
    label(address, p, *labels)
    assert not judged(address, p, D4)
    assert (verdict_rows(p)[-1], trusts(p)[D4]) == ((str(D4), "ok"), {"trusted"})


def test_a_new_champion_is_not_blamed_for_the_scores_of_the_one_before(address: Address) -> None:
    p = scored(address)
    label(address, p, WRONG, WRONG)
    judged(address, p, D4)
    crown(p, version=2, holdout_auc=0.8)
    assert not judged(address, p, D5)
    assert verdict_rows(p)[-1] == (str(D5), "ok")
    assert asked_by_verdict(read_ledger(p.lake, "toy"), p.case, ()).cause == ""
