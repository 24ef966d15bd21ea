"""A range in chunks: what is open gets a run, what is under way is followed, and one sentence says what came of it."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from lakeloop.cli.ingest_range import Ended, chunks, conf_of, play, run_of, verdict
from lakeloop.core.errors import InvalidInput

FIRST, LAST = date(2024, 1, 1), date(2024, 1, 7)
DAG = "toy__ingest"


class Airflow:
    """What the command asks of Airflow; the real one plays in tests/integration."""

    def __init__(self, *under_way: dict[str, Any], states: tuple[str, ...] = ("success",) * 9) -> None:
        self.under_way = list(under_way)
        self.triggered: list[dict[str, str]] = []
        self.followed: list[str] = []
        self._states = iter(states)

    def unpause(self, dag_id: str) -> None:
        assert dag_id == DAG

    def runs(self, _dag: str, _limit: int) -> list[dict[str, Any]]:
        return self.under_way

    def trigger(self, _dag: str, conf: dict[str, str], note: str) -> str:
        assert note
        self.triggered.append(conf)
        return f"run-{len(self.triggered)}"

    def wait(self, _dag: str, run: str, _timeout: float) -> str:
        self.followed.append(run)
        return next(self._states)

    def xcom(self, _dag: str, run: str, _task: str) -> dict[str, Any] | None:
        return {"published": 2, "refused": 1, "refusals": ["bad: it is bad"]} if run == "run-1" else None

    def run_page(self, _dag: str, run: str) -> str:
        return f"http://airflow/{run}"


def played(airflow: Airflow, is_open: Any = lambda _: True, **asked: str) -> list[Ended]:
    return play(airflow, DAG, chunks((FIRST, LAST), 3), asked, is_open)  # type: ignore[arg-type]


def test_a_range_is_cut_into_chunks_that_meet_and_do_not_overlap() -> None:
    days = [(first.day, last.day) for first, last in chunks((FIRST, LAST), 3)]
    assert days == [(1, 3), (4, 6), (7, 7)]
    assert chunks((FIRST, FIRST), 31) == [(FIRST, FIRST)]
    with pytest.raises(InvalidInput, match="is after --to"):
        chunks((LAST, FIRST), 3)


def test_a_chunk_with_nothing_open_has_no_run_and_the_others_are_asked_the_same() -> None:
    airflow = Airflow()
    ended = played(airflow, lambda nights: nights[0].day != 4, table="sales", replay="why", reinstate="")
    assert airflow.triggered == [
        {"date_from": "2024-01-01", "date_to": "2024-01-03", "table": "sales", "replay": "why"},
        {"date_from": "2024-01-07", "date_to": "2024-01-07", "table": "sales", "replay": "why"},
    ]
    assert [one.run for one in ended] == airflow.followed == ["run-1", "run-2"]


def test_a_run_that_was_asked_the_same_and_still_goes_is_followed_and_not_doubled() -> None:
    same = {"dag_run_id": "mine", "state": "running", "conf": conf_of((FIRST, date(2024, 1, 3)), {})}
    other = {"dag_run_id": "other", "state": "running", "conf": {"date_from": "2024-01-01", "date_to": "2024-01-02"}}
    over = {"dag_run_id": "over", "state": "success", "conf": conf_of((date(2024, 1, 4), date(2024, 1, 6)), {})}
    airflow = Airflow(same, other, over)
    played(airflow)
    assert airflow.followed == ["mine", "run-1", "run-2"]


def test_a_failed_run_does_not_hold_up_the_next_nights_and_is_named_at_the_end() -> None:
    airflow = Airflow(states=("success", "failed", "success"))
    words = verdict(played(airflow), 4, "look")
    assert words == (
        "2 units published, 1 refused, in 3 runs, 1 run failed (2024-01-04 to 2024-01-06), 1 chunk had nothing open. Next: look"
    )
    assert verdict([], 2, "look") == "0 units published, 0 refused, in 0 runs, 2 chunks had nothing open"


def test_what_no_run_could_be_asked_is_refused_before_anything_is_done() -> None:
    assert run_of("toy:CASE", (FIRST, LAST), {"replay": "why"}, "ann").replay == "why"
    with pytest.raises(InvalidInput, match="nothing was done"):
        run_of("toy:CASE", (FIRST, LAST), {"unknown": "why"}, "ann")
