"""What a person answered, or has yet to answer, about a date: it stands whatever comes later, and nothing overtakes it."""

import json
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from lakeloop.core.lake import UnitId, evidence_path
from lakeloop.steps import act, watch
from lakeloop.steps.history import read_ledger, receipt_on
from lakeloop.steps.platform import Platform
from lakeloop.steps.watch import Judged
from tests.naughty import REASON
from tests.protocol.delta_runner import BLAMED, DeltaRunner
from tests.protocol.test_settling import WRONG, A, B, checked, scored
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
    trust_told,
    trusts,
    verdict_rows,
    watch_all,
)

D1, D2, D3 = (DAY_ONE + timedelta(days=n) for n in range(3))


def contradicted(at: Address) -> Platform:
    """A world that asks, whose second night is contradicted by its checks before it is scored."""
    p = asking(crowned(at, D1, A))
    deliver(at, D2, WRONG)
    checked(at, p, A)
    return p


def accept(p: Platform, attempt: int = 1) -> dict[str, object]:
    return watch_all(p, attempt, date_from=D2, date_to=D2, decide="accept", reason="the checks are wrong", actor="ada")


def newer(p: Platform) -> Platform:
    """The same world under the next version of its contracts."""
    tables = tuple(table.model_copy(update={"version": 2}) for table in p.case.tables)
    return replace(p, case=p.case.model_copy(update={"tables": tables}))


def replay(p: Platform) -> Platform:
    p = newer(p)
    ingest_all(p, 5, date_from=D2, date_to=D2, replay="a new contract")
    score_all(p, 5)
    return p


def test_scores_of_a_date_that_is_held_wait_for_the_answer(address: Address) -> None:
    p = contradicted(address)
    score_all(p)
    told = watch_all(p)
    assert (told["published"], told["held"], trusts(p), verdict_rows(p)) == (0, 1, {}, [])
    (alert,) = (one for one in alerts(p) if "data_fault" in one.title)
    assert "its scores are not visible" in alert.body["done"]
    told = accept(p, 2)
    assert (told["published"], told["settled"], trusts(p)) == (1, 1, {D2: {"degraded"}})
    assert watch_all(p, 3)["nothing_to_do"]
    assert_whole(p)


def test_what_was_accepted_before_it_was_scored_is_published_as_degraded(address: Address) -> None:
    p = contradicted(address)
    assert accept(p)["settled"] == 1
    score_all(p)
    assert watch_all(p, 2)["published"] == 1
    held = read_ledger(p.lake, "toy").scores[D2].record
    assert (trusts(p), held.trust) == ({D2: {"degraded"}}, "degraded")
    assert "accepted by ada: the checks are wrong" in held.words
    assert_whole(p)


@pytest.mark.parametrize("decide", ["accept", "withdraw"])
def test_an_answer_s_reason_of_any_text_is_kept_and_shown_as_text(address: Address, decide: str) -> None:
    p = asking(scored(address, WRONG))
    checked(address, p, A)
    told = watch_all(p, date_from=D2, date_to=D2, decide=decide, reason=REASON, actor="ada")
    assert (told["settled"], told["withdrawn"]) == ((1, 0) if decide == "accept" else (0, 1))
    kept = {path: p.lake.get("main", path).decode() for path in p.lake.list("main", "_lakeloop/")}
    assert any(json.dumps(REASON, ensure_ascii=False)[1:-1] in content or REASON in content for content in kept.values())
    assert not any("<script>" in content for path, content in kept.items() if path.endswith(".html"))
    assert_whole(p)


@pytest.mark.parametrize("is_scored_first", [True, False])
def test_scores_that_did_not_read_what_a_person_accepted_are_trusted_as_before(address: Address, is_scored_first: bool) -> None:
    p = asking(crowned(address, D1, A))
    deliver(address, D2, A)
    ingest_all(p)
    if is_scored_first:
        score_all(p)
        assert watch_all(p)["published"] == 1
    checked(address, p, {1: BLAMED, 2: 2.0})
    assert watch_all(p, 2)["held"] == 1
    assert accept(p, 3)["settled"] == 1
    score_all(p, 4)
    watch_all(p, 4)
    held = read_ledger(p.lake, "toy").scores[D2].record
    assert (trusts(p), held.trust) == ({D2: {"trusted"}}, "trusted")
    assert trust_told(p) == [("data_fault", "" if is_scored_first else "degraded"), ("ok", "trusted")]
    assert_whole(p)


def test_an_accepted_fault_stands_among_the_verdicts(address: Address) -> None:
    p = asking(scored(address, WRONG))
    checked(address, p, A)
    accept(p)
    assert verdict_rows(p) == [(str(D2), "data_fault"), (str(D2), "ok"), (str(D3), "ok")]
    assert trust_told(p) == [("data_fault", "degraded"), ("ok", "trusted"), ("ok", "trusted")]
    assert_whole(p)


def test_a_replay_of_the_same_rows_keeps_what_a_person_accepted(address: Address) -> None:
    p = scored(address, WRONG)
    checked(address, p, A)
    assert accept(p)["settled"] == 1
    p = replay(p)
    told = watch_all(p, 6)
    assert (told["published"], told["withdrawn"], told["held"], told["settled"]) == (1, 0, 0, 0)
    assert (clean_rows(p)[D2], trusts(p)[D2]) == (WRONG, {"degraded"})
    assert_whole(p)


def test_a_replay_that_changes_accepted_rows_is_asked_about_again(address: Address, monkeypatch: pytest.MonkeyPatch) -> None:
    p = scored(address, WRONG)
    checked(address, p, A)
    accept(p)
    replace_rows = DeltaRunner._replace

    def rounded_up(self: DeltaRunner, branch: str, day: date, rows: list[tuple[int, float]], *more: Any) -> None:
        replace_rows(self, branch, day, [(key, value + 1) for key, value in rows], *more)

    monkeypatch.setattr(DeltaRunner, "_replace", rounded_up)
    p = newer(p)
    ingest_all(p, 5, date_from=D2, date_to=D2, replay="a new contract")
    told = watch_all(p, 6)
    assert (told["withdrawn"], told["held"], clean_rows(p)[D2]) == (0, 1, {1: 6.0, 2: 7.0})
    assert "a person accepted this data" in "".join(one.body.get("done", "") for one in alerts(p))


def test_a_replay_of_what_a_person_had_back_is_held_as_it_was(address: Address) -> None:
    p = scored(address, WRONG)
    checked(address, p, A)
    assert watch_all(p)["withdrawn"] == 1
    ingest_all(p, 3, date_from=D2, date_to=D2, reinstate="it is right", actor="ada")
    p = replay(p)
    told = watch_all(p, 6)
    assert (told["published"], told["withdrawn"], told["held"]) == (1, 0, 1)
    owner = read_ledger(p.lake, "toy").owner(UnitId("readings", D2))
    assert owner
    assert (owner.record.reinstated, clean_rows(p)[D2]) == ("ada: it is right", WRONG)
    assert_whole(p)


def test_a_date_at_fault_in_more_than_was_withdrawn_before_loses_the_rest(address: Address) -> None:
    p = scored(address, WRONG)
    checked(address, p, A)
    judged = watch.judge_dates(p, run("watch"))
    path = evidence_path(judged["run_key"], watch.JUDGED)
    found = Judged.model_validate_json(p.lake.get(judged["commit"], path))
    (one,) = found.settled
    both = one.verdict.model_copy(update={"tables": ("readings", "checks")})
    more = found.model_copy(update={"dates": (one.model_copy(update={"verdict": both, "candidate": "of both"}),)})
    p.lake.put(judged["branch"], path, more.model_dump_json().encode())
    judged["commit"] = p.lake.commit(judged["branch"], "both tables are at fault", {})
    told = act.act(p, run("watch"), judged)
    assert (told["withdrawn"], told["held"], len(told["merges"])) == (2, 0, 2)
    again = act.act(p, run("watch", 2), judged)
    assert (again["run_key"], again["commit"], again["held"]) == (told["run_key"], told["commit"], 0)
    ledger = read_ledger(p.lake, "toy")
    assert [ledger.owner(UnitId(table, D2)) for table in ("readings", "checks")] == [None, None]
    assert_whole(p)


def test_dates_settled_without_those_that_changed_name_their_own_receipt(address: Address) -> None:
    p = scored(address)
    for day in (D2, D3):
        deliver(address, day, A, table="checks")
    ingest_all(p)
    judged = watch.judge_dates(p, run("watch"))
    deliver(address, D3, B, later=60)
    ingest_all(p, 2)
    told = act.act(p, run("watch"), judged)
    assert told["settled"] == 1
    assert told["merges"] == {told["run_key"]: told["commit"]}
    assert receipt_on(p.lake, told["commit"], told["run_key"])
