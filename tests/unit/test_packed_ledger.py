"""A ledger that was packed says what it said, and goes on as it would have gone on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from datetime import UTC, date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lakeloop.core import packed_ledger
from lakeloop.core.gates import GateResult
from lakeloop.core.lake import Delivery, UnitId
from lakeloop.core.ledger import Entry, Ledger, fold
from lakeloop.core.packed_ledger import packed, unpacked
from lakeloop.core.receipts import (
    ActReceipt,
    AnyReceipt,
    JudgedRecord,
    PromotionReceipt,
    RecalledRecord,
    RetentionReceipt,
    SettledRecord,
    UnitRecord,
)
from tests.unit.small_ledger import DAY, OTHER_DAY, data, intake, landed, names, refusal, said, withdrawal

FIRST, SECOND, THIRD, BAD = landed(1), landed(2, "b", 1), landed(3, "c", 2), landed(4, "d", 3)


def promotion() -> PromotionReceipt:
    return PromotionReceipt(
        **said("promotion"), seq=1, model_name="m", model_version=3, model_sha256="e", data_commit="f", metrics={"auc": 0.7},
        gates=(GateResult(name="g", outcome="pass", words="w"),), reads={"inputs": {"data": [DAY]}}, trained_to=DAY,
    )  # fmt: skip


def act(key: str, *days: date, verdict: str = "ok") -> ActReceipt:
    judged = [JudgedRecord(data_date=day, verdict=verdict, trust="full", reads={"inputs": {"data": [day]}}) for day in days]
    return ActReceipt(
        **said(key), candidate=f"c-{key}", candidate_branch="b", candidate_commit="k", model_version=3, judged=tuple(judged)
    )


def settling() -> ActReceipt:
    settled = SettledRecord(data_date=DAY, sources={"inputs": "data", "places": "p"}, words="agree", trust="full")
    return act("settling").model_copy(update={"settled": (settled,)})


def taken_back() -> AnyReceipt:
    recalled = (RecalledRecord(data_date=DAY, scores="c-act", rows=2),)
    more = {"recalled": recalled, "dropped": ("c-9",), "flagged_models": (3,)}
    return withdrawal("withdrawal", SECOND, "restated").model_copy(update=more)


RECEIPTS: list[AnyReceipt] = [
    intake("intake", FIRST, SECOND), data("data", FIRST), data("restated", SECOND), promotion(), act("act", DAY, OTHER_DAY),
    act("fault", OTHER_DAY, verdict="data_fault"), settling(), taken_back(), intake("more", THIRD, BAD), data("third", THIRD),
    refusal("refusal", BAD), data("elsewhere", FIRST).model_copy(update={"case": "other"}),
    RetentionReceipt(**said("retention"), reason="r", removed=(), deliveries=(UnitRecord(**names(FIRST)),)),
]  # fmt: skip


def entries(receipts: list[AnyReceipt]) -> list[Entry]:
    return [Entry(f"m{RECEIPTS.index(one) + 1}", f"m{RECEIPTS.index(one)}", one) for one in receipts]


def whole() -> Ledger:
    return fold("head", "toy", entries(RECEIPTS))


def test_every_part_of_a_ledger_is_filled_here_and_comes_back() -> None:
    told, again = whole(), unpacked(packed(whole()))
    for part in fields(Ledger):
        assert getattr(told, part.name), part.name
        assert getattr(again, part.name) == getattr(told, part.name), part.name
    assert [*again.entries] == [*told.entries]
    assert again.promoted_at == [datetime(2023, 12, 31, 21, tzinfo=UTC)]


@pytest.mark.parametrize("change", [lambda body: body[:-1], lambda body: body + b" ", lambda body: body[1:], lambda _: b""])
def test_what_is_not_whole_is_no_ledger(change: Callable[[bytes], bytes]) -> None:
    with pytest.raises(ValueError, match=r"were packed|_Front"):
        unpacked(change(packed(whole())))


def test_what_other_cases_did_weighs_nothing_in_a_ledger() -> None:
    assert "elsewhere" not in whole().entries
    alone = [entry for entry in entries(RECEIPTS) if entry.receipt.case == "toy"]
    assert packed(whole()) == packed(fold("head", "toy", alone))


@settings(deadline=None)
@given(cuts=st.lists(st.integers(0, len(RECEIPTS)), max_size=4).map(sorted))
def test_a_ledger_that_was_packed_at_any_merges_on_the_way_is_the_ledger(cuts: list[int]) -> None:
    ledger = Ledger("")
    for first, last in zip([0, *cuts], [*cuts, len(RECEIPTS)], strict=True):
        ledger = unpacked(packed(fold("head", "toy", entries(RECEIPTS[first:last]), ledger)))
    assert ledger == whole()


def test_what_nobody_asks_for_is_neither_read_nor_written_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    body = packed(whole())
    for name in ("_packed_entry", "_unpacked_entry"):
        monkeypatch.setattr(packed_ledger, name, None)
    assert packed(unpacked(body)) == body


def test_the_same_ledger_is_the_same_bytes_whichever_way_its_sets_came_about() -> None:
    work = [f"run-{number}" for number in range(200)]  # so many that some share a place: then the order they came in is told
    one, other = full_of(work), full_of(work[::-1])
    assert one == other
    assert packed(one) == packed(other)


def full_of(work: list[str]) -> Ledger:
    settled = SettledRecord(data_date=DAY, sources={}, words="agree", trust="full")
    return Ledger(
        "",
        judged={(key, DAY) for key in work}, dropped=set(work), flagged={hash(key) for key in work},
        settled={(DAY, frozenset((key, "at") for key in work)): settled},
        accepted={frozenset(Delivery(UnitId("data", DAY), 1, key) for key in work): "at"},
    )  # fmt: skip
