"""What a merge into main says of itself, and whether it fits what it did: pure rules."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from lakeloop.core.lake import EVIDENCE, receipt_path
from lakeloop.core.receipts import AnyReceipt

RUN_KEY = "lakeloop_run_key"
KIND = "lakeloop_kind"
CASE = "lakeloop_case"
AUDITED = "lakeloop_audited_commit"
EXPECTED = "lakeloop_expected_head"
EPOCH = "lakeloop_lease_epoch"
GATE = "lakeloop_gate_version"


def metadata(receipt: AnyReceipt, expected_head: str, epoch: int) -> dict[str, str]:
    """The metadata that goes with the merge of a piece of work."""
    return {
        RUN_KEY: receipt.run_key,
        KIND: receipt.kind,
        CASE: receipt.case,
        AUDITED: receipt.audited_commit,
        EXPECTED: expected_head,
        EPOCH: str(epoch),
        GATE: receipt.gate_version,
    }


class MergeFacts(NamedTuple):
    """What was seen of one commit on main."""

    commit: str
    parents: tuple[str, ...]
    metadata: Mapping[str, str]
    receipt: AnyReceipt | None
    receipt_was_there: bool
    after_audit: tuple[str, ...]  # paths changed between the audited commit and the source
    changed: tuple[str, ...]  # paths changed on main


def violations(facts: MergeFacts) -> list[str]:
    """Every way in which a commit on main does not attest what it did; empty means it does."""
    if len(facts.parents) != 2:
        return ["it is not a merge"]
    receipt = facts.receipt
    if receipt is None:
        return ["it has no receipt"]
    wrong = []
    if facts.metadata.get(RUN_KEY) != receipt.run_key:
        wrong.append("its metadata names other work than its receipt")
    if facts.receipt_was_there:
        wrong.append("its receipt was on main before it")
    if facts.metadata.get(EXPECTED) != facts.parents[0]:
        wrong.append("its expected_head is not the main it was merged into")
    if facts.metadata.get(AUDITED) != receipt.audited_commit:
        wrong.append("its receipt is of another commit")
    wrong += [f"changed after its audit: {path}" for path in foreign(receipt, facts.after_audit)]
    wrong += [
        f"a receipt of kind {receipt.kind} may not change {path}"
        for path in foreign(receipt, facts.changed)
        if not receipt.allows(path)
    ]
    return wrong


def foreign(receipt: AnyReceipt, paths: Iterable[str]) -> list[str]:
    """The paths that are neither the work's receipt nor its evidence."""
    own = receipt_path(receipt.run_key)
    evidence = f"{EVIDENCE}{receipt.run_key}/"
    return [path for path in paths if path != own and not path.startswith(evidence)]
