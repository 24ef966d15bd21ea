"""Publish: merge a piece of audited work into main, once, on preconditions that hold."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from lakeloop.core.attestation import metadata
from lakeloop.core.checkpoints import reached
from lakeloop.core.errors import (
    AlreadyPublished,
    GateViolation,
    LakeError,
    MergeConflict,
    NothingToDo,
    StaleHead,
    Unavailable,
)
from lakeloop.core.jobs import Slice
from lakeloop.core.lake import ACTIONS, HOOKS, MAIN, OWN, evidence_path, receipt_path
from lakeloop.core.ledger import Ledger
from lakeloop.core.receipts import AnyReceipt, BootstrapReceipt, MaintenanceReceipt, RetentionReceipt
from lakeloop.ports import Lake, Lease, Tables
from lakeloop.steps.delta_logs import delta_log_faults
from lakeloop.steps.history import merged_as, read_ledger
from lakeloop.steps.retention_faults import faults_of_retention

_ROUNDS = 8


@dataclass(frozen=True)
class Work:
    """A piece of audited work on its branch.

    `slices` are the rows it replaces: when their tables moved on main since the branch was cut,
    the work is replayed from `receipt.audited_commit` onto a new branch, else the branch is merged.
    `check` raises PreconditionFailed when the ledger does not allow the work.
    """

    branch: str
    receipt: AnyReceipt
    check: Callable[[Ledger], None]
    slices: tuple[Slice, ...] = ()
    carried: tuple[str, ...] = ()  # prefixes of what other work said of itself, committed with the rows
    fresh: bool = True  # whether the branch may be merged itself; a candidate may not


def publish(lake: Lake, tables: Tables, lease: Lease, work: Work) -> str:
    """Bring a piece of work into main and return its merge commit; done before, it is found.

    Raises:
        PreconditionFailed: main does not allow the work any more; nothing was merged.
        GateViolation: the branch does not attest what it brings; nothing was merged.
        LeaseLost, Frozen: this publisher may not publish now; nothing was merged.
        Unavailable: the outcome could not be read; a retry reads it first.
    """
    run_key = work.receipt.run_key
    with lease.hold(f"publish:{lake.repository}", work.branch) as epoch:
        for attempt in Retrying(
            retry=retry_if_exception_type((StaleHead, MergeConflict, Unavailable)),
            stop=stop_after_attempt(_ROUNDS), wait=wait_random_exponential(0.1, max=5), reraise=True,
        ):  # fmt: skip
            with attempt:
                done = merged_as(lake, work.receipt.case, run_key)
                if done:
                    return done
                lease.check_not_frozen()
                return _round(lake, tables, work, epoch)
    msg = "unreachable: the last round returns or raises"
    raise AssertionError(msg)


def _round(lake: Lake, tables: Tables, work: Work, epoch: int) -> str:
    head = lake.head(MAIN)
    work.check(read_ledger(lake, work.receipt.case, head))
    reached("publish.checked")
    if work.fresh and not _moved(lake, work, head):
        branch, receipt = work.branch, work.receipt
    else:
        branch, receipt = replay(lake, tables, work, head)
    attest(lake, branch, receipt, head)
    reached("publish.before_merge")
    try:
        done = lake.merge(branch, MAIN, f"{receipt.kind} {receipt.case}", metadata(receipt, head, epoch))
    except (AlreadyPublished, NothingToDo) as error:
        found = merged_as(lake, receipt.case, receipt.run_key)
        if found is None:
            msg = f"{error} But no merge on main names {receipt.run_key}."
            raise GateViolation(msg) from error
        done = found
    reached("publish.after_merge")
    return done


def _moved(lake: Lake, work: Work, head: str) -> bool:
    """Whether anything under the work's tables changed on main since its branch was cut."""
    base = work.receipt.base_commit
    if base == head:
        return False
    folders = {f"{piece.table}/" for piece in work.slices}
    return any(any(True for _ in lake.diff(base, head, folder)) for folder in sorted(folders))


def replay(lake: Lake, tables: Tables, work: Work, head: str) -> tuple[str, AnyReceipt]:
    """Write the work's slices again on a branch from `head`, from its own audited snapshot, and compare."""
    branch = f"{work.branch[:80]}-r{head[:8]}-{datetime.now(UTC).strftime('%H%M%S%f')}"
    lake.create_branch(branch, head)
    reached("replay.branched")
    source = work.receipt.audited_commit
    tables.copy(source, branch, work.slices)
    carry(lake, work.carried, source, branch)
    reached("replay.written")
    try:
        audited = lake.commit(branch, f"replay {work.receipt.kind}", {})
    except NothingToDo:
        audited = head
    same_rows(tables, source, audited, work.slices)
    reached("replay.audited")
    carry(lake, (evidence_path(work.receipt.run_key, ""),), work.branch, branch)
    receipt = work.receipt.model_copy(update={"base_commit": head, "audited_commit": audited})
    seal(lake, branch, receipt)
    return branch, receipt


def carry(lake: Lake, prefixes: Sequence[str], source: str, branch: str) -> None:
    """Stage the receipts and evidence under these prefixes on a branch, as they stand at `source`."""
    for prefix in prefixes:
        for path in lake.list(source, prefix):
            lake.put(branch, path, lake.get(source, path))


def put_evidence(lake: Lake, branch: str, run_key: str, files: Mapping[str, str]) -> None:
    """Stage the evidence of some work, to be committed with its receipt."""
    for name, text in files.items():
        lake.put(branch, evidence_path(run_key, name), text.encode())


def same_rows(tables: Tables, source: str, audited: str, slices: Sequence[Slice]) -> None:
    """Compare what was written again with its audited snapshot.

    Raises:
        GateViolation: they differ; nothing was merged.
    """
    wanted, got = tables.fingerprints(source, slices), tables.fingerprints(audited, slices)
    if wanted != got:
        wrong = sorted(key for key in wanted.keys() | got.keys() if wanted.get(key) != got.get(key))
        msg = f"what was written again differs from the audited snapshot {source} in {wrong[:5]}; nothing was merged."
        raise GateViolation(msg)


def seal(lake: Lake, branch: str, receipt: AnyReceipt) -> str:
    """Commit the receipt, with whatever evidence was staged, as the branch's last word."""
    lake.put(branch, receipt_path(receipt.run_key), receipt.model_dump_json(indent=1).encode())
    reached("seal.staged")
    done = lake.commit(branch, f"receipt: {receipt.kind} {receipt.case}", {"lakeloop_run_key": receipt.run_key})
    reached("seal.committed")
    return done


def attest(lake: Lake, branch: str, receipt: AnyReceipt, head: str) -> None:
    """The client's half of the gate, since a branch could have dropped the hook files.

    Raises:
        GateViolation: names the first path that the work may not bring.
    """
    source = lake.head(branch)
    if any(True for _ in lake.uncommitted(branch)):
        msg = f"{branch} has uncommitted objects; nothing was merged."
        raise GateViolation(msg)
    after = [change.path for change in lake.diff(receipt.audited_commit, source)]
    own = (receipt_path(receipt.run_key), f"_lakeloop/evidence/{receipt.run_key}/")
    for path in after:
        if not path.startswith(own):
            msg = f"{branch}: changed after its audit: {path}; nothing was merged."
            raise GateViolation(msg)
    if isinstance(receipt, BootstrapReceipt | MaintenanceReceipt):
        return
    base = lake.commit_of(receipt.base_commit).id
    _unsaid(lake, branch, base, source, receipt)
    for prefix in (ACTIONS, HOOKS):
        for change in lake.diff(base, source, prefix):
            msg = f"{branch} {change.type} the gate file {change.path}; nothing was merged."
            raise GateViolation(msg)
    changes = list(lake.diff(base, source))
    for change in changes:
        if not change.path.startswith(own) and not receipt.allows(change.path):
            msg = f"{branch}: a receipt of kind {receipt.kind} may not change {change.path}; nothing was merged."
            raise GateViolation(msg)
    for fault in (*delta_log_faults(lake, source, changes), *faults_of_retention(lake, receipt, base, source, changes)):
        msg = f"{branch}: {fault}; nothing was merged."
        raise GateViolation(msg)


def _unsaid(lake: Lake, branch: str, base: str, source: str, receipt: AnyReceipt) -> None:
    """Receipts and evidence are added to, never changed; what a retention takes is judged by rules of its own."""
    if isinstance(receipt, RetentionReceipt):
        return
    for change in lake.diff(base, source, OWN):
        if change.type != "added":
            msg = f"{branch} {change.type} what main has said already: {change.path}; nothing was merged."
            raise GateViolation(msg)


def drop_branches(lake: Lake, branch: str) -> None:
    """Delete a run branch and its replays; a failure here is the janitor's to mend."""
    try:
        for found in lake.branches(branch[:80]):
            if found.name == branch or found.name.startswith(f"{branch[:80]}-r"):  # other runs' may begin alike
                lake.delete_branch(found.name)
    except LakeError:
        return
