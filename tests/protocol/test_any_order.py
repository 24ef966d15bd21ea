"""The same deliveries in another order, in other runs, end in the same rows: on the real lake."""

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import Any, NamedTuple

from tests.protocol.delta_runner import FAULT
from tests.protocol.world import DAY_ONE, Address, Rows, assert_whole, crowned, deliver, ingest_all, score_all, slices, watch_all

D0, D1, D2 = (DAY_ONE + timedelta(days=n) for n in range(3))


class Sent(NamedTuple):
    """One delivery of a day, by the hour at which it says it was sent."""

    day: date
    rows: Rows
    hour: int
    damaged: bool = False


FIRST, REPAIR, WRONG = Sent(D1, {1: 1.0, 2: 2.0}, 0), Sent(D1, {1: 1.5, 2: 2.0, 3: 3.0}, 2), Sent(D1, {1: FAULT, 2: 2.0}, 3)
TORN, SMALL, OTHER = Sent(D1, {1: 9.0, 2: 9.0}, 4, damaged=True), Sent(D2, {1: 1.0}, 0), Sent(D2, {5: 5.0, 6: 6.0}, 1)
ORDERS: Sequence[Sequence[Sequence[Sent]]] = (
    [[FIRST, REPAIR, WRONG, TORN, SMALL, OTHER]],
    [[FIRST], [REPAIR, SMALL], [WRONG], [OTHER, TORN]],
    [[OTHER, TORN], [WRONG, SMALL], [REPAIR], [FIRST]],
)


def test_any_order_in_any_runs_ends_with_the_same_rows(new_address: Callable[[], Address]) -> None:
    ends = [_end(new_address(), order) for order in ORDERS]
    assert ends[0] == ends[1] == ends[2]
    assert {day: found.rows for (_, day), found in ends[0].items()} == {D1.isoformat(): 3, D2.isoformat(): 2}


def _end(address: Address, runs: Sequence[Sequence[Sent]]) -> dict[tuple[str, str], Any]:
    """What main holds after these runs, each with its night's scores and verdicts; which run and number is history's own."""
    p = crowned(address, D0, {1: 1.0, 2: 2.0})
    for run in runs:
        for sent in run:
            deliver(address, sent.day, sent.rows, later=sent.hour - 6, damaged=sent.damaged)
        ingest_all(p)
        score_all(p)
        watch_all(p)
    ingest_all(p)  # what a withdrawal freed
    assert_whole(p)
    return p.tables.fingerprints("main", slices(D1, D2), without=["run_key", "delivery"])
