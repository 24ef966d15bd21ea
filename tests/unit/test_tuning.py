"""Tuning: what may be declared, and a study that never does worse than the case's own parameters."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from lakeloop.core.training import Tuned
from lakeloop.core.tuning import Real, Space, Trial, Tuning, Whole, best, told
from lakeloop.core.use_case import UseCase, XGBoost
from lakeloop.spark.training.study import TrialFailed, search
from tests.unit.small_training import CASE

OWN = {"max_depth": 6, "learning_rate": 0.1}
SPACE = Space(max_depth=Whole(low=2, high=10), learning_rate=Real(low=0.01, high=0.5, log=True))
TUNING = Tuning(space=SPACE, most_trials=12)


def bowl(params: dict[str, Any]) -> float:
    """Best at depth 4 and a rate of .05."""
    return abs(params["max_depth"] - 4) + abs(params["learning_rate"] - 0.05)


def study(
    tuning: Tuning = TUNING, attempt: Callable[[dict[str, Any]], float] = bowl, clock: Callable[[], float] = lambda: 0.0
) -> tuple[tuple[Trial, ...], str]:
    heard: list[Trial] = []
    trials, stopped = search(tuning, {name: OWN[name] for name in tuning.space.ranges}, attempt, heard.append, clock)
    assert tuple(heard) == trials, "each is told as it ends"
    return trials, stopped


@pytest.mark.parametrize(
    ("space", "words"),
    [
        ({}, "a space without a range leaves nothing to tune"),
        ({"depth": {"low": 2, "high": 4}}, "Extra inputs are not permitted"),
        ({"max_depth": {"low": 4, "high": 4}}, "from a lower to a higher number, not from 4 to 4"),
        ({"max_depth": {"low": 8, "high": 2}}, "not from 8 to 2"),
        ({"max_depth": {"low": 2.5, "high": 4}}, "a valid integer"),
        ({"max_depth": {"low": 0, "high": 4}}, "max_depth from 0 to 4: XGBoost takes 1 to 30"),
        ({"learning_rate": {"low": 0.1, "high": 2}}, "learning_rate from 0.1 to 2: XGBoost takes"),
        ({"subsample": {"low": 0, "high": 1}}, "subsample from 0 to 1"),
        ({"min_child_weight": {"low": 0, "high": 10, "log": True}}, "cannot be logarithmic: it begins above 0"),
        ({"learning_rate": {"low": float("nan"), "high": 0.5}}, "not from nan to 0.5"),
    ],
)
def test_a_space_that_cannot_be_searched_is_refused_when_it_is_declared(space: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        Space.model_validate(space)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"minutes": 0}, "greater than 0"),
        ({"minutes": 10_000}, "less than or equal to 240"),
        ({"most_trials": 1}, "greater than or equal to 2"),
        ({"validation_days": 0}, "greater than or equal to 1"),
        ({"metric": "accuracy"}, "'auc' or 'log_loss'"),
    ],
)
def test_a_budget_that_cannot_be_kept_is_refused(wrong: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        Tuning(space=SPACE, **wrong)


def test_a_case_is_held_against_its_tuning() -> None:
    declared = {name: getattr(CASE, name) for name in UseCase.model_fields}
    assert UseCase(**declared | {"tuning": TUNING}).tuning == TUNING
    narrow = Tuning(space=Space(max_depth=Whole(low=2, high=5)))
    with pytest.raises(ValidationError, match="shops: tuning tries max_depth from 2 to 5, which leaves out the model's own 6"):
        UseCase(**declared | {"tuning": narrow})
    long = TUNING.model_copy(update={"validation_days": 7})
    with pytest.raises(ValidationError, match=r"validates on 7 days of the 7 that a training has at least .*none may be left"):
        UseCase(**declared | {"tuning": long})


def test_the_cases_own_parameters_come_first_and_the_winner_is_no_worse() -> None:
    trials, stopped = study()
    assert (trials[0].params, len(trials), stopped) == (OWN, 12, "trials")
    chosen = best(trials, "log_loss")
    assert chosen is not None
    assert (chosen.value or 99) < bowl(OWN), "this bowl is easy"
    assert told(trials, "log_loss").startswith(f"trial {chosen.number} won of 12 trials")


def test_a_seed_gives_the_same_trials_and_another_seed_others() -> None:
    first, again = ([one.params for one in study()[0]] for _ in range(2))
    other = [one.params for one in study(TUNING.model_copy(update={"seed": 8}))[0]]
    assert first == again
    assert (other[0], other[1:] == first[1:]) == (OWN, False)


def test_a_metric_is_turned_the_right_way() -> None:
    tuning = TUNING.model_copy(update={"metric": "auc"})
    trials, _ = study(tuning, lambda params: 1 / (1 + bowl(params)))
    assert best(trials, "auc") == max(trials, key=lambda one: one.value or 0)


def test_after_the_budget_no_trial_begins_and_the_one_that_runs_is_waited_for() -> None:
    now = [0.0]

    def slow(params: dict[str, Any]) -> float:
        now[0] += 50
        return bowl(params)

    trials, stopped = study(TUNING.model_copy(update={"minutes": 2}), slow, lambda: now[0])
    assert ([one.seconds for one in trials], stopped) == ([50, 50, 50], "budget")


def test_a_budget_that_is_over_at_once_still_tries_the_cases_own_parameters() -> None:
    ticks = iter(range(0, 10**9, 10**6))
    trials, stopped = study(clock=lambda: float(next(ticks)))
    assert ([one.params for one in trials], stopped) == ([OWN], "budget")
    assert told(trials, "log_loss").startswith("the case's own parameters stay the best of 1 trial:")


def test_parameters_that_come_again_are_pruned_and_not_fitted_again() -> None:
    asked: list[int] = []

    def once(params: dict[str, Any]) -> float:
        asked.append(params["max_depth"])
        return float(params["max_depth"])

    trials, _ = study(Tuning(space=Space(max_depth=Whole(low=5, high=6)), most_trials=6), once)
    assert sorted(asked) == [5, 6]
    assert {one.state for one in trials} == {"complete", "pruned"}
    assert {one.words for one in trials if one.state == "pruned"} <= {"the same parameters as trial 0"} | {
        f"the same parameters as trial {one.number}" for one in trials if one.state == "complete"
    }
    assert "(4 pruned)" in told(trials, "log_loss")


def test_a_trial_that_fails_is_seen_and_the_others_go_on() -> None:
    def brittle(params: dict[str, Any]) -> float:
        if params["max_depth"] > 6:
            message = "too deep"
            raise TrialFailed(message)
        return bowl(params)

    trials, _ = study(attempt=brittle)
    failed = [one for one in trials if one.state == "failed"]
    assert (len(trials), {(one.value, one.words) for one in failed}) == (12, {(None, "too deep")})
    assert f"{len(failed)} failed" in told(trials, "log_loss")


def test_without_a_value_of_the_cases_own_parameters_nothing_is_compared() -> None:
    def never(_params: dict[str, Any]) -> float:
        message = "one class only"
        raise TrialFailed(message)

    heard: list[Trial] = []
    with pytest.raises(TrialFailed, match="one class only"):
        search(TUNING, OWN, never, heard.append)
    assert [(one.number, one.state) for one in heard] == [(0, "failed")]


def test_what_was_chosen_survives_its_file_to_the_last_digit() -> None:
    trials, stopped = study()
    chosen = best(trials, "log_loss")
    assert chosen is not None
    model = XGBoost.model_validate({**XGBoost().model_dump(), **chosen.params})
    tuned = Tuned(
        run_key="k", tuning=TUNING, validation_dates=(), fit_rows=1, validation_rows=1, model=model, trials=trials,
        stopped=stopped, seconds=1, run_id="r",
    )  # fmt: skip
    again = Tuned.model_validate_json(tuned.model_dump_json(indent=1))
    assert again == tuned
    assert (again.model.learning_rate, again.choice.trial) == (chosen.params["learning_rate"], chosen.number)


@pytest.mark.parametrize("module", ["lakeloop.spark.entry", "lakeloop.steps.training.fit", "use_cases.flights"])
def test_who_does_not_tune_does_not_load_optuna(module: str) -> None:
    code = f"import sys, {module}; sys.exit('optuna' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
