"""Verify: walk main's log and judge every merge by what it attests."""

from collections.abc import Iterator
from typing import NamedTuple

from lakeloop.core.attestation import RUN_KEY, MergeFacts, violations
from lakeloop.core.errors import NotFound
from lakeloop.core.lake import ACTIONS, HOOKS, MAIN, receipt_path
from lakeloop.core.receipts import BootstrapReceipt, MaintenanceReceipt
from lakeloop.gate import LATEST_RULES, rules_of
from lakeloop.ports import Commit, Lake
from lakeloop.steps.delta_logs import delta_log_faults
from lakeloop.steps.history import receipt_on
from lakeloop.steps.retention_faults import faults_of_retention


class Finding(NamedTuple):
    """One thing that is wrong with one commit of main."""

    commit: str
    wrong: str


def verify(lake: Lake, at: str = "") -> Iterator[tuple[Commit, list[Finding]]]:
    """Judge every commit of main, newest first, by the gate its receipt names; a commit without findings attests.

    The root commit (no parent) is the repository's own birth and holds nothing.
    """
    for commit in lake.log(at or lake.head(MAIN)):
        if commit.parents:
            yield commit, [Finding(commit.id, wrong) for wrong in _judge(lake, commit)]


def _judge(lake: Lake, commit: Commit) -> list[str]:
    changes = list(lake.diff(commit.parents[0], commit.id))
    facts = _facts(lake, commit, tuple(change.path for change in changes))
    wrong = violations(facts)
    rules = LATEST_RULES
    if facts.receipt is not None:
        known = rules_of(facts.receipt.gate_version)
        if known is None:
            wrong.append(f"its receipt names gate {facts.receipt.gate_version}, which this code does not know")
        rules = known or LATEST_RULES
    wrong += delta_log_faults(lake, commit.id, changes, rules)
    wrong += faults_of_retention(lake, facts.receipt, commit.parents[0], commit.id, changes)
    if not isinstance(facts.receipt, BootstrapReceipt | MaintenanceReceipt):
        wrong += [f"it changed the gate file {path}" for path in facts.changed if path.startswith((ACTIONS, HOOKS))]
    return wrong


def _facts(lake: Lake, commit: Commit, changed: tuple[str, ...]) -> MergeFacts:
    run_key = commit.metadata.get(RUN_KEY, "")
    receipt = receipt_on(lake, commit.id, run_key) if run_key else None
    after: tuple[str, ...] = ()
    was_there = False
    if receipt is not None and len(commit.parents) == 2:
        was_there = lake.exists(commit.parents[0], receipt_path(run_key))
        try:
            after = tuple(change.path for change in lake.diff(receipt.audited_commit, commit.parents[1]))
        except NotFound:
            after = (f"(the audited commit {receipt.audited_commit} does not exist)",)
    return MergeFacts(commit.id, commit.parents, commit.metadata, receipt, was_there, after, changed)
