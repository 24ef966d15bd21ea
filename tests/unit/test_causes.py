"""Why a training runs: by hand, by the verdict that asks, or by a week of the case's own time, each once."""

from __future__ import annotations

from lakeloop.core.retraining import Cause
from lakeloop.core.runs import Run
from lakeloop.core.training import CLOCK, VERDICT
from lakeloop.steps.training.prepare import cause_of
from tests.unit.test_ledger import intake, landed
from tests.unit.test_retraining import CASE, D, judged

ASKED = judged(D[0])
QUIET = judged(D[0], word="ok")
FEED = CASE.model_copy(update={"clock": "feed"})
WEEK = "weekly|2024-W09"


def woken(by: str = "") -> Run:
    return Run.model_validate({"case": "toy:CASE", "stage": "train", "run_id": "r", "cause": by})


def cause(run: Run, causes: set[str], *, asks: bool) -> str:
    return cause_of(ASKED if asks else QUIET, CASE, run, judged_causes(causes)).cause


def judged_causes(words: set[str]) -> list[Cause]:
    return [Cause(one, is_judged=True) for one in words]


def test_a_person_needs_no_cause_and_is_never_told_that_it_was_done() -> None:
    assert cause(woken(), {f"verdict|{D[0]}"}, asks=True) == "by hand"


def test_an_asset_trains_for_what_main_asks_and_for_nothing_else() -> None:
    assert cause(woken(VERDICT), set(), asks=True) == f"verdict|{D[0]}"
    assert cause(woken(VERDICT), set(), asks=False) == ""
    assert cause(woken(VERDICT), {f"verdict|{D[0]}"}, asks=True) == ""


def test_the_clock_finds_a_verdict_whose_wake_up_was_lost() -> None:
    assert cause(woken(CLOCK), set(), asks=True) == f"verdict|{D[0]}"
    assert cause(woken(CLOCK), {f"verdict|{D[0]}"}, asks=True).startswith("weekly|")


def test_a_week_of_the_cases_own_time_is_trained_for_once() -> None:
    ledger = judged(D[0], word="ok")
    ledger.landed.update({record.unit: [record] for record in intake("i", landed(D[0])).landed})
    assert cause_of(ledger, FEED, woken(CLOCK), []).cause == WEEK
    assert cause_of(ledger, FEED, woken(CLOCK), [Cause(WEEK, is_judged=False)]).cause == WEEK, "its gates never spoke"
    done = cause_of(ledger, FEED, woken(CLOCK), judged_causes({WEEK}))
    assert (done.cause, done.words) == (
        "",
        f"{WEEK} was trained for already; no verdict on the champion's scores asks for a training",
    )
