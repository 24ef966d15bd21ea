"""A try beside the champion's record: nothing is said where nothing moved, and each thing that moved is said by itself."""

from __future__ import annotations

import pytest

from lakeloop.core.evaluation import CHALLENGER, CHAMPION, DayMetrics, Evaluation, SliceMetrics
from lakeloop.core.gate_policy import BeatsChampion, HoldsInSlices
from lakeloop.core.gates import GateResult, judge_gates
from lakeloop.core.reports import MatrixChangeReport, RowChange
from lakeloop.core.score_moves import ScoreMovesReport
from lakeloop.core.trial import (
    ContractTrial,
    DayMove,
    FeatureMove,
    Reread,
    Trial,
    days_beside,
    features_moved,
    metrics_beside,
    settings_changed,
    slices_beside,
    with_champion,
)
from tests.unit.small_training import LATER, measured

DAY = LATER[0]
STILL = ScoreMovesReport(rows=6, only_before=0, only_after=0)
SAME = Trial(
    model="shops", commit="c0ffee" * 10, champion=3, splits=(), rows=RowChange(same=27), scores=STILL,
    is_same_model=True, days=(DayMove(data_date=DAY, metric="auc", before=0.7, after=0.7),),
)  # fmt: skip
READ = Reread(table="sales", first=DAY, last=DAY, dates=1, rows_in=3, published=(3, 3), quarantined=(0, 0))


def sliced(**losses: float) -> Evaluation:
    groups = [
        SliceMetrics(column="shop", value=name, rows=9, challenger=loss, champion=None, base_rate=0.6)
        for name, loss in losses.items()
    ]
    return measured().model_copy(update={"slices": tuple(groups)})


def test_what_is_as_it_was_changes_nothing() -> None:
    assert SAME.changes_nothing
    assert SAME.verdict == "shops tried on c0ffeec0ffee beside version 3: nothing changes. Nothing was published."
    assert SAME.model_copy(update={"contract": ContractTrial(changes=(), tables=(READ,))}).changes_nothing


@pytest.mark.parametrize(
    "moved",
    [
        {"rows": RowChange(changed=1, same=26)},
        {"rows": None},
        {"features": (FeatureMove(name="hour", what="added"),)},
        {"settings": ("max_depth 5 becomes 6",)},
        {"scores": ScoreMovesReport(rows=6, only_before=0, only_after=0, mean=1e-9, largest=1e-8)},
        {"scores": ScoreMovesReport(rows=5, only_before=1, only_after=0)},
        {"scores": None},
        {"is_same_model": False},
        {"is_same_model": None},
        {"champion": None},
        {"days": (DayMove(data_date=DAY, metric="auc", before=0.7, after=0.7000001),)},
        {"contract": ContractTrial(changes=(), tables=(READ,), not_covered=("sales: 20 of 21 published dates stay",))},
        {"contract": ContractTrial(changes=(), tables=(READ.model_copy(update={"published": (3, 2)}),))},
        {"contract": ContractTrial(changes=(), tables=(READ.model_copy(update={"refused": ("2024-05-01: header",)}),))},
        {"contract": ContractTrial(changes=(), tables=(READ.model_copy(update={"reasons": {"range:celsius": (0, 1)}}),))},
        {"contract": ContractTrial(changes=(), tables=(READ.model_copy(update={"change": RowChange(changed=1)}),))},
    ],
)
def test_each_move_alone_is_a_change(moved: dict[str, object]) -> None:
    assert not SAME.model_copy(update=moved).changes_nothing


def test_the_champions_record_stands_in_the_gates_as_the_champion() -> None:
    both = with_champion(measured(auc=0.75, log_loss=0.45), measured(auc=0.7, log_loss=0.5), 1)
    auc, loss = metrics_beside(both)
    assert (auc.before, auc.after, auc.gain, auc.days) == (pytest.approx(0.7), pytest.approx(0.75), pytest.approx(0.05), 2)
    assert (loss.gain, loss.low, loss.high) == (pytest.approx(0.05), pytest.approx(0.05), pytest.approx(0.05)), (
        "less loss is a gain"
    )
    (judged,) = judge_gates([BeatsChampion(fewest_days=2)], both)
    assert judged.outcome == "pass"
    (alone,) = judge_gates([BeatsChampion(fewest_days=2)], with_champion(measured(), None, None))
    assert (alone.outcome, "no champion" in alone.words) == ("warn", True)


def test_an_equal_model_gains_exactly_nothing() -> None:
    for one in metrics_beside(with_champion(measured(), measured(), 1)):
        assert (one.before == one.after, one.gain, one.low, one.high) == (True, 0.0, 0.0, 0.0)


def test_without_a_champion_there_are_metrics_and_no_gain() -> None:
    auc, _ = metrics_beside(measured(auc=0.7))
    assert (auc.before, auc.after, auc.gain, auc.days) == (None, pytest.approx(0.7), None, 0)


def test_a_day_that_one_side_lacks_is_shown_and_not_paired() -> None:
    before = Evaluation(days=(DayMetrics(data_date=LATER[1], model=CHALLENGER, rows=9, positives=0, auc=None, log_loss=0.4),))
    both = with_champion(measured(), before, 1)
    assert both.daily(CHAMPION, "auc") == {}
    assert [(one.data_date, one.metric, one.before) for one in days_beside(both)] == [
        (LATER[0], "auc", None), (LATER[0], "log_loss", None), (LATER[1], "auc", None), (LATER[1], "log_loss", 0.4),
    ]  # fmt: skip
    assert [one.days for one in metrics_beside(both)] == [0, 1]


def test_slices_come_by_what_they_lost_and_strangers_last() -> None:
    both = with_champion(sliced(harbour=0.5, market=0.9, station=0.6, pier=2.0), sliced(harbour=0.6, market=0.8, station=0.2), 1)
    found = slices_beside(both)
    assert [one.value for one in found] == ["station", "market", "harbour", "pier"]
    assert (found[0].worse_by, found[3].before, found[3].worse_by) == (pytest.approx(0.4), None, None)
    (judged,) = judge_gates([HoldsInSlices(by=("shop",), fewest_rows=1)], both)
    assert "worst of 4 slices is shop pier" in judged.words


def test_features_are_added_removed_or_changed_with_rows_and_distance() -> None:
    changes = MatrixChangeReport(
        rows=RowChange(changed=27), columns={"new": 27, "gone": 27, "hour": 4, "sold_out": 5}, largest={"hour": 2.5}
    )
    assert features_moved(("hour", "gone", "same"), ("hour", "same", "new"), changes) == (
        FeatureMove(name="new", what="added"), FeatureMove(name="gone", what="removed"),
        FeatureMove(name="sold_out", what="changed", rows=5), FeatureMove(name="hour", what="changed", rows=4, largest=2.5),
    )  # fmt: skip


def test_a_parameter_that_is_another_one_is_said_with_both() -> None:
    assert settings_changed({"max_depth": 5, "seed": 7}, {"max_depth": 6, "seed": 7}) == ("max_depth 5 becomes 6",)


def test_the_verdict_names_what_moved_and_which_gate_would_stop_it() -> None:
    both = with_champion(measured(auc=0.6), measured(auc=0.7), 1)
    moved = SAME.model_copy(
        update={
            "rows": RowChange(changed=4, same=23), "features": (FeatureMove(name="hour", what="changed", rows=4),),
            "metrics": metrics_beside(both), "gates": (GateResult(name="calibrated", outcome="fail", words=""),),
            "contract": ContractTrial(changes=(), tables=(READ.model_copy(update={"published": (3, 2)}),)),
        }
    )  # fmt: skip
    assert moved.verdict == (
        "shops tried on c0ffeec0ffee beside version 3: the contract moves rows of sales; 4 rows changed, 23 rows the same; "
        "1 column changed (hour); auc gain -0.1000 [-0.1000, -0.1000] a day; log_loss gain +0.0000 [+0.0000, +0.0000] a day; "
        "1 gate would fail (calibrated). Nothing was published."
    )
    first = Trial(model="shops", commit="c" * 64, champion=None, splits=(), metrics=metrics_beside(measured()))
    assert "without a champion to stand beside: auc 0.7000; log_loss 0.5000; no gate would fail" in first.verdict
