"""Withdraw: take units back with everything that had read them, in one gated merge."""

from collections.abc import Mapping, Sequence

from tenacity import Retrying, retry_if_exception_type, stop_after_attempt

from lakeloop.core import lake as places
from lakeloop.core.checkpoints import reached
from lakeloop.core.errors import GateViolation, NothingToDo, Outdated
from lakeloop.core.jobs import Slice
from lakeloop.core.lake import MAIN, evidence_path, run_branch, run_key
from lakeloop.core.ledger import Ledger
from lakeloop.core.receipts import RecalledRecord, WithdrawalReceipt, WithdrawnRecord
from lakeloop.core.reports import Fingerprint
from lakeloop.core.runs import Run
from lakeloop.core.withdrawal import Cascade, Condemned, cascade_of, check_same
from lakeloop.steps.history import merged_as, read_candidates, read_ledger, receipt_on
from lakeloop.steps.platform import Platform
from lakeloop.steps.publish import Work, drop_branches, publish, put_evidence, seal
from lakeloop.steps.signing import about

INCIDENT = "incident.md"
VerdictRow = Mapping[str, str | int | float | None]


def withdrawal_key(p: Platform, condemned: Sequence[Condemned]) -> str:
    """The run key of withdrawing exactly these units of exactly these receipts."""
    works = [f"{unit} of {receipt}" for unit, receipt, _ in condemned]
    return run_key(case=p.case.name, stage="withdraw", works=works, contract=p.case.contract_version(), code="")


def withdraw(
    p: Platform, run: Run, condemned: Sequence[Condemned], verdicts: Sequence[VerdictRow], evidence: Mapping[str, str]
) -> tuple[str, WithdrawalReceipt]:
    """Take the units back to what they were before their merge; returns the merge commit and receipt.

    Raises:
        PreconditionFailed: a unit is not on main, or belongs to another delivery; nothing was withdrawn.
    """
    for attempt in Retrying(retry=retry_if_exception_type(Outdated), stop=stop_after_attempt(3), reraise=True):
        with attempt:
            key = withdrawal_key(p, condemned)
            done = merged_as(p.lake, p.case.name, key)
            receipt = receipt_on(p.lake, done, key) if done else None
            if done and isinstance(receipt, WithdrawalReceipt):
                return done, receipt
            return _withdraw_once(p, run, condemned, verdicts, evidence)
    msg = "unreachable: the last attempt returns or raises"
    raise AssertionError(msg)


def _withdraw_once(
    p: Platform, run: Run, condemned: Sequence[Condemned], verdicts: Sequence[VerdictRow], evidence: Mapping[str, str]
) -> tuple[str, WithdrawalReceipt]:
    head = p.lake.head(MAIN)
    ledger = read_ledger(p.lake, p.case.name, head)
    cascade = cascade_of(ledger, condemned, read_candidates(p.lake, p.case.name))
    key = withdrawal_key(p, condemned)
    branch = run_branch(p.case.name, "watch", f"withdraw-{run.run_id}", run.attempt)
    p.lake.create_branch(branch, head)
    reached("withdraw.branched")
    slices = _write(p, branch, cascade, key, verdicts)
    reached("withdraw.written")
    audited = _commit(p, branch, head)
    reached("withdraw.committed")
    incident = evidence_path(key, INCIDENT) if INCIDENT in evidence else ""
    receipt = _receipt(p, run, condemned, cascade, key, head, audited, incident)
    put_evidence(p.lake, branch, key, evidence)
    seal(p.lake, branch, receipt)
    reached("withdraw.sealed")

    def check(now: Ledger) -> None:
        check_same(cascade, condemned, now, read_candidates(p.lake, p.case.name))

    done = publish(p.lake, p.tables, p.lease, Work(branch, receipt, check, slices))
    reached("withdraw.merged")
    drop_branches(p.lake, branch)
    return done, receipt


def _write(p: Platform, branch: str, cascade: Cascade, key: str, verdicts: Sequence[VerdictRow]) -> tuple[Slice, ...]:
    slices = []
    for unit, owner in cascade.owners.items():
        piece = Slice(table=places.clean(p.case.name, unit.table), values=(unit.data_date.isoformat(),))
        p.tables.copy(owner.parent, branch, [piece])
        slices.append(piece)
    if cascade.recalled:
        days = tuple(day.isoformat() for day in sorted(cascade.recalled))
        piece = Slice(table=places.scores(p.case.name), values=days)
        p.tables.update(branch, [piece], "trust", "recalled")
        slices.append(piece)
    if verdicts:
        table = places.verdicts(p.case.name)
        p.tables.append(branch, table, [{**row, "run_key": key} for row in verdicts])
        slices.append(Slice(table=table, column="run_key", values=(key,)))
    return tuple(slices)


def _commit(p: Platform, branch: str, head: str) -> str:
    try:
        return p.lake.commit(branch, "withdraw", {})
    except NothingToDo:
        return head


def _receipt(
    p: Platform, run: Run, condemned: Sequence[Condemned], cascade: Cascade,
    key: str, head: str, audited: str, incident: str,
) -> WithdrawalReceipt:  # fmt: skip
    words = {one.unit: one.words for one in condemned}
    return WithdrawalReceipt(
        **about(p, run, key=key, base=head, audited=audited),
        withdrawn=tuple(
            WithdrawnRecord(
                table=unit.table, data_date=unit.data_date, delivery=owner.record.delivery,
                sha256=owner.record.sha256, condemned=owner.run_key, condemned_commit=owner.commit,
                back_to=cascade.back_to[unit], words=words[unit],
                fingerprint=_restored(p, unit, owner.parent, audited),
            )
            for unit, owner in cascade.owners.items()
        ),
        recalled=_recalled(p, cascade, audited),
        dropped=cascade.dropped, flagged_models=cascade.flagged,
        incident=incident,
    )  # fmt: skip


def _restored(p: Platform, unit: places.UnitId, before: str, after: str) -> Fingerprint | None:
    """The partition's fingerprint, proved equal to what it was before the condemned merge."""
    piece = Slice(table=places.clean(p.case.name, unit.table), values=(unit.data_date.isoformat(),))
    was, now = p.tables.fingerprints(before, [piece]), p.tables.fingerprints(after, [piece])
    if was != now:
        msg = f"{unit} on the withdrawal branch is not what it was at {before}; nothing was withdrawn."
        raise GateViolation(msg)
    return next(iter(now.values()), None)


def _recalled(p: Platform, cascade: Cascade, audited: str) -> tuple[RecalledRecord, ...]:
    if not cascade.recalled:
        return ()
    table = places.scores(p.case.name)
    days = tuple(day.isoformat() for day in sorted(cascade.recalled))
    held = p.tables.fingerprints(audited, [Slice(table=table, values=days)])
    return tuple(
        RecalledRecord(data_date=day, scores=scores, rows=held[(table, day.isoformat())].rows)
        for day, scores in sorted(cascade.recalled.items())
    )
