"""Which scores lose their trust by what a person accepted: those that read the very rows, and no others."""

from __future__ import annotations

from datetime import date

import pytest

from lakeloop.core.receipts import Reads, SettledRecord

DAY, OTHER_DAY = date(2024, 1, 1), date(2024, 1, 2)
SOURCES = {"sales": "s1", "returns": "r1"}


def said(*tables: str, trust: str = "degraded") -> SettledRecord:
    return SettledRecord(data_date=DAY, sources=SOURCES, words="", trust=trust, tables=tables)


@pytest.mark.parametrize(
    ("reads", "is_degraded"),
    [
        ({"sales": {"s1": [OTHER_DAY, DAY]}}, True),
        ({"sales": {"s1": [OTHER_DAY]}}, False),
        ({"sales": {"s0": [DAY]}}, False),
        ({"returns": {"r1": [DAY]}}, False),
        ({}, False),
    ],
    ids=["read", "another date", "replaced since", "the other table", "nothing"],
)
def test_scores_that_read_the_rows_at_fault_are_degraded(reads: Reads, is_degraded: bool) -> None:
    assert said("sales").degrades(reads) is is_degraded


def test_what_nobody_had_to_accept_degrades_nothing() -> None:
    assert not said("sales", trust="").degrades({"sales": {"s1": [DAY]}})


def test_a_receipt_that_names_no_table_means_all_that_were_compared() -> None:
    assert said().degrades({"returns": {"r1": [DAY]}})
