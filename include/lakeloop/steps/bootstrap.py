"""Bring a repository under the gate, once, and a newer gate later as maintenance."""

from datetime import UTC, datetime
from typing import Protocol

from lakeloop.core.attestation import metadata
from lakeloop.core.errors import AlreadyExists, GateViolation, StackFailed
from lakeloop.core.lake import ACTIONS, HOOKS, MAIN, run_branch, run_key
from lakeloop.core.receipts import BootstrapReceipt, MaintenanceReceipt
from lakeloop.gate import gate_files, gate_version
from lakeloop.ports import Lake
from lakeloop.steps.publish import attest, drop_branches, seal


class Repository(Lake, Protocol):
    """A lake that can be created and protected."""

    def create_repository(self, namespace: str) -> bool:
        """Create it; False when it exists."""

    def protect(self, pattern: str) -> None:
        """Refuse direct writes on branches of a pattern."""

    def protected(self) -> list[str]:
        """Protected branch patterns."""

    def delete(self, branch: str, path: str) -> None:
        """Stage the removal of an object."""


def bootstrap(lake: Repository, namespace: str, code_version: str) -> str:
    """Create, protect and gate the repository; idempotent; says in a sentence what was done.

    Raises:
        StackFailed: the gate on main is not this code's; nothing was changed, `lakeloop upgrade` mends it.
    """
    created = lake.create_repository(namespace)
    if MAIN not in lake.protected():
        lake.protect(MAIN)
    if not created and any(True for _ in lake.list(MAIN, ACTIONS)):
        differing = gate_differences(lake)
        if differing:
            msg = (
                f"the gate on main of {lake.repository} is not this code's: {', '.join(differing)}. "
                "Nothing was changed. Next: `lakeloop upgrade`."
            )
            raise StackFailed(msg)
        return f"repository {lake.repository}: protected, gate {gate_version()} verified"
    bring_gate(lake, "bootstrap", code_version)
    return f"repository {lake.repository}: created, protected, gate {gate_version()} merged"


def upgrade(lake: Repository, code_version: str) -> str:
    """Merge this code's gate over an older one as maintenance; says in a sentence what was done."""
    differing = gate_differences(lake)
    if not differing:
        return f"gate {gate_version()} is in force already"
    bring_gate(lake, "upgrade", code_version)
    return f"gate {gate_version()} merged: {', '.join(differing)}"


def gate_differences(lake: Lake) -> list[str]:
    """Gate files on main that are missing, changed or unknown to this code."""
    wanted = gate_files()
    there = {path for prefix in (ACTIONS, HOOKS) for path in lake.list(MAIN, prefix)}
    differing = [f"{path} is unknown" for path in sorted(there - wanted.keys())]
    for path, content in sorted(wanted.items()):
        if path not in there:
            differing.append(f"{path} is missing")
        elif lake.get(MAIN, path) != content:
            differing.append(f"{path} is changed")
    return differing


def bring_gate(lake: Repository, stage: str, code_version: str) -> str:
    """Merge the gate files from a branch with its receipt; returns the merge commit."""
    head = lake.head(MAIN)
    key = run_key(case="platform", stage=stage, works=[gate_version(), head], contract="", code=code_version)
    branch = run_branch("platform", stage, gate_version(), 1)
    try:
        lake.create_branch(branch, head)
    except AlreadyExists as error:
        msg = f"branch {branch} exists; nothing was merged."
        raise GateViolation(msg) from error
    for prefix in (ACTIONS, HOOKS):
        for path in list(lake.list(branch, prefix)):
            if path not in gate_files():
                lake.delete(branch, path)
    for path, content in gate_files().items():
        lake.put(branch, path, content)
    audited = lake.commit(branch, f"gate {gate_version()}", {})
    kind = BootstrapReceipt if stage == "bootstrap" else MaintenanceReceipt
    receipt = kind(
        run_key=key, case="platform", stage=stage, base_commit=head, audited_commit=audited,
        gate_version=gate_version(), code_version=code_version, actor="lakeloop", run_id=stage,
        created_at=datetime.now(UTC),
    )  # fmt: skip
    seal(lake, branch, receipt)
    attest(lake, branch, receipt, head)
    done = lake.merge(branch, MAIN, f"{receipt.kind} gate {gate_version()}", metadata(receipt, head, 0))
    drop_branches(lake, branch)
    return done
