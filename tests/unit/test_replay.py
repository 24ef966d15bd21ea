"""What a replay opens: what main holds, written again from its bytes under today's contract, once for each word of a person."""

from lakeloop.core.deliveries import refusal_before_write, replayed, state_of, to_publish, work_of
from lakeloop.core.use_case import UseCase
from tests.unit.small_ledger import CASE, OTHER_DAY, SWEEP, after, asked, data, intake, landed, refusal, withdrawal

PERSON = asked(replay="the pattern was wrong")
WORD = "ann: the pattern was wrong"
NEXT = "inputs2-places1"


def grown(table: str = "inputs") -> UseCase:
    """The case after this table's contract counted up."""
    tables = tuple(one.model_copy(update={"version": 2}) if one.name == table else one for one in CASE.tables)
    return CASE.model_copy(update={"tables": tables})


def test_a_published_delivery_is_open_for_a_replay_after_its_own_contract_changed() -> None:
    ledger = after(intake("i", landed()), data("d", landed()))
    assert to_publish(ledger, CASE, PERSON) == []
    assert to_publish(ledger, grown("places"), PERSON) == []
    assert to_publish(ledger, grown(), PERSON) == [landed()]
    assert to_publish(ledger, grown(), SWEEP) == []
    assert to_publish(ledger, grown(), asked(OTHER_DAY, replay="the pattern was wrong")) == []


def test_rows_in_quarantine_open_it_too_and_the_same_word_of_the_same_person_only_once() -> None:
    base = [intake("i", landed()), data("d", landed(), quarantined=1)]
    assert to_publish(after(*base), CASE, PERSON) == [landed()]
    done = after(*base, data("e", landed(), quarantined=1, replayed=WORD))
    assert to_publish(done, CASE, PERSON) == []
    assert to_publish(done, CASE, asked(replay="and so was the reader")) == [landed()]
    assert to_publish(done, grown(), PERSON) == [landed()]


def test_a_replay_that_was_refused_leaves_what_main_holds_and_is_not_tried_again() -> None:
    base = [intake("i", landed()), data("d", landed())]
    ledger = after(*base, refusal("r", landed(), version=NEXT, replayed=WORD))
    assert state_of(ledger, landed(), NEXT) == "published"
    assert to_publish(ledger, grown(), PERSON) == []
    assert to_publish(ledger, grown(), asked(replay="look again")) == [landed()]


def test_a_replay_says_who_and_why_and_is_work_of_its_own_each_time() -> None:
    base = [intake("i", landed()), data("d", landed(), quarantined=1)]
    once, twice = after(*base), after(*base, data("e", landed(), quarantined=1, replayed=WORD))
    assert "replayed from d" in work_of(once, landed(), PERSON)
    assert len({work_of(once, landed(), SWEEP), work_of(once, landed(), PERSON), work_of(twice, landed(), PERSON)}) == 3
    assert replayed(once, landed(), PERSON) == WORD
    assert replayed(once, landed(), SWEEP) == replayed(after(base[0]), landed(), PERSON) == ""


def test_a_newer_delivery_comes_before_a_replay_of_the_older_one() -> None:
    newer = landed(2, "b", hour=1)
    waiting = after(intake("i", landed(), newer), data("d", landed(), quarantined=1))
    assert to_publish(waiting, CASE, PERSON) == [newer]
    restated = after(intake("i", landed(), newer), data("d", landed(), quarantined=1), data("e", newer))
    assert to_publish(restated, CASE, PERSON) == []


def test_a_withdrawn_replay_gives_the_rows_back_to_the_first_reading_of_the_same_bytes() -> None:
    base = [intake("i", landed()), data("d", landed()), data("e", landed(), NEXT, replayed=WORD)]
    ledger = after(*base, withdrawal("w", landed(), "e"))
    owner = ledger.owner(landed().unit)
    assert owner is not None
    assert (owner.run_key, state_of(ledger, landed(), NEXT)) == ("d", "published")


def test_what_a_verdict_said_of_a_replay_stands_in_the_way_of_the_next_one_unless_reinstated() -> None:
    base = [intake("i", landed()), data("d", landed()), data("e", landed(), NEXT, replayed=WORD)]
    before, ledger = after(*base[:2]), after(*base, withdrawal("w", landed(), "e"))
    refused = refusal_before_write(ledger, landed(), PERSON)
    assert refused is not None
    assert "data_fault" in refused.message
    assert work_of(ledger, landed(), PERSON) != work_of(before, landed(), PERSON)
    again = asked(replay="the pattern was wrong", reinstate="checked")
    assert refusal_before_write(ledger, landed(), again) is None
    assert work_of(ledger, landed(), again) != work_of(ledger, landed(), PERSON)


def test_a_sweep_does_nothing_with_what_main_holds_whatever_its_contract() -> None:
    ledger = after(intake("i", landed()), data("d", landed(), version="inputs0-places1", quarantined=2))
    assert to_publish(ledger, CASE, SWEEP) == []
    assert to_publish(ledger, CASE, asked()) == []


def test_a_table_that_the_case_gave_up_is_left_alone() -> None:
    ledger = after(intake("i", landed(table="places")))
    case = CASE.model_copy(update={"tables": CASE.tables[:1]})
    assert to_publish(ledger, case, SWEEP) == []
