"""SIGKILL at every named point and at random moments; a retry ends in exactly the same content."""

import os
import random
from collections.abc import Callable
from datetime import timedelta

import pytest

from lakeloop.core.lake import UnitId
from lakeloop.steps import watch
from lakeloop.steps.history import read_ledger
from lakeloop.steps.platform import Platform
from tests.protocol import acts
from tests.protocol.delta_runner import FAULT
from tests.protocol.killing import Death, attempt
from tests.protocol.world import (
    DAY_ONE,
    Address,
    Rows,
    assert_accounted,
    assert_whole,
    available,
    clean_rows,
    crown,
    deliver,
    found,
    ingest_all,
    ingest_to_audit,
    quarantined,
    run,
    score_all,
    trusts,
    verdict_rows,
    watch_all,
)

KILLS = int(os.environ.get("LAKELOOP_KILLS", "50"))  # noqa: TID251  # how many is the caller's choice
SEED = int(os.environ.get("LAKELOOP_SEED", "20130701"))  # noqa: TID251
D = [DAY_ONE + timedelta(days=n) for n in range(6)]

PUBLISH = ("publish.checked", "publish.before_merge", "publish.after_merge", "publish.done")
REPLAY = ("replay.branched", "replay.written", "replay.audited", "seal.staged", "seal.committed")
WITHDRAW = ("withdraw.branched", "withdraw.written", "withdraw.committed", "withdraw.sealed", "withdraw.merged")
ACT = ("act.branched", "act.written", "act.sealed", "act.merged")
BACKDATE = ("backdate.branched", "backdate.committed", "backdate.sealed")
SET_ASIDE = ("set_aside.branched", "set_aside.committed")
INGEST = (
    "intake.branched", "intake.committed", "intake.sealed", "write.branched", "runner.unit_written",
    "write.committed", "audit.judged", "audit.sealed",
)  # fmt: skip


def ingest_dies(at: Address, rows: Rows, death: Death) -> bool:
    p = found(at)
    deliver(at, D[0], {1: 0.5, 2: 0.5})
    ingest_all(p)
    deliver(at, D[0], rows, later=1)
    deliver(at, D[1], rows)
    killed = attempt(acts.ingest, at, death, 1)
    attempt(acts.ingest, at, None, 2)
    assert clean_rows(p) == {D[0]: rows, D[1]: rows}
    return killed


def refusal_dies(at: Address, rows: Rows, death: Death) -> bool:
    p = found(at)
    deliver(at, D[0], rows)
    deliver(at, D[1], {1: 1.0})  # too few for the audit
    killed = attempt(acts.ingest, at, death, 1)
    attempt(acts.ingest, at, None, 2)
    assert clean_rows(p) == {D[0]: rows}
    assert quarantined(p) == [(D[1], "1,1.0", ["refused:audit"])]
    assert_accounted(p)
    return killed


def backdate_dies(at: Address, rows: Rows, death: Death) -> bool:
    p = found(at)
    deliver(at, D[0], rows, later=6)
    ingest_all(p)
    deliver(at, D[0], {1: 0.5, 2: 0.5})
    killed = attempt(acts.ingest, at, death, 1)
    attempt(acts.ingest, at, None, 2)
    owner = read_ledger(p.lake, "toy").owner(UnitId("readings", D[0]))
    assert owner is not None
    assert (clean_rows(p), owner.record.available_at) == ({D[0]: rows}, owner.record.delivered_at - timedelta(hours=6))
    assert set(available(p)[D[0]].values()) == {owner.record.available_at}
    assert_accounted(p)
    return killed


def replay_dies(at: Address, rows: Rows, death: Death) -> bool:
    p = found(at)
    deliver(at, D[0], {1: 0.5, 2: 0.5})
    ingest_all(p)
    deliver(at, D[1], rows)
    audited = ingest_to_audit(p)
    deliver(at, D[2], {7: 7.0, 8: 8.0})
    ingest_all(p, date_from=D[2], date_to=D[2])  # the table moves under the audited branch
    killed = attempt(acts.publish, at, death, 1, audited)
    attempt(acts.publish, at, None, 2, audited)
    assert clean_rows(p) == {D[0]: {1: 0.5, 2: 0.5}, D[1]: rows, D[2]: {7: 7.0, 8: 8.0}}
    return killed


def withdraw_dies(at: Address, rows: Rows, death: Death) -> bool:
    p = found(at)
    deliver(at, D[0], rows)
    ingest_all(p)
    crown(p)
    deliver(at, D[1], rows)
    ingest_all(p)
    score_all(p)
    watch_all(p)
    deliver(at, D[1], {1: 9.0, 9: 9.0}, later=1)
    deliver(at, D[2], {1: 5.0, 2: 5.0})
    ingest_all(p)
    score_all(p)
    watch_all(p)
    assert trusts(p) == {D[1]: {"trusted"}, D[2]: {"trusted"}}
    owner = read_ledger(p.lake, "toy").owner(UnitId("readings", D[1]))
    assert owner is not None
    killed = attempt(acts.withdraw_unit, at, death, 1, D[1], owner.run_key)
    attempt(acts.withdraw_unit, at, None, 2, D[1], owner.run_key)
    assert clean_rows(p) == {D[0]: rows, D[1]: rows, D[2]: {1: 5.0, 2: 5.0}}
    assert trusts(p) == {D[1]: {"recalled"}, D[2]: {"recalled"}}  # both dates' scores had read the second delivery
    assert verdict_rows(p).count((str(D[1]), "data_fault")) == 1
    return killed


def act_dies(at: Address, rows: Rows, death: Death) -> bool:
    p = found(at)
    deliver(at, D[0], rows)
    ingest_all(p)
    crown(p)
    for day, held in ((D[1], rows), (D[2], {1: FAULT, 2: 2.0}), (D[3], rows)):
        deliver(at, day, held)
    ingest_all(p)
    score_all(p)
    judged = watch.judge_dates(p, run("watch"))
    killed = attempt(acts.act_on, at, death, 1, judged)
    attempt(acts.act_on, at, None, 2, judged)
    assert clean_rows(p) == {D[0]: rows, D[1]: rows, D[3]: rows}
    assert verdict_rows(p).count((str(D[1]), "ok")) == 1
    assert verdict_rows(p).count((str(D[2]), "data_fault")) == 1
    score_all(p)
    watch_all(p)
    assert trusts(p) == {D[1]: {"trusted"}, D[3]: {"trusted"}}
    return killed


Scenario = Callable[[Address, Rows, Death], bool]
POINTS: list[tuple[Scenario, str]] = [
    *((ingest_dies, point) for point in (*INGEST, *PUBLISH)),
    *((refusal_dies, point) for point in (*SET_ASIDE, "publish.before_merge")),
    *((backdate_dies, point) for point in (*BACKDATE, *PUBLISH[:3])),
    *((replay_dies, point) for point in (*REPLAY, *PUBLISH)),
    *((withdraw_dies, point) for point in (*WITHDRAW, *PUBLISH[:3])),
    *((act_dies, point) for point in (*ACT, *WITHDRAW, *PUBLISH[:3])),
]


def plan(kills: int, seed: int) -> list[tuple[Scenario, Death]]:
    """Every named point once in random order, then random points, hits and moments."""
    dice = random.Random(seed)
    first = [(scenario, Death(point)) for scenario, point in POINTS]
    dice.shuffle(first)
    more: list[tuple[Scenario, Death]] = []
    while len(first) + len(more) < kills:
        scenario, point = dice.choice(POINTS)
        timed = Death(seconds=round(dice.uniform(0.05, 1.5), 3))
        more.append((scenario, dice.choice([Death(point, dice.choice([1, 1, 2])), timed])))
    return [*first, *more][:kills]


@pytest.mark.parametrize(
    ("scenario", "death", "cycle"),
    [
        pytest.param(scenario, death, cycle, id=f"{cycle}-{scenario.__name__}-{death.point or death.seconds}-{death.nth}")
        for cycle, (scenario, death) in enumerate(plan(KILLS, SEED))
    ],
)
def test_a_killed_try_and_its_retry_end_in_the_same_content(
    scenario: Scenario, death: Death, cycle: int, address: Address
) -> None:
    dice = random.Random(SEED + cycle)
    rows = {key: round(dice.uniform(1, 50), 2) for key in range(1, dice.randint(3, 8))}
    killed = scenario(address, rows, death)
    assert killed or death.seconds or death.nth > 1, f"{death.point} was never reached"
    assert_whole(_fresh(address))


def _fresh(address: Address) -> Platform:
    from tests.protocol.world import platform

    return platform(address)
