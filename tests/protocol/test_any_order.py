"""The same deliveries in another order, in other runs, end in the same rows, owners and scores: on the real lake."""

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from lakeloop.steps.history import read_ledger
from lakeloop.steps.platform import Platform
from tests.protocol.delta_runner import FAULT
from tests.protocol.world import (
    DAY_ONE,
    Address,
    Rows,
    assert_whole,
    crowned,
    deliver,
    ingest_all,
    score_all,
    scored_ids,
    slices,
    trusts,
    watch_all,
)

D0, D1, D2, D3, D4 = (DAY_ONE + timedelta(days=n) for n in range(5))


class Sent(NamedTuple):
    """One delivery of a day, by the hour at which it says it was sent."""

    day: date
    rows: Rows
    hour: int
    damaged: bool = False
    number: int = 0  # of its folder in the feed; the next one


FIRST, REPAIR, WRONG = Sent(D1, {1: 1.0, 2: 2.0}, 0), Sent(D1, {1: 1.5, 2: 2.0, 3: 3.0}, 2), Sent(D1, {1: FAULT, 2: 2.0}, 3)
TORN, SMALL, OTHER = Sent(D1, {1: 9.0, 2: 9.0}, 4, damaged=True), Sent(D2, {1: 1.0}, 0), Sent(D2, {5: 5.0, 6: 6.0}, 1)
EARLY, LATE = Sent(D3, {1: 3.0, 2: 3.0}, 6), Sent(D3, {1: 3.5, 2: 3.5, 4: 4.0}, 12)  # four hours before the prediction, two after
ONE, TWIN = Sent(D4, {1: 7.0, 2: 7.0}, 6, number=1), Sent(D4, {1: 8.0, 2: 8.0, 8: 8.0}, 6, number=2)  # sent at the same time
ORDERS: Sequence[Sequence[Sequence[Sent]]] = (
    [[FIRST, REPAIR, WRONG, TORN, SMALL, OTHER, EARLY, LATE, ONE, TWIN]],
    [[FIRST, ONE], [REPAIR, SMALL, EARLY], [WRONG, LATE], [OTHER, TORN, TWIN]],
    [[OTHER, TORN, TWIN], [WRONG, SMALL, LATE], [REPAIR, ONE], [FIRST, EARLY]],
)


def test_any_order_in_any_runs_ends_with_the_same_rows_owners_and_scores(new_address: Callable[[], Address]) -> None:
    ends = [_end(new_address(), order) for order in ORDERS]
    assert ends[0] == ends[1] == ends[2]
    assert ends[0].trusts == {day: {"trusted"} for day in (D1, D2, D3, D4)}
    assert (ends[0].scored[D3], ends[0].scored[D4]) == ([1, 2, 4], [1, 2, 8])


class End(NamedTuple):
    """What main holds in the end; which run and number it came by is history's own."""

    rows: dict[tuple[str, str], Any]
    owners: dict[date, tuple[str, datetime]]
    trusts: dict[date, set[str]]
    scored: dict[date, list[int]]


def _end(address: Address, runs: Sequence[Sequence[Sent]]) -> End:
    """What main holds after these runs, each with its night's scores and verdicts."""
    p = crowned(address, D0, {1: 1.0, 2: 2.0})
    for run in runs:
        for sent in run:
            deliver(address, sent.day, sent.rows, later=sent.hour - 6, damaged=sent.damaged, number=sent.number)
        _night(p)
    _night(p)  # what a withdrawal freed
    _night(p)  # what that put behind it is told
    assert ingest_all(p)["nothing_to_do"]
    assert_whole(p)
    owners = [stack[-1].record for stack in read_ledger(p.lake, "toy").owners.values()]
    return End(
        p.tables.fingerprints("main", slices(D1, D2, D3, D4), without=["run_key", "delivery"]),
        {one.data_date: (one.sha256, one.available_at) for one in owners}, trusts(p), scored_ids(p),
    )  # fmt: skip


def _night(p: Platform) -> None:
    ingest_all(p)
    score_all(p)
    watch_all(p)
