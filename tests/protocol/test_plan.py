"""A dry run walks the way of a run: it says what that would do, and leaves the lake as it was."""

from collections import Counter
from datetime import timedelta
from typing import Any

from lakeloop.steps.plan import is_open, plan
from lakeloop.steps.platform import Platform
from tests.protocol.delta_runner import FAULT
from tests.protocol.world import DAY_ONE, Address, deliver, found, ingest_all, run, taken_back

D1, D2, D3 = (DAY_ONE + timedelta(days=n) for n in range(3))
A, B = {1: 1.0, 2: 2.0}, {1: 10.0, 2: 20.0}
RANGE = {"date_from": D1, "date_to": D2}


def planned(p: Platform, **more: Any) -> dict[tuple[int, int], str]:
    """(day, delivery) to what would be done."""
    done = plan(p, run("ingest", **{**RANGE, **more}))
    return {(unit.record.data_date.day, unit.record.delivery): unit.doing for unit in done.units}


def test_a_dry_run_says_what_a_run_then_does_and_writes_nothing(address: Address) -> None:
    p = found(address)
    deliver(address, D1, A)
    ingest_all(p)
    deliver(address, D1, B, later=1)
    deliver(address, D2, A, later=2)
    deliver(address, D2, B, damaged=True)
    deliver(address, D3, A)
    head = p.lake.head("main")
    assert planned(p) == {(1, 2): "restate", (2, 2): "publish", (2, 1): "refuse"}
    assert (p.lake.head("main"), list(p.lake.branches("run-"))) == (head, [])
    done = ingest_all(p, **RANGE)
    assert (done["published"], done["refused"]) == (2, 1)
    after = plan(p, run("ingest", **RANGE))
    assert (after.units, Counter(after.untouched)) == ((), Counter({"published": 2, "superseded": 1, "refused": 1}))
    assert not is_open(p, run("ingest", **RANGE))
    assert is_open(p, run("ingest"))


def test_what_a_person_opens_is_named_as_such(address: Address) -> None:
    p = taken_back(address, D2, A, {1: FAULT, 2: 1.0})
    assert planned(p) == {}
    assert planned(p, reinstate="checked") == {(2, 1): "reinstate"}


def test_another_table_s_deliveries_stay_out_of_it(address: Address) -> None:
    p = found(address)
    deliver(address, D1, A)
    assert planned(p, table="readings") == {(1, 1): "publish"}
