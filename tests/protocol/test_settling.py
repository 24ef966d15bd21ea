"""What later tables say of a published date: sound ones are settled once, bad ones withdrawn under the newer dates."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from lakeloop.core.lake import UnitId
from lakeloop.core.receipts import ActReceipt
from lakeloop.steps import act, watch
from lakeloop.steps.history import read_ledger
from lakeloop.steps.platform import Platform
from tests.protocol import acts
from tests.protocol.delta_runner import BLAMED
from tests.protocol.killing import Death, attempt
from tests.protocol.world import (
    DAY_ONE,
    Address,
    alerts,
    asking,
    assert_whole,
    clean_rows,
    crowned,
    deliver,
    ingest_all,
    run,
    score_all,
    trusts,
    verdict_rows,
    watch_all,
)

D1, D2, D3, D4 = (DAY_ONE + timedelta(days=n) for n in range(4))
A, B = {1: 1.0, 2: 2.0}, {1: 10.0, 2: 20.0, 3: 30.0}
WRONG = {1: 5.0, 2: 6.0}


def scored(at: Address, second: dict[int, float] = A) -> Platform:
    """A world in which the second and the third night are published."""
    p = crowned(at, D1, A)
    for day, rows in ((D2, second), (D3, A)):
        deliver(at, day, rows)
    ingest_all(p)
    score_all(p)
    assert watch_all(p)["published"] == 2
    return p


def checked(at: Address, p: Platform, rows: dict[int, float], **more: int) -> None:
    """The checks of the second night arrive and are taken in."""
    deliver(at, D2, rows, table="checks", **more)
    ingest_all(p)


def settled(p: Platform) -> list[str]:
    receipts = [entry.receipt for entry in read_ledger(p.lake, "toy").entries.values()]
    return [str(one.data_date) for receipt in receipts if isinstance(receipt, ActReceipt) for one in receipt.settled]


def test_a_sound_date_is_settled_once(address: Address) -> None:
    p = scored(address)
    checked(address, p, A)
    assert watch_all(p)["settled"] == 1
    assert watch_all(p, 2)["nothing_to_do"]
    assert (settled(p), trusts(p)) == ([str(D2)], {D2: {"trusted"}, D3: {"trusted"}})
    assert len(verdict_rows(p)) == 2
    assert_whole(p)


def test_a_fault_that_only_later_tables_show_is_withdrawn_under_newer_dates_with_all_that_had_read_it(address: Address) -> None:
    p = scored(address, WRONG)
    checked(address, p, A)
    told = watch_all(p)
    assert (told["withdrawn"], told["verdicts"]) == (1, {str(D2): "data_fault"})
    assert clean_rows(p) == {D1: A, D3: A}
    assert trusts(p) == {D2: {"recalled"}, D3: {"recalled"}}  # the third night had looked back on the second
    assert verdict_rows(p).count((str(D2), "data_fault")) == 1
    (alert,) = (one for one in alerts(p) if one.title == f"toy {D2}: data_fault")
    assert "off by 4.0" in alert.body["cause"]
    assert alert.body["done"].startswith("withdrawn in ")
    assert "candidate" not in alert.body["done"]
    assert watch_all(p, 2)["nothing_to_do"]
    deliver(address, D2, A, later=60)
    ingest_all(p)
    score_all(p)
    told = watch_all(p, 3)
    assert (told["published"], told["settled"]) == (2, 1)
    assert trusts(p) == {D2: {"trusted"}, D3: {"trusted"}}
    assert_whole(p)


def test_a_later_table_that_is_the_odd_one_is_withdrawn_itself_and_nothing_that_did_not_read_it(address: Address) -> None:
    p = crowned(address, D1, A)
    deliver(address, D2, A)
    ingest_all(p)
    score_all(p)
    checked(address, p, {1: BLAMED, 2: 2.0})
    told = watch_all(p)
    assert (told["withdrawn"], told["published"], told["held"]) == (1, 1, 0)
    assert (clean_rows(p), trusts(p)) == ({D1: A, D2: A}, {D2: {"trusted"}})
    owners = read_ledger(p.lake, "toy").owners
    assert not owners.get(UnitId("checks", D2))
    assert watch_all(p, 2)["nothing_to_do"]
    checked(address, p, A, later=60)
    assert (watch_all(p, 3)["settled"], settled(p)) == (1, [str(D2)])
    assert_whole(p)


def test_a_later_table_that_is_held_holds_no_scores_that_did_not_read_it(address: Address) -> None:
    p = asking(crowned(address, D1, A))
    deliver(address, D2, A)
    ingest_all(p)
    score_all(p)
    checked(address, p, {1: BLAMED, 2: 2.0})
    told = watch_all(p)
    assert (told["held"], told["published"], trusts(p)) == (1, 1, {D2: {"trusted"}})


def test_newer_dates_published_meanwhile_stay(address: Address) -> None:
    p = scored(address, WRONG)
    checked(address, p, A)
    judged = watch.judge_dates(p, run("watch"))
    deliver(address, D4, B)
    ingest_all(p, 2)
    assert act.act(p, run("watch"), judged)["withdrawn"] == 1
    assert clean_rows(p) == {D1: A, D3: A, D4: B}
    assert_whole(p)


@pytest.mark.parametrize("table", ["readings", "checks"])
@pytest.mark.parametrize("second", [A, WRONG])
def test_a_date_restated_meanwhile_is_judged_anew(address: Address, table: str, second: dict[int, float]) -> None:
    p = scored(address, second)
    checked(address, p, A)
    judged = watch.judge_dates(p, run("watch"))
    deliver(address, D2, B, table=table, later=60)
    ingest_all(p, 2)
    told = act.act(p, run("watch"), judged)
    assert (told["withdrawn"], told["settled"], told["held"], settled(p)) == (0, 0, 0, [])
    told = watch_all(p, 2)
    assert told["withdrawn"] == 1  # what is compared now differs in any case
    assert_whole(p)


def test_a_case_that_asks_holds_the_date_until_a_person_answers(address: Address) -> None:
    p = asking(scored(address, WRONG))
    checked(address, p, A)
    told = watch_all(p)
    assert (told["held"], trusts(p)) == (1, {D2: {"trusted"}, D3: {"trusted"}})
    assert "its published scores stand" in next(one for one in alerts(p) if "data_fault" in one.title).body["done"]
    told = watch_all(p, 2, date_from=D2, date_to=D2, decide="accept", reason="the checks are wrong", actor="ada")
    assert (told["settled"], trusts(p)) == (1, {D2: {"degraded"}, D3: {"trusted"}})
    held = read_ledger(p.lake, "toy").scores[D2].record
    assert (held.trust, "accepted by ada: the checks are wrong" in held.words) == ("degraded", True)
    assert watch_all(p, 3)["nothing_to_do"]
    assert_whole(p)


def test_a_person_can_have_the_date_withdrawn(address: Address) -> None:
    p = asking(scored(address, WRONG))
    checked(address, p, A)
    told = watch_all(p, date_from=D2, date_to=D2, decide="withdraw", reason="so they say", actor="ada")
    assert (told["withdrawn"], set(clean_rows(p))) == (1, {D1, D3})
    assert_whole(p)


def test_a_case_without_settlements_settles_nothing(address: Address) -> None:
    p = scored(address, WRONG)
    checked(address, p, A)
    drift = p.case.drift.model_copy(update={"settlements": ()})
    assert watch_all(replace(p, case=p.case.model_copy(update={"drift": drift})))["nothing_to_do"]


def sound_dies(at: Address, death: Death) -> tuple[bool, Platform]:
    p = scored(at)
    checked(at, p, A)
    judged = watch.judge_dates(p, run("watch"))
    killed = attempt(acts.act_on, at, death, 1, judged)
    attempt(acts.act_on, at, None, 2, judged)
    assert (settled(p), clean_rows(p)) == ([str(D2)], {D1: A, D2: A, D3: A})
    return killed, p


def accepted_dies(at: Address, death: Death) -> tuple[bool, Platform]:
    p = scored(at, WRONG)
    checked(at, p, A)
    judged = watch.judge_dates(p, run("watch"))
    killed = attempt(acts.accept, at, death, 1, judged, D2)
    attempt(acts.accept, at, None, 2, judged, D2)
    assert (settled(p), trusts(p)) == ([str(D2)], {D2: {"degraded"}, D3: {"trusted"}})
    return killed, p


def fault_dies(at: Address, death: Death) -> tuple[bool, Platform]:
    p = scored(at, WRONG)
    checked(at, p, A)
    judged = watch.judge_dates(p, run("watch"))
    killed = attempt(acts.act_on, at, death, 1, judged)
    attempt(acts.act_on, at, None, 2, judged)
    assert (clean_rows(p), trusts(p)) == ({D1: A, D3: A}, {D2: {"recalled"}, D3: {"recalled"}})
    assert verdict_rows(p).count((str(D2), "data_fault")) == 1
    return killed, p


_SETTLE = ("settle.branched", "settle.written", "settle.sealed", "publish.before_merge", "publish.after_merge", "settle.merged")
_WITHDRAW = ("withdraw.branched", "withdraw.written", "withdraw.sealed", "publish.before_merge", "withdraw.merged")


@pytest.mark.parametrize(
    ("scenario", "point"),
    [
        *((sound_dies, point) for point in _SETTLE),
        *((accepted_dies, point) for point in ("settle.written", "publish.after_merge")),
        *((fault_dies, point) for point in _WITHDRAW),
    ],
)
def test_a_killed_try_and_its_retry_end_in_the_same_content(
    scenario: Callable[[Address, Death], tuple[bool, Platform]], point: str, address: Address
) -> None:
    killed, p = scenario(address, Death(point))
    assert killed, f"{point} was never reached"
    assert watch_all(p, 3)["nothing_to_do"]
    assert_whole(p)
