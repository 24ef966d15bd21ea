"""What scores read of reference tables: the newest delivery known then, written down where a withdrawal finds it."""

from datetime import UTC, datetime, timedelta

import pytest

from lakeloop.core.contract import TableContract
from lakeloop.core.lake import UnitId
from lakeloop.core.reading import newest_known, wanted
from lakeloop.core.use_case import Lookback, UseCase
from lakeloop.core.withdrawal import Condemned, cascade_of
from tests.unit.test_ledger import CASE, COLUMNS, D, after, candidate, data, landed

PLACES = TableContract(name="places", columns=COLUMNS, key=("id",), kind="reference")
WITH_PLACES = CASE.model_copy(update={"tables": (*CASE.tables, PLACES), "references": ("places",)})
MIDNIGHT = datetime(2024, 1, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("available", "expected"),
    [
        ({}, None),
        ({D[0]: MIDNIGHT, D[2]: MIDNIGHT}, D[2]),
        ({D[0]: MIDNIGHT, D[2]: MIDNIGHT + timedelta(seconds=1)}, D[0]),
        ({D[0]: MIDNIGHT, D[5]: MIDNIGHT}, D[0]),
        ({D[5]: MIDNIGHT}, None),
    ],
    ids=["none", "newest", "newest came too late", "of a later date", "only of a later date"],
)
def test_the_newest_delivery_known_at_the_prediction(available: dict[object, datetime], expected: object) -> None:
    assert newest_known(available, D[4], MIDNIGHT) == expected  # type: ignore[arg-type]


def test_a_date_reads_the_newest_delivery_of_a_reference_and_no_other() -> None:
    ledger = after(
        data("r1", landed(D[0], table="places")), data("r3", landed(D[2], table="places")),
        data("late", landed(D[3], table="places", hour=72)), data("r9", landed(D[8], table="places")),
    )  # fmt: skip
    assert wanted(ledger, WITH_PLACES, [D[4]])["places"] == [D[2]]
    assert wanted(ledger, WITH_PLACES, [D[1], D[4]])["places"] == [D[0], D[2]]
    assert "places" not in wanted(ledger, CASE, [D[4]])


def test_a_withdrawn_reference_delivery_finds_the_scores_that_read_it() -> None:
    ledger = after(data("r1", landed(D[0], table="places")), data("r3", landed(D[2], table="places")))
    scored = []
    for day in (D[1], D[4]):
        reads = ledger.reads_of(wanted(ledger, WITH_PLACES, [day]), WITH_PLACES.prediction_time(day))
        scored.append(candidate(f"s{day.day}", day, reads={day: reads}))
    assert cascade_of(ledger, [Condemned(UnitId("places", D[2]), "r3", "x")], scored).dropped == ("s5",)
    assert cascade_of(ledger, [Condemned(UnitId("places", D[0]), "r1", "x")], scored).dropped == ("s2",)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"references": ("inputs",)}, "'inputs' is a daily table"),
        ({"references": ("nothing",)}, "'nothing' is no table"),
        ({"reads": (Lookback(table="places", first=0, last=0),)}, "'places' is a reference table"),
    ],
)
def test_a_case_that_reads_a_table_as_what_it_is_not_is_not_built(more: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        UseCase.model_validate(WITH_PLACES.model_dump() | more)
