"""How rows in quarantine stand: what later runs, refusals and withdrawals make of what one run left out."""

from collections.abc import Sequence

import pytest

from lakeloop.core.receipts import AnyReceipt
from lakeloop.core.standing import LeftOut, standings
from tests.unit.small_ledger import after, data, intake, landed, refusal, withdrawal

ONE, TWO = landed(), landed(2, "b", hour=1)
LATE = landed(3, "c", hour=-1)  # by its number the newest, by its time the oldest
FIRST = data("first", ONE, quarantined=1)
BOTH, TWICE = (("first", 1), ("second", 2)), (("first", 1), ("again", 1))


@pytest.mark.parametrize(
    ("history", "left_out", "standing"),
    [
        pytest.param([FIRST], [("first", 1)], ["current"], id="published"),
        pytest.param([FIRST, data("again", ONE)], [("first", 1)], ["replaced"], id="replayed"),
        pytest.param([FIRST, data("second", TWO, quarantined=1)], BOTH, ["replaced", "current"], id="restated"),
        pytest.param([FIRST, refusal("second", TWO)], BOTH, ["current", "refused"], id="a refused restatement"),
        pytest.param([FIRST, refusal("again", ONE)], TWICE, ["current", "replaced"], id="a refused replay"),
        pytest.param([refusal("first", ONE), data("second", TWO)], [("first", 1)], ["replaced"], id="a repair"),
        pytest.param([refusal("second", TWO), data("late", LATE)], [("second", 2)], ["refused"], id="an older one came later"),
        pytest.param([refusal("first", ONE), refusal("again", ONE)], TWICE, ["replaced", "refused"], id="refused twice"),
        pytest.param([refusal("first", ONE), data("again", ONE)], [("first", 1)], ["replaced"], id="passed in the end"),
        pytest.param([FIRST, withdrawal("back", ONE, "first")], [("first", 1)], ["withdrawn"], id="withdrawn"),
        pytest.param(
            [FIRST, data("second", TWO, quarantined=1), withdrawal("back", TWO, "second")], BOTH, ["current", "withdrawn"],
            id="withdrawn, and given back to the reading before",
        ),
        pytest.param([FIRST], [("at_work", 1)], ["unmerged"], id="a run on its branch"),
    ],
)  # fmt: skip
def test_rows_in_quarantine_stand_as_main_s_history_has_it(
    history: Sequence[AnyReceipt], left_out: Sequence[tuple[str, int]], standing: list[str]
) -> None:
    kept = [LeftOut(ONE.unit, number, key) for key, number in left_out]
    found = standings(after(intake("i", ONE, TWO, LATE), *history), kept)
    assert [found[one] for one in kept] == standing
