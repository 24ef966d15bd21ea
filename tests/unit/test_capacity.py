"""What cannot run is refused before it starts."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from lakeloop.core.capacity import bytes_needed, check_capacity
from lakeloop.core.errors import InvalidInput
from lakeloop.core.use_case import XGBoost
from lakeloop.core.words import counted


def test_a_fit_that_fits_is_let_through() -> None:
    check_capacity(rows=240_000, features=20, workers=2, threads=1, cores=2, free=8 * 2**30)
    check_capacity(rows=240_000, features=20, workers=2, threads=2, cores=4, free=8 * 2**30)


@pytest.mark.parametrize(("workers", "threads"), [(3, 1), (2, 2)])
def test_more_threads_than_cores_would_wait_for_ever(workers: int, threads: int) -> None:
    asks = f"asks for {workers} workers of {counted(threads, 'thread')} and Spark has 2 cores.*LAKELOOP_SPARK_CORES"
    with pytest.raises(InvalidInput, match=asks):
        check_capacity(rows=10, features=2, workers=workers, threads=threads, cores=2, free=8 * 2**30)


def test_more_rows_than_memory_are_refused_with_both_figures() -> None:
    needed = bytes_needed(2_400_000, 30, 2)
    check_capacity(rows=2_400_000, features=30, workers=2, threads=1, cores=2, free=needed)
    with pytest.raises(InvalidInput, match=r"2,400,000 rows of 30 features takes about \d\.\d GiB .* nothing was fitted"):
        check_capacity(rows=2_400_000, features=30, workers=2, threads=1, cores=2, free=needed - 1)


def test_a_hyperparameter_that_nobody_knows_is_refused_where_the_case_is_written() -> None:
    with pytest.raises(ValidationError, match=r"learning_rte\n  Extra inputs are not permitted"):
        XGBoost.model_validate({"learning_rte": 0.3})
