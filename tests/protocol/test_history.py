"""What a day asks of the lake does not grow with the days before it, and what is kept is what the lake says."""

from __future__ import annotations

import json
import random
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from lakeloop import wiring
from lakeloop.adapters.lakefs_lake import LakeFSLake
from lakeloop.adapters.lakefs_lake.kept import _row
from lakeloop.bench.machine import api_calls
from lakeloop.cli.main import app
from lakeloop.core.errors import GateViolation
from lakeloop.core.lake import receipt_path
from lakeloop.core.packed_ledger import packed
from lakeloop.ports import At
from lakeloop.settings import Settings
from lakeloop.steps import history
from lakeloop.steps.history import merged_as, read_entries, read_ledger
from lakeloop.steps.platform import Platform
from tests.protocol.delta_runner import FAULT
from tests.protocol.world import (
    DAY_ONE,
    Address,
    crowned,
    deliver,
    found,
    ingest_all,
    platform,
    score_all,
    watch_all,
)

ROWS = {1: 1.0, 2: 2.0}


def lake_at(address: Address, kept: Path | None = None) -> LakeFSLake:
    return LakeFSLake(address.endpoint, address.key, address.secret, address.repository, kept, "c0de")


def calls_of(address: Address, act: Callable[[], Any]) -> int:
    """How many calls the server had of its API."""
    before = sum(api_calls(address.endpoint).number.values())
    act()
    return int(sum(api_calls(address.endpoint).number.values()) - before)


def settings_of(address: Address, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The settings of commands that are run meanwhile."""
    for name, value in {
        "LAKEFS_ENDPOINT": address.endpoint, "LAKEFS_ACCESS_KEY_ID": address.key, "LAKEFS_SECRET_ACCESS_KEY": address.secret,
        "REPOSITORY": address.repository, "HOME": str(address.folder),
    }.items():  # fmt: skip
        monkeypatch.setenv(f"LAKELOOP_{name}", value)
    return Settings.load()


def night(address: Address, day: date) -> None:
    """A delivery's whole way, each step with a client of its own, as tasks have."""
    deliver(address, day, ROWS)
    ingest_all(platform(address))
    score_all(platform(address))
    watch_all(platform(address))


def four_nights(address: Address) -> Platform:
    """A world with four nights published."""
    p = found(address)
    for number in range(4):
        deliver(address, DAY_ONE + timedelta(days=number), ROWS)
        ingest_all(p)
    return p


@pytest.mark.parametrize("merges", [1, 3])
def test_a_ledger_from_what_is_kept_is_the_ledger_of_the_lake(
    address: Address, monkeypatch: pytest.MonkeyPatch, merges: int
) -> None:
    monkeypatch.setattr(history, "_KEPT_EVERY", merges)
    p = crowned(address, DAY_ONE, ROWS)
    chance = random.Random(7)
    for number in range(1, 8):
        for _ in range(chance.randrange(3)):
            day = DAY_ONE + timedelta(days=chance.randrange(number + 1))
            bad = chance.random() < 0.3
            deliver(address, day, {1: FAULT if bad else chance.random(), 2: 1.0}, later=number, damaged=chance.random() < 0.2)
        for step in (ingest_all, score_all, watch_all):
            if chance.random() < 0.8:
                step(platform(address))
    plain, other = lake_at(address), address.folder / "other.db"
    commits = [commit.id for commit in plain.log("main")]
    for commit in commits:
        assert read_ledger(p.lake, "toy", commit) == read_ledger(plain, "toy", commit)
    lake_at(address, other).keep_state("toy", commits[-1], packed(read_ledger(plain, "toy", commits[-1])))
    for commit in reversed(commits):  # each on top of what was kept before it
        assert read_ledger(lake_at(address, other), "toy", commit) == read_ledger(plain, "toy", commit)
    assert lake_at(address, other).kept_state("toy", commits[:merges]) is not None
    one = lake_at(address)
    known = {commit: read_ledger(one, "toy", commit) for commit in reversed(commits)}  # each on top of the one before it
    for commit, ledger in known.items():
        assert ledger == read_ledger(lake_at(address), "toy", commit)


def test_a_process_folds_once_while_nothing_is_merged(address: Address) -> None:
    p = found(address)
    before = read_ledger(p.lake, "toy")
    assert read_ledger(p.lake, "toy") is before
    deliver(address, DAY_ONE, ROWS)
    ingest_all(p)
    assert read_ledger(p.lake, "toy") is not before
    assert before.entries == {}


def test_a_look_far_back_leaves_the_state_at_the_head_kept(address: Address, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "_KEPT_EVERY", 1)
    four_nights(address)
    head, *older = [commit.id for commit in lake_at(address).log("main")]
    file = address.folder / "other.db"
    read_ledger(lake_at(address, file), "toy")
    for commit in older:
        read_ledger(lake_at(address, file), "toy", commit)
    assert lake_at(address, file).kept_state("toy", [head]) is not None


def test_looks_far_back_of_one_process_keep_nothing(address: Address, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "_KEPT_EVERY", 1)
    p = four_nights(address)
    commits = [commit.id for commit in lake_at(address).log("main")]
    file = address.folder / "other.db"
    one = lake_at(address, file)
    for commit in reversed(commits):
        read_ledger(one, "toy", commit)
    assert lake_at(address, file).kept_state("toy", commits) is None
    read_ledger(one, "toy")
    deliver(address, DAY_ONE + timedelta(days=9), ROWS)
    ingest_all(p)
    read_ledger(one, "toy")
    assert lake_at(address, file).kept_state("toy", [one.head("main")]) is not None


def test_a_state_that_cannot_be_read_is_as_good_as_none(address: Address, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "_KEPT_EVERY", 1)
    p = found(address)
    deliver(address, DAY_ONE, ROWS)
    ingest_all(p)
    head, before, *_ = [commit.id for commit in p.lake.log("main")]
    whole, file = read_ledger(lake_at(address), "toy"), address.folder / "other.db"
    for kept in ({head: b"{}"}, {head: b"{}", before: packed(read_ledger(lake_at(address), "toy", before))}):
        for commit, body in kept.items():
            lake_at(address, file).keep_state("toy", commit, body)
        assert read_ledger(lake_at(address, file), "toy") == whole


def test_a_state_that_other_code_kept_is_not_believed(address: Address, monkeypatch: pytest.MonkeyPatch) -> None:
    found(address)
    settings = settings_of(address, monkeypatch)
    wiring.lake_of(settings).keep_state("toy", "1", b"a state")
    assert wiring.lake_of(settings).kept_state("toy", ["1"]) == ("1", b"a state")
    assert wiring.lake_of(settings, is_kept=False).kept_state("toy", ["1"]) is None
    monkeypatch.setattr(wiring, "platform_code", lambda *_: "other")
    assert wiring.lake_of(settings).kept_state("toy", ["1"]) is None


def test_a_commit_of_whichever_case_is_found_by_its_first_digits(address: Address, monkeypatch: pytest.MonkeyPatch) -> None:
    p = found(address)
    deliver(address, DAY_ONE, ROWS)
    ingest_all(p)
    settings_of(address, monkeypatch)
    entries = list(read_entries(p.lake))
    assert [entry.receipt.case for entry in entries] == ["platform", "toy", "toy"]
    assert [entry for entry in entries if entry.receipt.case == "toy"] == [*read_ledger(p.lake, "toy").entries.values()]
    for entry in entries[1:]:
        done = CliRunner().invoke(app, ["lineage", entry.commit[:12], "--json"])
        assert {link["run_key"] for link in json.loads(done.stdout)} == {entry.receipt.run_key}


def test_a_ledger_costs_one_call_while_nothing_is_new_and_two_more_for_each_work_that_is(address: Address) -> None:
    p = found(address)
    file = address.folder / "history.db"
    costs = []
    for number in range(4):
        deliver(address, DAY_ONE + timedelta(days=number), ROWS)
        ingest_all(p)
        fresh, again = (calls_of(address, lambda: read_ledger(lake_at(address, file), "toy")) for _ in range(2))
        costs.append((fresh, again))
    head, log = 1, 1
    assert costs[1:] == [(head + log + 2, head)] * 3  # a day is two works: bytes, and rows
    assert calls_of(address, lambda: merged_as(lake_at(address, file), "toy", "0" * 64)) == head


def test_a_task_reads_as_many_receipts_as_the_tasks_before_it(address: Address, monkeypatch: pytest.MonkeyPatch) -> None:
    p = found(address)
    monkeypatch.setattr(history, "_KEPT_EVERY", 4)
    counts = []
    for number in range(12):
        deliver(address, DAY_ONE + timedelta(days=number), ROWS)
        ingest_all(p)
        history.parsed.cache_clear()
        read_ledger(platform(address).lake, "toy")
        counts.append(history.parsed.cache_info().misses)
    assert max(counts) <= 4, counts


def test_a_night_asks_the_lake_as_much_as_the_night_before(address: Address) -> None:
    crowned(address, DAY_ONE, ROWS)
    nights = [DAY_ONE + timedelta(days=number) for number in range(1, 12)]
    costs = [calls_of(address, lambda day=day: night(address, day)) for day in nights]  # type: ignore[misc]
    assert max(costs[3:]) - min(costs[3:]) <= 2, costs  # the first nights read fewer days back


def test_a_merge_without_a_receipt_is_told_whatever_is_kept(address: Address, monkeypatch: pytest.MonkeyPatch) -> None:
    p = found(address)
    deliver(address, DAY_ONE, ROWS)
    ingest_all(p)
    gather = LakeFSLake.gather
    lost = receipt_path(p.lake.commit_of("main").metadata["lakeloop_run_key"])
    monkeypatch.setattr(
        LakeFSLake, "gather", lambda self, wanted: {at: body for at, body in gather(self, wanted).items() if at.path != lost}
    )
    with pytest.raises(GateViolation, match="has no receipt"):
        read_ledger(p.lake, "toy")


def test_what_is_not_there_is_left_out_and_asked_for_again(address: Address) -> None:
    p = found(address)
    lake = lake_at(address, address.folder / "history.db")
    nothing = At(p.lake.head("main"), "nothing.json")
    for _ in range(2):
        assert calls_of(address, lambda: lake.gather([nothing])) == 1
    assert lake.gather([nothing]) == {}


def test_the_history_kept_of_another_lake_is_asked_past(new_address: Callable[[], Address]) -> None:
    theirs, ours = new_address(), new_address()
    kept = ours.folder / "history.db"
    for address in (theirs, ours):
        found(address)
    list(lake_at(theirs, kept).log("main"))
    plain = list(lake_at(ours).log("main"))
    for _ in range(2):
        assert list(lake_at(ours, kept).log("main")) == plain


def test_verify_believes_the_lake_alone(address: Address, monkeypatch: pytest.MonkeyPatch) -> None:
    found(address)
    head = next(wiring.lake_of(settings_of(address, monkeypatch)).log("main"))
    (file,) = (address.folder / "cache").glob("history-*.db")
    forged = _row(head._replace(parents=()))  # a history that is its head alone, with a digest that fits
    with closing(sqlite3.connect(file)) as base, base:
        base.execute("INSERT OR REPLACE INTO commits VALUES (?, ?, ?, ?)", forged)
    assert list(wiring.lake_of(Settings.load()).log("main")) == [head._replace(parents=())]
    done = CliRunner().invoke(app, ["verify", "--json"])
    assert json.loads(done.stdout) == {"ok": True, "merges": 1, "findings": []}
