"""Gates: a challenger passes only what was measured and shown; each gate is seen to bite."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from lakeloop.core.evaluation import CalibrationBin, DayMetrics, Evaluation, SliceMetrics
from lakeloop.core.gate_policy import (
    DEFAULTS,
    BeatsBaseline,
    BeatsChampion,
    Calibrated,
    FitsSignature,
    Gate,
    HoldsInSlices,
    LeaksNothing,
    with_defaults,
)
from lakeloop.core.gates import judge_gates, may_promote, warns
from lakeloop.core.signature import Feature
from lakeloop.core.use_case import UseCase
from lakeloop.steps.training.judging import asks_why
from tests.unit.small_training import CASE
from tests.unit.test_ledger import after, promotion

FIRST = date(2013, 5, 1)
NUMBERS = (Feature(name="hour", kind="number"), Feature(name="temp", kind="number"))
SKY = Feature(name="sky", kind="text")
POLICY = with_defaults(
    (
        BeatsBaseline(name="ranks_better", baseline="carrier", metric="auc", margin=0.02),
        BeatsBaseline(name="surer_than_carrier", baseline="carrier", metric="log_loss"),
    ),
    without=(),
)


def days(model: str, auc: float | None, loss: float, count: int = 14, swing: float = 0.0) -> list[DayMetrics]:
    """The same numbers each day, the loss swinging between odd and even days."""
    return [
        DayMetrics(
            data_date=FIRST + timedelta(days=at), model=model, rows=900, positives=200, auc=auc,
            log_loss=loss + (swing if at % 2 else -swing),
        )
        for at in range(count)
    ]  # fmt: skip


def slice_of(carrier: str, **numbers: Any) -> SliceMetrics:
    return SliceMetrics(column="carrier", value=carrier, **numbers)


def measured(**other: Any) -> Evaluation:
    """A challenger that passes everything, with what a test wants otherwise."""
    good: dict[str, Any] = {
        "days": tuple(
            days("challenger", 0.76, 0.44)
            + days("champion", 0.74, 0.46)
            + days("carrier", 0.58, 0.50)
            + days("logistic", 0.7, 0.47)
        ),
        "calibration": (
            CalibrationBin(rows=500, mean_score=0.1, positives=52),
            CalibrationBin(rows=500, mean_score=0.4, positives=190),
        ),
        "slices": (
            slice_of("UA", rows=800, challenger=0.45, champion=0.46, base_rate=0.5),
            SliceMetrics(column="origin", value="JFK", rows=900, challenger=0.46, champion=0.45, base_rate=0.5),
            slice_of("OO", rows=3, challenger=2.0, champion=0.1, base_rate=0.1),
        ),
        "feature_auc": {"hour": 0.63, "temp": 0.51, "sky": 0.55},
        "model_features": (*NUMBERS, Feature(name="sky", kind="text", learnt=3, unseen=0.5)),
        "live_features": (*NUMBERS, Feature(name="sky", kind="text")),
        "fit_seconds": 20.0,
        "model_bytes": 900_000,
        "newest_day": FIRST,
        "business_day": FIRST + timedelta(days=16),
        "lost": (),
        "champion": 3,
    }
    return Evaluation(**(good | other))


def outcomes(evaluation: Evaluation, policy: tuple[Gate, ...] = POLICY) -> dict[str, str]:
    return {one.name: one.outcome for one in judge_gates(policy, evaluation)}


def replaced(model: str, by: list[DayMetrics]) -> tuple[DayMetrics, ...]:
    return (*(one for one in measured().days if one.model != model), *by)


def test_a_challenger_that_shows_everything_may_become_champion() -> None:
    results = judge_gates(POLICY, measured())
    assert {one.outcome for one in results} == {"pass"}, [one.words for one in results]
    assert may_promote(results)
    assert not warns(results)


BITES: list[tuple[str, str, dict[str, Any]]] = [
    ("ranks_better", "fail", {"days": replaced("challenger", days("challenger", 0.595, 0.44))}),
    ("surer_than_carrier", "fail", {"days": replaced("challenger", days("challenger", 0.76, 0.505))}),
    ("better_than_logistic", "fail", {"days": replaced("logistic", days("logistic", 0.761, 0.47))}),
    ("better_than_logistic", "fail", {"days": replaced("logistic", [])}),
    ("better_than_champion", "fail", {"days": replaced("champion", days("champion", 0.80, 0.43))}),
    ("better_than_champion", "warn", {"days": replaced("champion", days("champion", 0.74, 0.445, swing=0.1))}),
    ("better_than_champion", "warn", {"champion": None}),
    ("better_than_champion", "fail", {"days": replaced("champion", days("champion", 0.74, 0.46, count=3))}),
    ("calibrated", "fail", {"calibration": (CalibrationBin(rows=500, mean_score=0.5, positives=100),)}),
    ("holds_in_slices", "fail", {
        "slices": (*measured().slices, slice_of("EV", rows=700, challenger=0.6, champion=0.5, base_rate=0.55))
    }),
    ("holds_in_slices", "fail", {"slices": ()}),
    ("holds_in_slices", "fail", {"slices": measured().slices[-1:]}),  # three rows
    ("leaks_nothing", "fail", {"feature_auc": {"hour": 0.63, "temp": 0.995, "sky": 0.55}}),
    ("leaks_nothing", "fail", {"feature_auc": {"hour": 0.63}}),
    ("fits_signature", "fail", {"live_features": (SKY, *NUMBERS)}),
    ("fits_signature", "fail", {"live_features": ()}),
    ("fits_signature", "fail", {"live_features": (*NUMBERS, SKY.model_copy(update={"kind": "number"}))}),
    ("fits_signature", "fail", {"model_features": (*NUMBERS, SKY)}),  # of which nobody measured what it never saw
    ("within_budget", "fail", {"fit_seconds": 4000.0}),
    ("within_budget", "fail", {"model_bytes": 10**9}),
    ("fresh", "fail", {"newest_day": FIRST - timedelta(days=60)}),
    ("read_nothing_withdrawn", "fail", {"lost": ("weather 2013-04-02",)}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "outcome", "fault"), BITES)
def test_each_gate_bites_on_its_own_fault_and_no_other_does(name: str, outcome: str, fault: dict[str, Any]) -> None:
    found = outcomes(measured(**fault))
    others = {one: said for one, said in found.items() if one != name and said != "pass"}
    assert found[name] == outcome
    assert not {
        one for one in others if one not in {"ranks_better", "surer_than_carrier", "better_than_logistic", "better_than_champion"}
    }


@pytest.mark.parametrize(
    ("live", "words"),
    [
        ((NUMBERS[1], NUMBERS[0], SKY), "they come in another order"),
        ((NUMBERS[0], SKY), "temp is not computed"),
        ((*NUMBERS, SKY, Feature(name="wind", kind="number")), "wind was not learnt"),
        ((*NUMBERS, Feature(name="sky", kind="number")), "sky was learnt as a text and is a number"),
    ],
)
def test_the_gate_says_what_the_file_asks_for_otherwise(live: tuple[Feature, ...], words: str) -> None:
    (result,) = judge_gates([FitsSignature()], measured(live_features=live))
    assert result.words == f"the model's file asks for other features than the case computes: {words}"


def _off_by(error: float) -> dict[str, Any]:
    return {"calibration": (CalibrationBin(rows=1000, mean_score=0.2 + error, positives=200),)}


def _behind_by(loss: float, rows: int = 200) -> dict[str, Any]:
    worse = slice_of("EV", rows=rows, challenger=0.5 + loss, champion=0.5, base_rate=0.55)
    return {"slices": (*measured().slices, worse)}


def test_every_kind_of_gate_is_seen_to_bite() -> None:
    kinds = {gate.name: gate.kind for gate in POLICY}
    assert {kinds[name] for name, outcome, _ in BITES if outcome == "fail"} == {gate.kind for gate in DEFAULTS}


@pytest.mark.parametrize("default", DEFAULTS, ids=lambda gate: gate.name)
def test_a_default_stays_beside_a_cases_own_gates_and_goes_only_by_its_name(default: Gate) -> None:
    own = BeatsBaseline(name="own", baseline="carrier", metric="auc")
    assert default in with_defaults((), ())
    assert default in with_defaults((own,), ())
    assert default not in with_defaults((own,), (default.name,))
    assert with_defaults(with_defaults((own,), (default.name,)), (default.name,)) == with_defaults((own,), (default.name,))


def test_a_case_states_a_default_otherwise_by_a_gate_of_its_kind() -> None:
    own = (
        Calibrated(bound=0.1),
        LeaksNothing(name="no_answer", auc=0.9),
        BeatsBaseline(name="x", baseline="logistic", metric="auc"),
    )
    found = with_defaults(own, ())
    assert found[:3] == own
    assert [gate.kind for gate in found].count("calibration") == 1
    assert {gate.name for gate in DEFAULTS} - {gate.name for gate in found} == {"leaks_nothing", "better_than_logistic"}
    case = CASE.model_copy(update={"gates": own})
    assert type(case).model_validate(case.model_dump()).gates == found


@pytest.mark.parametrize(
    ("own", "without", "words"),
    [
        ((), ("calibration",), "which are better_than_logistic, .*, but not calibration"),
        ((Calibrated(bound=0.1),), ("calibrated",), "`gates` states calibrated, and `without_gates` drops it"),
        ((BeatsBaseline(name="fresh", baseline="a", metric="auc"),), (), "two gates are called fresh"),
    ],
)
def test_gates_that_contradict_each_other_are_no_case(own: tuple[Gate, ...], without: tuple[str, ...], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        type(CASE).model_validate(CASE.model_dump() | {"gates": own, "without_gates": without})


def test_a_hold_out_too_short_for_the_comparison_with_a_champion_is_no_case() -> None:
    def case(held_out: int, *gates: Gate, without: tuple[str, ...] = ()) -> UseCase:
        asked = {"holdout_days": held_out, "gates": gates, "without_gates": without}
        return UseCase.model_validate(CASE.model_dump() | asked)

    words = r"shops: its gate better_than_champion compares .* on 7 days or more .*`holdout_days` is 6.*`holdout_days=7`"
    with pytest.raises(ValueError, match=words):
        case(6)
    with pytest.raises(ValueError, match=r"its gate beats .* on 9 days or more .*`BeatsChampion\(fewest_days=8\)`"):
        case(8, BeatsChampion(name="beats", fewest_days=9))
    assert case(7).holdout_days == 7
    assert case(6, BeatsChampion(fewest_days=6)).holdout_days == 6
    assert case(1, without=("better_than_champion",)).holdout_days == 1


def test_the_confidence_of_a_gain_is_the_gates_own_and_ninety_per_cent_unless_it_says_otherwise() -> None:
    swinging = measured(days=replaced("champion", days("champion", 0.74, 0.46, swing=0.08)))
    told = {share: judge_gates([BeatsChampion(confidence=share)], swinging)[0] for share in (0.8, 0.9, 0.99)}
    assert [told[share].outcome for share in (0.8, 0.99)] == ["pass", "warn"]
    assert judge_gates([BeatsChampion()], swinging)[0] == told[0.9]
    assert told[0.9].evidence["confidence"] == 0.9


def test_a_gain_of_one_week_of_two_may_be_chance_as_days_in_a_row_are_alike() -> None:
    alike, better = days("champion", 0.74, 0.44, count=7), days("champion", 0.74, 0.46)[7:]
    assert outcomes(measured(days=replaced("champion", alike + better)), (BeatsChampion(),)) == {"better_than_champion": "warn"}
    turns = [each for pair in zip(alike, better, strict=True) for each in pair]
    mixed = [one.model_copy(update={"data_date": FIRST + timedelta(days=at)}) for at, one in enumerate(turns)]
    assert outcomes(measured(days=replaced("champion", mixed)), (BeatsChampion(),)) == {"better_than_champion": "pass"}


def test_no_gate_compares_a_single_day() -> None:
    with pytest.raises(ValueError, match="greater than or equal to 2"):
        BeatsChampion(fewest_days=1)


def _alone(auc: float) -> dict[str, Any]:
    return {"feature_auc": {"hour": auc, "temp": 0.5, "sky": 0.5}}


@pytest.mark.parametrize(
    ("name", "inside", "outside"),
    [
        ("calibrated", _off_by(0.059), _off_by(0.061)),
        ("fresh", {"business_day": FIRST + timedelta(days=45)}, {"business_day": FIRST + timedelta(days=46)}),
        ("within_budget", {"fit_seconds": 1800.0}, {"fit_seconds": 1801.0}),
        ("within_budget", {"model_bytes": 199_000_000}, {"model_bytes": 201_000_000}),
        (
            "better_than_champion",
            {"days": replaced("champion", days("champion", 0.74, 0.46, count=7))},
            {"days": replaced("champion", days("champion", 0.74, 0.46, count=6))},
        ),
        ("holds_in_slices", _behind_by(0.019), _behind_by(0.021)),
        ("holds_in_slices", _behind_by(1.0, rows=199), _behind_by(1.0, rows=200)),
        ("leaks_nothing", _alone(0.99), _alone(0.991)),
        (
            "fits_signature",
            {"model_features": (*NUMBERS, SKY.model_copy(update={"unseen": 0.5}))},
            {"model_features": (*NUMBERS, SKY.model_copy(update={"unseen": 0.51}))},
        ),
        (
            "ranks_better",
            {"days": replaced("carrier", days("carrier", 0.739, 0.5))},
            {"days": replaced("carrier", days("carrier", 0.741, 0.5))},
        ),
    ],
)  # fmt: skip
def test_each_bound_stands_where_it_is_declared(name: str, inside: dict[str, Any], outside: dict[str, Any]) -> None:
    assert (outcomes(measured(**inside))[name], outcomes(measured(**outside))[name]) == ("pass", "fail")


def test_a_column_of_which_no_slice_is_large_enough_passes_nothing() -> None:
    small = tuple(one.model_copy(update={"rows": 199}) if one.column == "carrier" else one for one in measured().slices)
    (result,) = judge_gates([HoldsInSlices(by=("carrier", "origin"))], measured(slices=small))
    assert (result.outcome, "no slice of carrier has 200 rows" in result.words) == ("fail", True), result.words


@pytest.mark.parametrize("gate", POLICY, ids=lambda gate: gate.name)
def test_what_was_not_measured_passes_no_gate(gate: Gate) -> None:
    (result,) = judge_gates([gate], Evaluation(days=(), champion=3))
    assert result.outcome == "fail", result.words


def test_a_gain_is_needed_even_where_the_margin_is_zero() -> None:
    same = (*days("challenger", 0.7, 0.5), *days("carrier", 0.7, 0.5), *days("champion", 0.7, 0.5))
    gates = (BeatsBaseline(name="b", baseline="carrier", metric="auc"), BeatsChampion())
    assert outcomes(measured(days=same), gates) == {"b": "fail", "better_than_champion": "fail"}


def test_days_that_one_of_two_models_lacks_are_not_compared() -> None:
    later = [one.model_copy(update={"data_date": one.data_date + timedelta(days=7)}) for one in days("champion", 0.7, 0.46)]
    evaluation = measured(days=(*days("challenger", 0.76, 0.44), *later))
    assert len(evaluation.pairs("challenger", "champion", "log_loss")) == 7


@pytest.mark.parametrize(
    ("champion", "warned", "narrowed", "words"),
    [
        (True, False, "", ""),
        (True, True, "", "better_than_champion warned"),
        (True, False, "2013-01-01 to 2013-05-01", "its hold-out is not the newest days: 2013-01-01 to 2013-05-01 was asked for"),
        (True, True, "2013", "better_than_champion warned; its hold-out is not the newest days: 2013 was asked for"),
        (False, True, "", "a first model never promotes itself"),
    ],
)
def test_a_person_is_asked_where_a_gate_warns_and_where_somebody_chose_what_it_is_judged_on(
    champion: bool, warned: bool, narrowed: str, words: str
) -> None:
    chance = {"days": replaced("champion", days("champion", 0.74, 0.445, swing=0.1))} if warned else {}
    ledger = after(promotion()) if champion else after()
    assert asks_why(judge_gates(POLICY, measured(**chance)), ledger, CASE, narrowed) == words


def test_a_person_is_asked_before_every_promotion_where_the_case_says_so() -> None:
    always = CASE.model_copy(update={"ask": "always"})
    asked = asks_why(judge_gates(POLICY, measured()), after(promotion()), always)
    assert asked == "the case has a person asked before every promotion"


def test_without_gates_nobody_is_promoted() -> None:
    assert not may_promote(judge_gates([], measured()))
    assert not may_promote([])
