"""Whether a model was made again: equal is said only where all is equal, and what differs is said with how much."""

from __future__ import annotations

import pytest

from lakeloop.core.gate_policy import BeatsBaseline, HoldsInSlices
from lakeloop.core.reports import MatrixChangeReport, MatrixReport, RowChange, TrainReport, UnitChange
from lakeloop.core.reproduction import (
    Reproduction,
    Today,
    causes,
    causes_in_fit,
    left_out,
    models_compared,
    not_fitted,
    restated,
    sets_compared,
)
from tests.unit.small_training import FIT_DAYS, FITTED, KNOWN, LATER, measured, split

NOW = Today("code1", "lock1", "sales-1", ("hour",))
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
    ("other", "words"),
    [
        ({"code_version": "new"}, "the code is another one: new, code1 then"),
        ({"lock_digest": ""}, "the lock is another one: none, lock1 then"),
        ({"features": ("dest", "hour")}, "the list of features is another one: dest added"),
        ({"features": ("dest",)}, "the list of features is another one: dest added; hour gone"),
    ],
)
def test_each_cause_is_named_with_how_much(other: dict[str, object], words: str) -> None:
    assert causes(KNOWN, NOW._replace(**other)) == (words,)


def test_of_contracts_only_the_tables_are_named_whose_own_is_another_one() -> None:
    known = KNOWN.model_copy(update={"contract_version": "sales1-shops3", "features": ("hour", "rain")})
    now = NOW._replace(contract_version="sales2-shops3-weather1", features=("rain", "hour"))
    contract, features = causes(known, now)
    assert contract == "the contract is another one: sales2-weather1, sales1 then"
    assert features == "the list of features is another one: in another order"


def test_threads_and_libraries_of_the_fit_are_causes_of_their_own() -> None:
    ran = {"threads": FITTED.threads, "libraries": {"xgboost": "3.1", "numpy": "2.0"}}
    assert causes_in_fit(FITTED, AGAIN.model_copy(update=ran)) == (), "an older record knows no libraries"
    found = FITTED.model_copy(update={"libraries": {"xgboost": "3.0", "numpy": "2.0"}})
    layout, libraries = causes_in_fit(found, AGAIN.model_copy(update=ran | {"threads": FITTED.threads + 1}))
    assert layout == "the layout is another one: 2 threads a worker, 1 then"
    assert libraries == "the libraries are other ones: xgboost 3.1 (3.0 then)"


def test_restated_data_is_told_by_table_in_dates_and_rows() -> None:
    units = (
        UnitChange(table="sales", data_date=FIT_DAYS[1], change=RowChange(changed=2, same=7)),
        UnitChange(table="shops", data_date=FIT_DAYS[0], change=RowChange(removed=9)),
        UnitChange(table="sales", data_date=FIT_DAYS[0], change=RowChange(added=1, changed=1)),
    )
    since = "restated or withdrawn since"
    assert restated(units) == (
        f"sales: 2 dates of what it learnt from, first 2024-05-01, {since}: 1 row added, 3 rows changed, 7 rows the same",
        f"shops: 1 date of what it learnt from, first 2024-05-01, {since}: 9 rows removed",
    )


def test_gates_of_today_on_columns_of_no_record_are_left_out_by_name() -> None:
    gates = (
        HoldsInSlices(by=("hour", "dest")),
        HoldsInSlices(name="whole"),
        BeatsBaseline(name="b", baseline="id", metric="auc"),
    )
    assert left_out(gates, KNOWN, ("id",), "data_date") == ("gate holds_in_slices asks for dest",)


def test_a_model_that_could_not_be_fitted_says_why() -> None:
    assert not_fitted(FITTED, ["hour"]).difference == "not fitted: the code does not compute hour any more"
    assert not_fitted(FITTED, []).difference == "not fitted: there are no rows to fit"
