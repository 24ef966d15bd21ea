"""Which dates later tables settle: those they are compared with for the first time, by receipt."""

from __future__ import annotations

from datetime import date

from lakeloop.core.lake import UnitId
from lakeloop.core.ledger import Ledger, Owner
from lakeloop.core.receipts import SettledRecord
from lakeloop.core.runs import Run
from lakeloop.core.settling import to_settle
from tests.protocol.toy import TOY

D1, D2 = date(2024, 1, 1), date(2024, 1, 2)


def ledger(**owners: str) -> Ledger:
    """A ledger whose first date's tables belong to these receipts."""
    held = Ledger("head")
    for table, receipt in owners.items():
        held.owners.setdefault(UnitId(table, D1), []).append(Owner(None, receipt, "", ""))  # type: ignore[arg-type]
    return held


def run(**more: date) -> Run:
    return Run(case="toy", stage="watch", run_id="r", **more)  # type: ignore[arg-type]


def test_a_date_is_settled_when_both_tables_are_there() -> None:
    assert to_settle(ledger(readings="a"), TOY, run()) == {}
    assert to_settle(ledger(checks="b"), TOY, run()) == {}
    assert to_settle(ledger(readings="a", checks="b"), TOY, run()) == {D1: {"readings": "a", "checks": "b"}}


def test_what_was_settled_is_settled_again_only_by_other_receipts() -> None:
    held = ledger(readings="a", checks="b")
    sources = {"readings": "a", "checks": "b"}
    held.settled[(D1, frozenset(sources.items()))] = SettledRecord(data_date=D1, sources=sources, words="")
    assert to_settle(held, TOY, run()) == {}
    held.owners.setdefault(UnitId("checks", D1), []).append(Owner(None, "c", "", ""))  # type: ignore[arg-type]
    assert to_settle(held, TOY, run()) == {D1: {"readings": "a", "checks": "c"}}


def test_a_run_over_a_range_settles_its_dates_only() -> None:
    assert to_settle(ledger(readings="a", checks="b"), TOY, run(date_from=D2, date_to=D2)) == {}
