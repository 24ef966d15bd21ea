"""The janitor on a real lake: it knows how old a branch is, and leaves alone what somebody may come back for."""

from datetime import UTC, datetime, timedelta

import pytest

from lakeloop.core.lake import run_branch
from lakeloop.steps import janitor
from lakeloop.steps.platform import Platform
from tests.protocol.world import DAY_ONE, Address, crown, deliver, found, ingest_all, score_all

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NOW = datetime.now(UTC)


@pytest.fixture
def p(address: Address) -> Platform:
    return found(address)


def opened(p: Platform, when: datetime, *, commit: bool = False) -> str:
    """A branch of a run that began then, on a main whose last commit is of today."""
    branch = run_branch("toy", "ingest", "a run", 1, when)
    p.lake.create_branch(branch, "main")
    p.lake.put(branch, "clean/toy/readings/half", b"1")
    if commit:
        p.lake.commit(branch, "work", {})
    return branch


def branches(p: Platform) -> set[str]:
    return {branch.name for branch in p.lake.branches("run-")}


def sweep(p: Platform, now: datetime) -> int:
    return int(janitor.sweep(p.lake, p.outbox, now)["deleted"])


def test_a_branch_just_cut_from_a_main_that_stood_still_for_weeks_is_young(p: Platform) -> None:
    branch = opened(p, NOW + 30 * DAY)
    assert sweep(p, NOW + 30 * DAY + HOUR) == 0
    assert branches(p) == {branch}
    assert list(p.lake.uncommitted(branch)), "nothing of the running task was lost"
    assert sweep(p, NOW + 37 * DAY + HOUR) == 1
    assert branches(p) == set()


def test_a_branch_that_was_committed_to_is_as_old_as_its_last_commit(p: Platform) -> None:
    opened(p, NOW - 20 * DAY, commit=True)
    assert sweep(p, NOW + 6 * DAY) == 0
    assert sweep(p, NOW + 8 * DAY) == 1


def test_a_replay_is_as_old_as_its_work_and_a_foreign_name_stays(p: Platform) -> None:
    replay = f"{run_branch('toy', 'ingest', 'a run', 1, NOW)}-r0123abcd-101112131415"
    for name in (replay, "run-by-hand"):
        p.lake.create_branch(name, "main")
    assert sweep(p, NOW + 8 * DAY) == 1
    assert branches(p) == {"run-by-hand"}


def test_a_candidate_that_nobody_judged_alerts_and_never_goes(p: Platform, address: Address) -> None:
    deliver(address, DAY_ONE, {1: 1.0, 2: 2.0})
    ingest_all(p)
    crown(p)
    deliver(address, DAY_ONE + DAY, {1: 1.0, 2: 2.0})
    ingest_all(p)
    candidate = score_all(p)["branch"]
    swept = janitor.sweep(p.lake, p.outbox, NOW + 30 * DAY)
    assert swept["waiting"] == 1
    assert candidate in branches(p)
    assert ["a candidate waits" in alert.title for alert in p.outbox.all()] == [True]  # type: ignore[attr-defined]
