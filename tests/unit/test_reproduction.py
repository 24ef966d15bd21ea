"""Whether a model was made again: equal is said only where all is equal, and what differs is said with how much."""

from __future__ import annotations

import pytest

from lakeloop.core.reports import MatrixChangeReport, MatrixReport, RowChange, TrainReport
from lakeloop.core.reproduction import Reproduction, causes, layout_cause, models_compared, sets_compared
from tests.unit.small_training import FIT_DAYS, FITTED, KNOWN, LATER, measured, split

NOW = {"code_version": "code1", "lock_digest": "lock1", "contract_version": "sales-1", "features": "hour"}
AGAIN = TrainReport(
    model_file="m", sha256=FITTED.sha256, evaluation=measured(), fit_days=(), histogram=(), importance={}, sampled=1,
    threads=1, seconds={},
)  # fmt: skip


def test_all_that_is_equal_is_equal() -> None:
    compared = (*sets_compared(KNOWN, MatrixReport(fit=KNOWN.fit, holdout=KNOWN.holdout), None), *models_compared(FITTED, AGAIN))
    assert Reproduction(model="shops", version=3, compared=compared, causes=causes(KNOWN, NOW)).is_equal
    assert causes(KNOWN, NOW) == ()


def test_other_rows_are_told_by_row_and_column() -> None:
    written = MatrixReport(fit=split(FIT_DAYS, 1201, "c"), holdout=split(LATER, 400, "b"))
    changes = MatrixChangeReport(rows=RowChange(added=1, changed=3, same=1597), columns={"hour": 3})
    fit, holdout = sets_compared(KNOWN, written, changes)
    assert fit.difference == "1 row added, 3 rows changed, 1597 rows the same (hour in 3)"
    assert holdout.is_equal


@pytest.mark.parametrize(
    ("again", "what", "told"),
    [
        ({"sha256": "f" * 64}, "model bytes, sha256", "1000 bytes, 1000 recorded"),
        ({"evaluation": measured(auc=0.75)}, "auc by day", "up to 5.00e-02 on a day"),
        ({"evaluation": measured(log_loss=0.6)}, "log_loss by day", "up to 1.00e-01 on a day"),
    ],
)
def test_each_difference_is_seen_by_itself(again: dict[str, object], what: str, told: str) -> None:
    differing = [one for one in models_compared(FITTED, AGAIN.model_copy(update=again)) if not one.is_equal]
    assert [(one.what, one.difference) for one in differing] == [(what, told)]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("code_version", "the code is another one: new, code1 then"),
        ("lock_digest", "the lock is another one: new, lock1 then"),
        ("contract_version", "the contract is another one: new, sales-1 then"),
        ("features", "the list of features is another one: new, hour then"),
    ],
)
def test_each_cause_is_named(name: str, words: str) -> None:
    assert causes(KNOWN, NOW | {name: "new"}) == (words,)


def test_another_number_of_threads_is_a_cause_of_its_own() -> None:
    assert layout_cause(FITTED, AGAIN.model_copy(update={"threads": FITTED.threads})) == ()
    (words,) = layout_cause(FITTED, AGAIN.model_copy(update={"threads": FITTED.threads + 1}))
    assert words.startswith("the layout is another one: 2 threads a worker, 1 then")
