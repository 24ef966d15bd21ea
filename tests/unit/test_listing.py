"""A list of deliveries says of each what became of it, why, and what to do."""

from __future__ import annotations

from lakeloop.core.ledger import Ledger
from lakeloop.core.listing import listed
from lakeloop.core.receipts import LandedRecord, RefusalReceipt, RefusedRecord
from lakeloop.core.reports import Refusal
from tests.unit.small_ledger import CASE, VERSION, after, data, intake, landed, names, refusal, said, withdrawal

RUN = "the next run of toy__ingest"


def states(ledger: Ledger, *arrivals: LandedRecord) -> list[tuple[int | None, str, str, str]]:
    return [(one.delivery, one.state, one.reason, one.next) for one in listed(ledger, CASE, arrivals)]


def test_each_state_has_its_reason_and_its_next_move() -> None:
    one, two, three = landed(1, "a"), landed(2, "b", hour=1), landed(3, "c", hour=2)
    assert states(after(intake("i", one))) == [(1, "taken in", "", f"{RUN} publishes or refuses it")]
    assert states(after(intake("i", one), data("d", one))) == [(1, "published", "", "")]
    older = after(intake("i", one, two), data("d", two))
    assert states(older)[0] == (1, "superseded", "delivery 2 is newer and is published", "nothing")
    gone = after(intake("i", one), data("d", one), withdrawal("w", one, "d"))
    (row,) = states(gone)
    assert row[1:3] == ("withdrawn", "verdict data_fault")
    assert "with reinstate and a reason" in row[3]
    told = RefusedRecord(**names(three), refusal=Refusal(code="header", message="it lacks id; not published. Next: mend it."))
    receipt = RefusalReceipt(**said("r"), contract_version=VERSION, refused=(told,))
    assert states(after(intake("i", three), receipt)) == [(3, "refused", "it lacks id; not published.", "mend it.")]
    stale = after(intake("i", one), refusal("r", one, version="older"))
    assert states(stale) == [(1, "taken in", "refused under another contract", f"{RUN} looks at it again")]


def test_what_stands_in_the_feed_waits_until_it_is_known() -> None:
    one, two = landed(1, "a"), landed(0, "b", hour=1)
    assert states(after(), two) == [(None, "waiting", "", f"{RUN} takes it in")]
    assert [row[1] for row in states(after(intake("i", one), data("d", one)), landed(0, "a"), two)] == ["published", "waiting"]
    broken = landed(1, "c", damage="too short. Next: deliver it again.")
    assert [row[1] for row in states(after(intake("i", broken)), landed(0, "a"))] == ["taken in"]
    (unread,) = states(after(), landed(0, "", damage="manifest.json is not a manifest. Next: deliver it again."))
    assert unread[1:3] == ("waiting", "manifest.json is not a manifest.")
