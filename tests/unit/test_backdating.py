"""Which units were available earlier than their rows say: over the pure ledger."""

from lakeloop.core.backdating import to_backdate
from lakeloop.core.deliveries import is_new
from lakeloop.core.table_versions import TableVersion, made_by
from tests.unit.small_ledger import CASE, DAY, OTHER_DAY, SWEEP, after, asked, backdating, data, intake, landed, withdrawal

OLDER, HELD = landed(2, "b"), landed(1, "a", hour=6)
LATE = (intake("i", HELD), data("d", HELD), intake("j", OLDER))


def test_an_older_delivery_opens_its_unit_once_and_in_its_own_nights() -> None:
    (one,) = to_backdate(after(*LATE), CASE, SWEEP)
    assert (one.owner.run_key, one.available_at) == ("d", OLDER.delivered_at)
    assert to_backdate(after(*LATE), CASE, asked(DAY)) == [one]
    assert to_backdate(after(*LATE), CASE, asked(OTHER_DAY)) == []
    assert to_backdate(after(*LATE, backdating("k", HELD, "d", OLDER)), CASE, SWEEP) == []


def test_a_backdated_owner_keeps_its_receipt_and_a_backdating_of_somebody_else_moves_nothing() -> None:
    ledger = after(*LATE, backdating("k", HELD, "d", OLDER))
    owner = ledger.owner(HELD.unit)
    assert owner
    assert (owner.run_key, owner.commit, owner.record.available_at) == ("d", "m2", OLDER.delivered_at)
    assert owner.record.fingerprint.hash == "1"
    assert len(to_backdate(after(*LATE, backdating("k", HELD, "e", OLDER)), CASE, SWEEP)) == 1


def test_each_earlier_time_is_work_of_its_own_and_a_unit_without_rows_is_none() -> None:
    oldest = landed(3, "c", hour=-1)
    (one,), (two,) = (to_backdate(after(*LATE, *more), CASE, SWEEP) for more in ((), (intake("k", oldest),)))
    assert one.work != two.work
    assert to_backdate(after(*LATE, withdrawal("w", HELD, "d")), CASE, SWEEP) == []


def test_the_same_bytes_are_news_only_if_they_were_sent_before_all_others() -> None:
    ledger = after(intake("i", HELD), data("d", HELD))
    assert is_new(ledger, landed(0, "a"))
    assert not is_new(ledger, landed(0, "a", hour=7))
    assert not is_new(ledger, landed(0, "a", hour=2), [landed(2, "a", hour=1)])


def test_a_backdating_made_a_version_of_the_table_from_the_one_before() -> None:
    made = made_by(backdating("k", HELD, "d", OLDER), "m", {}.get)
    assert made.inputs == (TableVersion("clean/toy/inputs", "b", (DAY,), 2),)
    assert made.outputs == (TableVersion("clean/toy/inputs", "m", (DAY,), 2),)


def test_a_backdating_may_change_clean_rows_and_no_others() -> None:
    receipt = backdating("k", HELD, "d", OLDER)
    assert receipt.allows("clean/toy/inputs/part.parquet")
    assert [path for path in ("quarantine/toy/x", "landing/toy/x", "scores/toy/x", "clean/other/x") if receipt.allows(path)] == []
