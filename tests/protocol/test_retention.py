"""Retention on a real lake: what is past its time goes in one merge that says so, and nothing else does."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lakeloop.adapters.delta_tables import DeltaRsTables
from lakeloop.adapters.lakefs_lake import LakeFSLake
from lakeloop.core.checkpoints import forget, observe
from lakeloop.core.contract import Retention
from lakeloop.core.errors import ConfigurationError
from lakeloop.core.lake import UnitId
from lakeloop.core.listing import listed
from lakeloop.core.receipts import RetentionReceipt
from lakeloop.core.use_case import UseCase
from lakeloop.gate import gate_files
from lakeloop.steps import ingest, retention
from lakeloop.steps.bootstrap import upgrade
from lakeloop.steps.history import read_ledger, receipt_on
from lakeloop.steps.platform import Platform
from tests.protocol import acts
from tests.protocol.delta_runner import FAULT
from tests.protocol.killing import Death, attempt
from tests.protocol.toy import TOY
from tests.protocol.world import (
    DAY_ONE,
    Address,
    assert_whole,
    changed,
    clean_rows,
    crowned,
    deliver,
    found,
    ingest_all,
    quarantined,
    run,
    score_all,
    watch_all,
)

DAYS = [DAY_ONE + timedelta(days=n) for n in range(3)]
A, B = {1: 1.0, 2: 2.0}, {1: 3.0, 2: 4.0}
LATER = datetime.now(UTC) + timedelta(days=9)  # for what ages by the clock


def keeping(landing: int | None = 1, quarantine: int | None = None, **days: int) -> UseCase:
    """The toy case with days after which something goes."""
    kept = Retention(landing_days=landing, quarantine_days=quarantine)
    return TOY.model_copy(update={"tables": tuple(one.model_copy(update={"retention": kept}) for one in TOY.tables), **days})


@pytest.fixture
def p(address: Address) -> Platform:
    """Three published days, the first restated; a delivery of the first was refused, its row is in quarantine."""
    p = found(address)
    deliver(address, DAYS[0], {1: 1.0})
    ingest_all(p)
    for day in DAYS:
        deliver(address, day, A, later=1 if day < DAYS[2] else 5)
    ingest_all(p)
    deliver(address, DAYS[0], B, later=2)
    ingest_all(p)
    return p


def files_of(p: Platform) -> DeltaRsTables:
    assert isinstance(p.tables, DeltaRsTables)
    return p.tables


def lake_of(p: Platform) -> LakeFSLake:
    assert isinstance(p.lake, LakeFSLake)
    return p.lake


def due(p: Platform, case: UseCase) -> list[tuple[str, str]]:
    ledger = read_ledger(p.lake, "toy")
    return [(one.record.what, one.record.path) for one in retention.due(p.lake, files_of(p), case, ledger, LATER)]


def applied(p: Platform, case: UseCase) -> dict[str, Any]:
    return retention.apply(replace(p, case=case), run("retention", reason="by contract"), files_of(p), LATER)


def paths(p: Platform, prefix: str, ref: str = "main") -> list[str]:
    return list(p.lake.list(ref, prefix))


def test_a_case_that_says_nothing_keeps_everything(p: Platform) -> None:
    head = p.lake.head("main")
    assert due(p, TOY) == []
    assert applied(p, TOY)["nothing_to_do"]
    assert p.lake.head("main") == head


def test_what_is_past_its_time_goes_in_one_merge_and_old_commits_hold_it_still(p: Platform) -> None:
    case, before = keeping(1, 1, evidence_days=1, versions_days=7), p.lake.head("main")
    rows, waiting = clean_rows(p), due(p, case)
    assert {what for what, _ in waiting} == {"landing", "quarantine", "versions", "evidence"}
    done = applied(p, case)
    receipt = receipt_on(p.lake, done["commit"], done["run_key"])
    assert isinstance(receipt, RetentionReceipt)
    assert [(one.what, one.path) for one in receipt.removed] == waiting
    assert clean_rows(p) == rows
    assert quarantined(p) == []
    assert [path for path in paths(p, "landing/toy/readings/") if f"/{DAYS[0]}/" in path] == []
    for one in receipt.removed:
        assert paths(p, one.path, before), one
    told = p.lake.get("main", f"_lakeloop/evidence/{done['run_key']}/removed.txt").decode().splitlines()
    assert len(told) == sum(one.objects for one in receipt.removed)
    assert set(told) <= set(paths(p, "", before))
    assert due(p, case) == [("versions", "quarantine/toy/readings/")]  # the rows that went just now, seven days on
    assert not applied(p, case)["nothing_to_do"]
    assert due(p, case) == []
    assert_whole(p)


def test_a_unit_that_is_still_open_keeps_every_byte(p: Platform, address: Address) -> None:
    deliver(address, DAYS[0], A, later=3)
    ingest.intake(p, run("ingest"))
    assert due(p, keeping()) == []
    ingest_all(p)
    assert {what for what, _ in due(p, keeping())} == {"landing"}


def test_a_replay_of_bytes_that_are_gone_says_so_and_refuses_only_that(p: Platform) -> None:
    done = applied(p, keeping())
    newer = changed(replace(p, case=keeping()), version=2)
    assert ingest_all(newer)["nothing_to_do"]  # a new contract alone opens nothing whose bytes are gone
    nights = {"date_from": DAYS[0], "date_to": DAYS[1], "actor": "ann"}
    assert ingest_all(newer, replay="the range was too narrow", **nights)["nothing_to_do"] is False
    ledger = read_ledger(p.lake, "toy")
    said = [one for one, _ in ledger.refused.values() if one.refusal.code == "bytes_gone"]
    assert [(one.data_date, one.delivery, done["run_key"][:12] in one.refusal.message) for one in said] == [(DAYS[0], 3, True)]
    assert ledger.owner(UnitId("readings", DAYS[1])).record.replayed == "ann: the range was too narrow"  # type: ignore[union-attr]
    assert clean_rows(p) == dict.fromkeys(DAYS, A) | {DAYS[0]: B}
    ingest_all(newer, attempt=2, retry_refused="look again", **nights)
    refused = {one.delivery for one, _ in read_ledger(p.lake, "toy").refused.values() if one.refusal.code == "bytes_gone"}
    assert refused == {3}  # the first delivery is older than what main holds: it stays refused as it was
    assert_whole(p)


def test_bytes_that_are_gone_may_be_delivered_again(p: Platform, address: Address) -> None:
    applied(p, keeping())
    deliver(address, DAYS[0], B, later=9)
    ingest_all(p)
    owner = read_ledger(p.lake, "toy").owner(UnitId("readings", DAYS[0]))
    assert owner is not None
    assert owner.record.delivery == 4
    listing = {one.delivery: one for one in listed(read_ledger(p.lake, "toy"), TOY) if one.data_date == DAYS[0]}
    assert [one.bytes_gone != "" for one in listing.values()] == [True, True, True, False]


def test_evidence_of_visible_scores_and_of_withdrawals_stays(address: Address) -> None:
    p = crowned(address, DAYS[0], A)
    for n, rows in enumerate((A, {1: FAULT, 2: 2.0}, A), 1):
        deliver(address, DAYS[0] + timedelta(days=n), rows)
        ingest_all(p)
        score_all(p)
        watch_all(p)
    entries = read_ledger(p.lake, "toy").entries
    kinds = {key: entry.receipt.kind for key, entry in entries.items()}
    assert {"act", "withdrawal", "promotion"} <= set(kinds.values())
    going = {path.split("/")[2] for what, path in due(p, keeping(evidence_days=1)) if what == "evidence"}
    assert {kinds.get(key) for key in going} == {"data"}
    newest = [key for key, kind in kinds.items() if kind == "data"][-1]
    assert newest not in going  # the contracts that the next write is compared with
    applied(p, keeping(evidence_days=1))
    assert_whole(p)


def test_main_that_moves_meanwhile_is_looked_through_again(p: Platform, address: Address) -> None:
    moved: list[str] = []

    def move(point: str) -> None:
        if point == "retention.sealed" and not moved:
            moved.append(point)
            deliver(address, DAYS[2] + timedelta(days=2), A)
            ingest_all(p)

    observe(move)
    try:
        done = applied(p, keeping())
    finally:
        forget(move)
    receipt = receipt_on(p.lake, done["commit"], done["run_key"])
    assert isinstance(receipt, RetentionReceipt)
    assert {one.data_date for one in receipt.deliveries} == set(DAYS[:2])
    assert moved
    assert_whole(p)


@pytest.mark.parametrize("point", ["retention.branched", "retention.removed", "retention.sealed", "publish.after_merge"])
def test_killed_anywhere_and_started_again_it_ends_the_same(p: Platform, address: Address, point: str) -> None:
    attempt(acts.retain, address, Death(point))
    attempt(acts.retain, address, None)
    assert [path for path in paths(p, "landing/toy/readings/") if f"/{DAYS[0]}/" in path] == []
    receipts = [one.receipt.kind for one in read_ledger(p.lake, "toy").entries.values()]
    assert receipts.count("retention") == 1
    assert_whole(p)


def test_a_lake_with_an_older_gate_is_upgraded_first(p: Platform) -> None:
    lake, old = lake_of(p), dict(gate_files())
    del old["lua_hooks/lakeloop_retention.lua"]
    old["_lakefs_actions/lakeloop_publish.yaml"] = old["_lakefs_actions/lakeloop_publish.yaml"].partition(b"  - id: retained")[0]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lakeloop.steps.bootstrap.gate_files", lambda: old)
        upgrade(lake, "c0de")
    with pytest.raises(ConfigurationError, match=r"lakeloop_retention.lua is missing.*nothing was removed.*lakeloop upgrade"):
        applied(p, keeping())
    upgrade(lake, "c0de")
    assert not applied(p, keeping())["nothing_to_do"]
    assert_whole(p)
