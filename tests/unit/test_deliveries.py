"""Which arrivals are new, which deliveries are open, and what a person's word opens again: without any server."""

import pytest

from lakeloop.core.deliveries import is_new, next_number, refusal_before_write, reinstated, retried, state_of, to_publish, work_of
from lakeloop.core.ledger import Ledger
from lakeloop.core.receipts import LandedRecord
from lakeloop.core.runs import Run
from tests.unit.small_ledger import (
    CASE,
    OTHER_DAY,
    SWEEP,
    VERSION,
    after,
    asked,
    data,
    intake,
    landed,
    refusal,
    withdrawal,
)


def code_of(ledger: Ledger, record: LandedRecord, run: Run = SWEEP) -> str:
    refused = refusal_before_write(ledger, record, run)
    return refused.code if refused else ""


def test_what_was_damaged_is_not_what_comes_whole_and_a_corrected_promise_is_new_too() -> None:
    damaged = landed(damage="too short")
    assert not is_new(after(intake("i", damaged)), landed(0, damage="too short"))
    assert is_new(after(intake("i", damaged)), landed(0))
    assert is_new(after(intake("i", landed())), landed(0, rows=3))


def test_the_same_bytes_under_another_name_are_no_work_once_published_and_tried_while_they_are_not() -> None:
    first, renamed = landed(), landed(0).model_copy(update={"files": ("g",)})
    assert is_new(after(intake("i", first)), renamed)
    assert not is_new(after(intake("i", first), data("d", first)), renamed)


def test_what_was_taken_a_moment_ago_counts_as_seen() -> None:
    ledger, first = after(), landed()
    assert not is_new(ledger, landed(0), [first])
    assert is_new(ledger, landed(0, "b"), [first])
    assert next_number(ledger, landed(0, "b"), [first]) == 2
    held = after(intake("i", first), data("d", first))
    assert is_new(held, landed(0, "a", hour=2), [landed(2, "b", hour=1)])  # A is held, but B comes before this A
    assert is_new(held, landed(0, "a", hour=2), [landed(2, "b")])


@pytest.mark.parametrize("numbers", [(1, 2), (2, 1)])
def test_of_two_deliveries_of_one_time_the_feed_says_which_is_newer_whichever_arrived_first(numbers: tuple[int, int]) -> None:
    lesser, greater = landed(numbers[0], "b", folder="9"), landed(numbers[1], "a", folder="10")
    assert to_publish(after(intake("i", lesser), data("d", lesser), intake("j", greater)), CASE, SWEEP) == [greater]
    held = after(intake("i", greater), data("d", greater), intake("j", lesser))
    assert (state_of(held, lesser, VERSION), code_of(held, lesser)) == ("superseded", "superseded")
    told = refusal_before_write(held, lesser, SWEEP)
    assert told is not None
    assert "was sent at the same time and stands in the feed before what main holds" in told.message


def test_a_copy_further_on_in_the_feed_is_news_only_behind_something_else_of_its_time() -> None:
    first, other, copy = landed(1, "a", folder="1"), landed(2, "b", folder="3"), landed(0, "a", folder="5")
    assert not is_new(after(intake("i", first), refusal("r", first)), copy)
    ledger = after(intake("i", first), data("d", first), intake("j", other), data("e", other))
    assert is_new(ledger, copy)
    assert not is_new(ledger, landed(0, "a", folder="2"))


def test_a_superseded_delivery_is_put_on_record_once_and_only_if_it_never_was_published() -> None:
    late, held = landed(2, "a"), landed(1, "b", hour=1)
    ledger = after(intake("i", held), data("d", held), intake("j", late))
    assert (to_publish(ledger, CASE, SWEEP), code_of(ledger, late)) == ([late], "superseded")
    told = after(intake("i", held), data("d", held), intake("j", late), refusal("r", late, "superseded"))
    assert (to_publish(told, CASE, SWEEP), state_of(told, late, VERSION)) == ([], "superseded")
    restated = after(
        intake("i", landed(1, "a"), landed(2, "b", hour=1)), data("d", landed(1, "a")), data("e", landed(2, "b", hour=1))
    )
    assert to_publish(restated, CASE, SWEEP) == []


def test_what_was_superseded_is_free_again_when_its_owner_is_withdrawn() -> None:
    late, held = landed(2, "a"), landed(1, "b", hour=1)
    told = [intake("i", held), data("d", held), intake("j", late), refusal("r", late, "superseded")]
    before, ledger = after(*told[:3]), after(*told, withdrawal("w", held, "d"))
    assert (to_publish(ledger, CASE, SWEEP), code_of(ledger, late)) == ([late], "")
    assert work_of(ledger, late, SWEEP) != work_of(before, late, SWEEP)


def test_damaged_deliveries_are_refused_beside_the_newest_whole_one_and_never_again() -> None:
    broken, whole = landed(2, "a", hour=2, damage="too short"), landed(1, "b")
    ledger = after(intake("i", broken, whole))
    assert to_publish(ledger, CASE, SWEEP) == [broken, whole]
    done = after(intake("i", broken, whole), data("d", whole), refusal("r", broken, "damaged", "an older contract"))
    assert to_publish(done, CASE, SWEEP) == []
    assert to_publish(done, CASE, asked(retry_refused="please")) == []


def test_a_refused_delivery_is_tried_again_for_a_person_and_each_time_is_new_work() -> None:
    record = landed()
    once = after(intake("i", record), refusal("r1", record))
    twice = after(intake("i", record), refusal("r1", record), refusal("r2", record))
    person = asked(retry_refused="the suite was wrong")
    assert to_publish(once, CASE, SWEEP) == []
    assert to_publish(once, CASE, person) == [record]
    assert to_publish(once, CASE, asked(OTHER_DAY, retry_refused="the suite was wrong")) == []
    assert retried(once, record, person) == "ann: the suite was wrong"
    assert retried(once, record, SWEEP) == ""
    assert len({work_of(once, record, SWEEP), work_of(once, record, person), work_of(twice, record, person)}) == 3


def test_a_persons_word_does_not_put_an_older_delivery_over_a_newer_one() -> None:
    faulty, repair = landed(1, "a"), landed(2, "b", hour=1)
    ledger = after(intake("i", faulty, repair), data("d", faulty), withdrawal("w", faulty, "d"), data("e", repair))
    assert to_publish(ledger, CASE, asked(reinstate="why", retry_refused="why")) == []
    refused = after(intake("i", faulty, repair), refusal("r", faulty), data("e", repair))
    assert to_publish(refused, CASE, asked(retry_refused="why")) == []


def test_a_reinstatement_says_who_and_why_and_holds_for_its_nights_only() -> None:
    record = landed(table="places")
    ledger = after(intake("i", record), data("d", record), withdrawal("w", record, "d"))
    assert to_publish(ledger, CASE, asked(OTHER_DAY, reinstate="checked")) == []
    assert to_publish(ledger, CASE, asked(reinstate="checked")) == [record]
    assert reinstated(ledger, record, asked(reinstate="checked")) == "ann: checked"
    assert reinstated(after(intake("i", record)), record, asked(reinstate="checked")) == ""


@pytest.mark.parametrize("reason", ["reinstate", "retry_refused", "replay"])
def test_a_reason_without_nights_is_no_run(reason: str) -> None:
    with pytest.raises(ValueError, match="date_from"):
        Run(case="toy:CASE", stage="ingest", run_id="r", **{reason: "why"})  # type: ignore[arg-type]
