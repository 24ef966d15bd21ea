"""Retention: what of a case is past its time by contract."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from lakeloop.core.deliveries import is_settled, state_of
from lakeloop.core.lake import Stored
from lakeloop.core.ledger import Ledger
from lakeloop.core.receipts import (
    ActReceipt,
    AnyReceipt,
    DataReceipt,
    IntakeReceipt,
    LandedRecord,
    RefusalReceipt,
    RemovedRecord,
)
from lakeloop.core.use_case import UseCase


def now_of(ledger: Ledger, case: UseCase, wall: datetime) -> datetime | None:
    """The case's own time: the clock's, or that of its newest landed delivery; None before there is one."""
    return wall if case.clock == "wall" else ledger.business_time()


def due_landing(ledger: Ledger, case: UseCase, now: datetime) -> Iterator[tuple[LandedRecord, str]]:
    """Deliveries whose bytes are past their time, with why; none of a (table, data date) that is still open."""
    version = case.contract_version()
    for contract in case.tables:
        until = before(case, now, contract.retention.landing_days)
        for unit, records in ledger.landed.items():
            is_due = until and unit.table == contract.name and unit.data_date < until
            if is_due and all(is_settled(ledger, record, version) for record in records):
                why = f"{contract.name} keeps bytes {contract.retention.landing_days} days"
                yield from ((one, f"{state_of(ledger, one, version)}; {why}") for one in records if one.id not in ledger.gone)


def due_evidence(ledger: Ledger, case: UseCase, now: datetime) -> dict[str, str]:
    """Run keys of work whose evidence is past its time, with why; never what stands behind visible scores.

    The newest data receipt keeps its own: it holds the contracts that the next write is compared with.
    """
    until = before(case, now, case.evidence_days)
    if until is None:
        return {}
    newest = next((key for key in reversed(ledger.entries) if isinstance(ledger.entries[key].receipt, DataReceipt)), "")
    visible = {key for one in ledger.scores.values() if not one.recalled for key in (one.act, one.candidate)}
    old: dict[str, str] = {}
    for receipt, said in _told_at(ledger, case):
        keys = {receipt.run_key, receipt.candidate} if isinstance(receipt, ActReceipt) else {receipt.run_key}
        for key in keys:
            old.pop(key, None)  # a candidate is as old as the last act on it
            if said.date() < until:
                old[key] = f"{receipt.kind} of {said.date()}; {case.name} keeps evidence {case.evidence_days} days"
    return {key: why for key, why in old.items() if key not in visible | {newest}}


def before(case: UseCase, now: datetime, days: int | None) -> date | None:
    """The first data date that is still kept; None where all are."""
    return now.astimezone(ZoneInfo(case.timezone)).date() - timedelta(days=days) if days else None


def record_of(what: str, path: str, objects: Sequence[Stored], because: str) -> RemovedRecord:
    """What the receipt says of one folder."""
    return RemovedRecord.model_validate(
        {
            "what": what, "path": path, "objects": len(objects), "size": sum(one.size for one in objects),
            "digest": digest_of(one.path for one in objects), "because": because,
        }
    )  # fmt: skip


def digest_of(paths: Iterable[str]) -> str:
    """One word for a list of paths."""
    return hashlib.sha256("\n".join(sorted(paths)).encode()).hexdigest()


def _told_at(ledger: Ledger, case: UseCase) -> Iterator[tuple[AnyReceipt, datetime]]:
    """The case's receipts whose evidence may go, with when they were made by the case's own time."""
    newest = datetime.min.replace(tzinfo=UTC)
    for entry in ledger.entries.values():
        receipt = entry.receipt
        if isinstance(receipt, IntakeReceipt):
            newest = max((newest, *(one.delivered_at for one in receipt.landed)))
        if isinstance(receipt, IntakeReceipt | DataReceipt | RefusalReceipt | ActReceipt):
            yield receipt, receipt.created_at if case.clock == "wall" else newest
