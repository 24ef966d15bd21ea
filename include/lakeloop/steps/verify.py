"""Verify: walk main's log and judge every merge by what it attests."""

from collections.abc import Iterator
from typing import NamedTuple

from lakeloop.core.attestation import RUN_KEY, MergeFacts, log_gaps, violations
from lakeloop.core.errors import NotFound
from lakeloop.core.lake import ACTIONS, HOOKS, MAIN, receipt_path
from lakeloop.core.receipts import BootstrapReceipt, MaintenanceReceipt
from lakeloop.ports import Commit, Lake
from lakeloop.steps.history import receipt_on


class Finding(NamedTuple):
    """One thing that is wrong with one commit of main."""

    commit: str
    wrong: str


def verify(lake: Lake, at: str = "") -> Iterator[tuple[Commit, list[Finding]]]:
    """Judge every commit of main, newest first; a commit without findings attests.

    The root commit (no parent) is the repository's own birth and holds nothing.
    """
    for commit in lake.log(at or lake.head(MAIN)):
        if commit.parents:
            yield commit, [Finding(commit.id, wrong) for wrong in _judge(lake, commit)]


def _judge(lake: Lake, commit: Commit) -> list[str]:
    facts = _facts(lake, commit)
    wrong = violations(facts)
    for folder in sorted(_logs(facts.changed)):
        names = [path.removeprefix(folder) for path in lake.list(commit.id, folder)]
        wrong += log_gaps(folder, names)
    if not isinstance(facts.receipt, BootstrapReceipt | MaintenanceReceipt):
        wrong += [f"it changed the gate file {path}" for path in facts.changed if path.startswith((ACTIONS, HOOKS))]
    return wrong


def _facts(lake: Lake, commit: Commit) -> MergeFacts:
    run_key = commit.metadata.get(RUN_KEY, "")
    receipt = receipt_on(lake, commit.id, run_key) if run_key else None
    changed = tuple(change.path for change in lake.diff(commit.parents[0], commit.id))
    after: tuple[str, ...] = ()
    was_there = False
    if receipt is not None and len(commit.parents) == 2:
        was_there = lake.exists(commit.parents[0], receipt_path(run_key))
        try:
            after = tuple(change.path for change in lake.diff(receipt.audited_commit, commit.parents[1]))
        except NotFound:
            after = (f"(the audited commit {receipt.audited_commit} does not exist)",)
    return MergeFacts(commit.id, commit.parents, commit.metadata, receipt, was_there, after, changed)


def _logs(paths: tuple[str, ...]) -> set[str]:
    return {path[: path.index("/_delta_log/") + 12] for path in paths if "/_delta_log/" in path}
