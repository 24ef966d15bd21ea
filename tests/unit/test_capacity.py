"""What cannot run is refused before it starts."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from lakeloop.core.capacity import bytes_needed, check_capacity
from lakeloop.core.errors import InvalidInput
from lakeloop.core.use_case import XGBoost


def test_a_fit_that_fits_is_let_through() -> None:
    check_capacity(rows=240_000, features=20, workers=2, slots=2, free=8 * 2**30)


def test_more_workers_than_slots_would_wait_for_ever() -> None:
    with pytest.raises(InvalidInput, match="asks for 3 workers and Spark runs 2 tasks at once"):
        check_capacity(rows=10, features=2, workers=3, slots=2, free=8 * 2**30)


def test_more_rows_than_memory_are_refused_with_both_figures() -> None:
    needed = bytes_needed(2_400_000, 30, 2)
    check_capacity(rows=2_400_000, features=30, workers=2, slots=2, free=needed)
    with pytest.raises(InvalidInput, match=r"2,400,000 rows of 30 features takes about \d\.\d GiB .* nothing was fitted"):
        check_capacity(rows=2_400_000, features=30, workers=2, slots=2, free=needed - 1)


def test_a_hyperparameter_that_nobody_knows_is_refused_where_the_case_is_written() -> None:
    with pytest.raises(ValidationError, match=r"learning_rte\n  Extra inputs are not permitted"):
        XGBoost.model_validate({"learning_rte": 0.3})
