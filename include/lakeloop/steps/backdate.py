"""Backdate: say of main's rows that they were available earlier, where an older delivery of their unit arrived late."""

from collections import defaultdict
from datetime import UTC
from typing import Any

from tenacity import Retrying, retry_if_exception_type, stop_after_attempt

from lakeloop.core.backdating import Earlier, to_backdate
from lakeloop.core.checkpoints import reached
from lakeloop.core.errors import GateViolation, PreconditionFailed
from lakeloop.core.jobs import Slice
from lakeloop.core.lake import MAIN, clean, run_key
from lakeloop.core.ledger import Ledger
from lakeloop.core.receipts import BackdatedRecord, BackdatingReceipt
from lakeloop.core.runs import Run
from lakeloop.core.use_case import UseCase
from lakeloop.core.words import counted
from lakeloop.steps.history import read_ledger
from lakeloop.steps.platform import Platform
from lakeloop.steps.publish import Work, drop_branches, publish, seal
from lakeloop.steps.signing import about

_COLUMN = "available_at"


def backdate(p: Platform, run: Run, decided: Ledger) -> dict[str, Any]:
    """Correct `available_at` of main's rows inside the run's range; says nothing where all of them know their first delivery.

    What an earlier try of the step merged, by the same ledger, is told again.
    """
    planned = to_backdate(decided, p.case, run)
    if not planned:
        return {}
    for attempt in Retrying(retry=retry_if_exception_type(PreconditionFailed), stop=stop_after_attempt(3), reraise=True):
        with attempt:
            return _backdate_once(p, run, planned)
    msg = "unreachable: the last attempt returns or raises"
    raise AssertionError(msg)


def _backdate_once(p: Platform, run: Run, planned: list[Earlier]) -> dict[str, Any]:
    head = p.lake.head(MAIN)
    ledger = read_ledger(p.lake, p.case.name, head)
    if entry := ledger.entries.get(_key(p, planned)):
        return _told(planned, entry.receipt.run_key, entry.commit)
    found = to_backdate(ledger, p.case, run)
    if not found:
        return {}
    key = _key(p, found)
    branch = run.branch(p.case.name)
    p.lake.create_branch(branch, head)
    reached("backdate.branched")
    _write(p, branch, head, found)
    audited = p.lake.commit(branch, f"backdate {counted(len(found), 'unit')}", {"lakeloop_run_key": key})
    reached("backdate.committed")
    receipt = BackdatingReceipt(
        **about(p, run, key=key, base=head, audited=audited), backdated=_proved(p, head, audited, found)
    )  # fmt: skip
    seal(p.lake, branch, receipt)
    reached("backdate.sealed")
    slices = tuple(_slice(p.case, one) for one in found)
    done = publish(p.lake, p.tables, p.lease, Work(branch, receipt, lambda now: _check(p, run, now, found), slices))
    drop_branches(p.lake, branch)
    return _told(found, key, done)


def _key(p: Platform, found: list[Earlier]) -> str:
    return run_key(case=p.case.name, stage="backdate", works=[one.work for one in found], contract="", code="")


def _told(found: list[Earlier], key: str, merge: str) -> dict[str, Any]:
    more = f" and {len(found) - 1} more" if len(found) > 1 else ""
    return {"merges": {key: merge}, "summary": f"{found[0].owner.record.unit} {found[0].words}{more}: backdated"}


def _write(p: Platform, branch: str, head: str, found: list[Earlier]) -> None:
    """Main's own rows, with nothing but the time another one."""
    slices: dict[str, list[Slice]] = defaultdict(list)
    for one in found:
        slices[one.available_at.astimezone(UTC).isoformat()].append(_slice(p.case, one))
    for moment, pieces in sorted(slices.items()):
        p.tables.copy(head, branch, pieces, {_COLUMN: moment})


def _proved(p: Platform, head: str, audited: str, found: list[Earlier]) -> tuple[BackdatedRecord, ...]:
    slices = [_slice(p.case, one) for one in found]
    was, now = (p.tables.fingerprints(ref, slices, [_COLUMN]) for ref in (head, audited))
    if was != now:
        msg = f"the rows at {audited} are not those of {head} with another {_COLUMN}; nothing was backdated."
        raise GateViolation(msg)
    prints = p.tables.fingerprints(audited, slices)
    return tuple(
        BackdatedRecord(
            **one.owner.record.model_dump(include={"table", "data_date", "delivery", "sha256"}), owner=one.owner.run_key,
            available_at=one.available_at, fingerprint=prints.get((piece.table, piece.values[0]), one.owner.record.fingerprint),
        )
        for one, piece in zip(found, slices, strict=True)
    )  # fmt: skip


def _check(p: Platform, run: Run, now: Ledger, found: list[Earlier]) -> None:
    still = {one.work for one in to_backdate(now, p.case, run)}
    if gone := next((one for one in found if one.work not in still), None):
        msg = f"{gone.owner.record.unit} changed hands, or was available earlier still; nothing was backdated."
        raise PreconditionFailed(msg)


def _slice(case: UseCase, one: Earlier) -> Slice:
    unit = one.owner.record.unit
    return Slice(table=clean(case.name, unit.table), values=(unit.data_date.isoformat(),))
