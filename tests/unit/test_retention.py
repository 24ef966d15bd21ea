"""What is past its time: by whose clock, and what stays whatever its age."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lakeloop.core.contract import Retention
from lakeloop.core.contract_change import compare
from lakeloop.core.deliveries import is_new, refusal_before_write, state_of, to_publish
from lakeloop.core.receipts import RetentionReceipt, UnitRecord
from lakeloop.core.retention import due_evidence, due_landing, now_of
from lakeloop.core.tombstones import dropped, tombstones
from lakeloop.core.use_case import UseCase
from tests.unit.small_ledger import (
    CASE,
    DAY,
    SWEEP,
    VERSION,
    after,
    asked,
    data,
    intake,
    landed,
    names,
    refusal,
    said,
    withdrawal,
)

FIRST, LATER = landed(1, "a"), landed(2, "b", hour=1)
NOW = datetime(DAY.year, DAY.month, DAY.day, tzinfo=UTC) + timedelta(days=8)


def keeping(**more: Any) -> UseCase:
    tables = tuple(one.model_copy(update={"retention": Retention(landing_days=7)}) for one in CASE.tables)
    return CASE.model_copy(update={"tables": tables, **more})


def gone(key: str, *records: UnitRecord) -> RetentionReceipt:
    deliveries = tuple(UnitRecord(**names(one)) for one in records)  # type: ignore[arg-type]
    return RetentionReceipt(**said(key), reason="r", removed=(), deliveries=deliveries)


def going(*receipts: Any, now: datetime = NOW) -> list[int]:
    return [record.delivery for record, _ in due_landing(after(*receipts), keeping(), now)]


def test_bytes_stay_for_as_many_days_as_the_contract_says() -> None:
    history = (intake("i", FIRST), data("d", FIRST))
    assert going(*history) == [1]
    assert going(*history, now=NOW - timedelta(days=1)) == []
    assert list(due_landing(after(*history), CASE, NOW)) == []


@pytest.mark.parametrize(
    ("history", "found"),
    [
        ((intake("i", FIRST),), []),
        ((intake("i", FIRST), refusal("r", FIRST, version="older")), []),
        ((intake("i", FIRST), refusal("r", FIRST)), [1]),
        ((intake("i", FIRST), data("d", FIRST), withdrawal("w", FIRST, "d")), [1]),
        ((intake("i", FIRST), data("d", FIRST), intake("j", LATER)), []),
        ((intake("i", FIRST), data("d", FIRST), intake("j", LATER), data("e", LATER)), [1, 2]),
        ((intake("i", FIRST, LATER), data("e", LATER)), []),
        ((intake("i", FIRST, LATER), data("e", LATER), refusal("s", FIRST, code="superseded")), [1, 2]),
        ((intake("i", FIRST), data("d", FIRST), gone("g", FIRST)), []),
    ],
    ids=["open", "open under a new contract", "refused", "withdrawn", "a newer one is open", "restated",
         "not on record as superseded", "superseded", "gone"],
)  # fmt: skip
def test_no_byte_of_a_unit_goes_while_anything_of_it_is_open(history: tuple[Any, ...], found: list[int]) -> None:
    assert going(*history) == found


def test_a_case_on_the_feeds_time_ages_by_what_arrived() -> None:
    ledger = after(intake("i", FIRST))
    assert now_of(ledger, keeping(clock="feed"), NOW) == FIRST.delivered_at
    assert now_of(ledger, keeping(clock="wall"), NOW) == NOW
    assert now_of(after(), keeping(clock="feed"), NOW) is None


def test_a_delivery_without_bytes_is_never_opened_but_by_a_person_who_reads_why_not() -> None:
    for history in (
        (data("d", FIRST),),
        (refusal("r", FIRST, version="older"),),
        (data("d", FIRST), withdrawal("w", FIRST, "d")),
    ):
        ledger = after(intake("i", FIRST), *history, gone("9" * 64, FIRST))
        assert to_publish(ledger, CASE, SWEEP) == []
        assert state_of(ledger, FIRST, VERSION) in {"published", "refused", "withdrawn"}
        told = refusal_before_write(ledger, FIRST, asked(retry_refused="again"))
        assert told is not None
        assert told.code == "bytes_gone"
        assert "999999999999" in told.message


def test_the_same_bytes_are_news_once_they_are_gone() -> None:
    again = landed(2, "a", hour=5)
    history = (intake("i", FIRST), data("d", FIRST))
    assert not is_new(after(*history), again)
    assert is_new(after(*history, gone("g", FIRST)), again)
    assert not is_new(after(*history, gone("g", FIRST)), landed(0, "a"))  # the very folder that was seen


def test_evidence_of_the_newest_data_receipt_stays_since_it_holds_the_contracts() -> None:
    ledger = after(intake("i", FIRST, LATER), data("d", FIRST), refusal("r", LATER), data("e", LATER))
    assert due_evidence(ledger, CASE, NOW) == {}
    keeping_a_day = CASE.model_copy(update={"evidence_days": 1, "clock": "feed"})
    assert due_evidence(ledger, keeping_a_day, NOW).keys() == {"i", "d", "r"}


def test_days_of_retention_promise_nothing_about_rows() -> None:
    assert compare(CASE.tables, keeping().tables) == []


def entry(*actions: dict[str, Any]) -> bytes:
    return "\n".join(json.dumps(action) for action in actions).encode()


def test_a_file_that_was_put_back_is_no_tombstone() -> None:
    away, back = {"remove": {"path": "x", "deletionTimestamp": 1000}}, {"add": {"path": "x"}}
    assert tombstones([entry(back), entry(away)]) == {"x": datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)}
    assert tombstones([entry(away), entry(back)]) == {}
    assert tombstones([entry(back, away)]) == {}  # a deletion vector: the same file, fewer rows
    assert dropped(entry({"commitInfo": {}}, away)) == ["x"]
    assert dropped(entry(away, back)) is None
