"""Janitor: branches that nobody will come back for; candidates are never expired, they alert."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from lakeloop.core.lake import branch_prefix, opened_at
from lakeloop.core.scoring import is_spent
from lakeloop.core.words import counted
from lakeloop.ports import AlertOutbox, Branch, Lake
from lakeloop.steps.history import read_candidates, read_ledger

KEEP = timedelta(days=7)  # run branches of failed work, for the person who looks
CANDIDATE_ALERT = timedelta(hours=36)
_RUN_BRANCH = re.compile(r"run-([a-z][a-z0-9_]*)-(ingest|score|watch|train|platform|bootstrap|upgrade)-")


def sweep(lake: Lake, outbox: AlertOutbox, now: datetime | None = None, keep: timedelta = KEEP) -> dict[str, Any]:
    """Delete expired run branches and spent candidates; alert on candidates that nobody judged.

    A branch's age is that of its last sign of life: its opening, which its name tells, or its last commit. The commit
    alone would be main's until the run makes one of its own. A name that tells nothing is somebody else's, and stays.
    """
    now = now or datetime.now(UTC)
    deleted: list[str] = []
    waiting: list[str] = []
    live = _candidates(lake)
    for branch in list(lake.branches("run-")):
        committed = lake.commit_of(branch.head).created
        opened = opened_at(branch.name)
        if branch.name in live:
            spent, case = live[branch.name]
            if spent:
                _delete(lake, branch, deleted)
            elif now - committed > CANDIDATE_ALERT:
                waiting.append(branch.name)
                _alert(outbox, case, branch, now - committed)
        elif opened and now - max(opened, committed) > keep:
            _delete(lake, branch, deleted)
    summary = f"{counted(len(deleted), 'branch')} deleted, {counted(len(waiting), 'candidate')} waiting too long"
    return {"nothing_to_do": False, "deleted": len(deleted), "waiting": len(waiting), "summary": summary}


def _candidates(lake: Lake) -> dict[str, tuple[bool, str]]:
    cases = {found.group(1) for branch in lake.branches("run-") if (found := _RUN_BRANCH.match(branch.name))}
    live = {}
    for case in sorted(cases):
        if any(True for _ in lake.branches(branch_prefix(case, "score"))):
            ledger = read_ledger(lake, case)
            live.update({one.branch: (is_spent(ledger, one), case) for one in read_candidates(lake, case)})
    return live


def _delete(lake: Lake, branch: Branch, deleted: list[str]) -> None:
    lake.delete_branch(branch.name)
    deleted.append(branch.name)


def _alert(outbox: AlertOutbox, case: str, branch: Branch, age: timedelta) -> None:
    outbox.enqueue(
        key=f"candidate:{branch.name}:{age.days}",
        severity="warning",
        title=f"{case}: a candidate waits to be judged for {age.days} days",
        body={
            "cause": f"{branch.name} was not judged",
            "not done": "its scores are not on main; it is never expired",
            "next": f"trigger {case}__watch, or look at why its runs fail",
        },
        channel="#lakeloop",
    )
