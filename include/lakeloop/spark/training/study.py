"""One Optuna study: the case's own parameters first, then those that a seeded sampler proposes, one after another."""

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import optuna
from optuna.study import StudyDirection
from optuna.trial import TrialState

from lakeloop.core.tuning import Parameters, Real, Stopped, Trial, Tuning, Whole

Attempt = Callable[[Parameters], float]
Heard = Callable[[Trial], None]
_log = logging.getLogger(__name__)
_STATES = {"complete": TrialState.COMPLETE, "pruned": TrialState.PRUNED, "failed": TrialState.FAIL}


class TrialFailed(Exception):
    """One set of parameters could not be fitted or measured; the others still may."""


def search(
    tuning: Tuning, own: Parameters, attempt: Attempt, heard: Heard, clock: Callable[[], float] = time.monotonic
) -> tuple[tuple[Trial, ...], Stopped]:
    """Every trial in the order they were made, and what ended the search; `heard` gets each as it ends.

    `attempt` gives the metric of a set of parameters, and is asked once for each set: one that is proposed again is pruned.
    The budget is wall clock (`clock`, in seconds): after it no trial begins, one that runs is waited for.

    Raises:
        TrialFailed: the case's own parameters failed: there is nothing to compare others with.
    """
    ends = clock() + tuning.minutes * 60
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    towards = StudyDirection.MAXIMIZE if tuning.metric == "auc" else StudyDirection.MINIMIZE
    study = optuna.create_study(direction=towards, sampler=optuna.samplers.TPESampler(seed=tuning.seed))
    study.enqueue_trial({name: own[name] for name in tuning.space.ranges})
    done: list[Trial] = []
    while len(done) < tuning.most_trials:
        if done and clock() >= ends:
            return tuple(done), "budget"
        asked = study.ask()
        trial = _tried(asked, tuning, attempt, done, clock)
        study.tell(asked, trial.value, state=_STATES[trial.state])
        done.append(trial)
        _log.info("trial %d of at most %d: %s", trial.number, tuning.most_trials, _words(trial, tuning))
        heard(trial)
        if trial.number == 0 and trial.value is None:
            raise TrialFailed(trial.words)
    return tuple(done), "trials"


def _tried(asked: Any, tuning: Tuning, attempt: Attempt, done: list[Trial], clock: Callable[[], float]) -> Trial:
    params = {name: _suggested(asked, name, each) for name, each in tuning.space.ranges.items()}
    started, since = datetime.now(UTC), clock()
    if twin := next((one for one in done if one.params == params), None):
        words = f"the same parameters as trial {twin.number}"
        return Trial(number=asked.number, state="pruned", params=params, started=started, seconds=0, words=words)
    value, words = None, ""
    try:
        value = attempt(params)
    except TrialFailed as error:
        words = str(error)
    state = "failed" if value is None else "complete"
    seconds = round(clock() - since, 3)
    return Trial(number=asked.number, state=state, params=params, value=value, started=started, seconds=seconds, words=words)


def _suggested(asked: Any, name: str, one: Whole | Real) -> int | float:
    if isinstance(one, Whole):
        return int(asked.suggest_int(name, one.low, one.high, log=one.log))
    return float(asked.suggest_float(name, one.low, one.high, log=one.log))


def _words(trial: Trial, tuning: Tuning) -> str:
    told = ", ".join(f"{name} {value:g}" for name, value in trial.params.items())
    came = f"{tuning.metric} {trial.value:.5f}" if trial.value is not None else f"{trial.state}, {trial.words}"
    return f"{told}: {came} ({trial.seconds:.1f} s)"
