"""Deliveries as one lists them: what became of each, why, and what to do about it."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Literal

from lakeloop.core.deliveries import SUPERSEDED, State, has_landed, is_new, state_of
from lakeloop.core.ledger import Ledger
from lakeloop.core.receipts import LandedRecord
from lakeloop.core.use_case import UseCase
from lakeloop.core.value import Value

_NEXT = " Next: "


class Listing(Value):
    """One delivery on a list; one that still waits in the feed has no number."""

    case: str
    table: str
    data_date: date
    delivery: int | None
    state: State | Literal["waiting"]
    delivered_at: datetime
    rows: int
    reason: str = ""
    next: str = ""
    bytes_gone: str = ""  # by which retention, since when; empty while landing/ holds them


def listed(ledger: Ledger, case: UseCase, arrivals: Iterable[LandedRecord] = ()) -> list[Listing]:
    """Every delivery that landed, and those of the arrivals that wait, in the order of tables and dates."""
    landed = [_landed(ledger, case, record) for records in ledger.landed.values() for record in records]
    waiting = [_waiting(case, record) for record in arrivals if _waits(ledger, record)]
    return sorted([*landed, *waiting], key=lambda one: (one.table, one.data_date, one.delivered_at, one.delivery or 0))


def _landed(ledger: Ledger, case: UseCase, record: LandedRecord) -> Listing:
    state = state_of(ledger, record, case.contract_version())
    reason, then = _words(ledger, case, record, state)
    merge = ledger.entries[ledger.gone[record.id]] if record.id in ledger.gone else None
    if merge and state in {"refused", "withdrawn"}:
        then = "deliver it again with a later delivered_at"
    gone = f"its bytes went with retention {merge.receipt.run_key[:12]} on {merge.receipt.created_at:%Y-%m-%d}" if merge else ""
    return Listing(
        case=case.name, table=record.table, data_date=record.data_date, delivery=record.delivery, state=state,
        delivered_at=record.delivered_at, rows=record.rows, reason="; ".join(filter(None, (reason, gone))), next=then,
        bytes_gone=gone,
    )  # fmt: skip


def _words(ledger: Ledger, case: UseCase, record: LandedRecord, state: State) -> tuple[str, str]:
    run, said = f"the next run of {case.name}__ingest", ledger.refused.get(record.id)
    if state == "published":
        return "", ""
    if state == "withdrawn":
        gone, _ = ledger.withdrawn[(record.unit, record.sha256)]
        asked = f"a repaired delivery, or a run of {case.name}__ingest over its night with reinstate and a reason"
        return f"verdict {gone.verdict}: {gone.words}".rstrip(": "), asked
    if state == SUPERSEDED:
        owner = ledger.owner(record.unit)
        return f"delivery {owner.record.delivery} is newer and is published" if owner else "", "nothing"
    if state == "refused" and said:
        reason, _, then = said[0].refusal.message.rpartition(_NEXT)
        return (reason, then) if reason else (then, "a repaired delivery")
    return ("refused under another contract", f"{run} looks at it again") if said else ("", f"{run} publishes or refuses it")


def _waits(ledger: Ledger, record: LandedRecord) -> bool:
    """Whether the next run takes it in; what broke its promise before stays in the feed, and is known."""
    known = any(old.is_broken and old.delivered_at == record.delivered_at for old in ledger.landed.get(record.unit, ()))
    return not known and not has_landed(ledger, record) and is_new(ledger, record)


def _waiting(case: UseCase, record: LandedRecord) -> Listing:
    return Listing(
        case=case.name, table=record.table, data_date=record.data_date, delivery=None, state="waiting",
        delivered_at=record.delivered_at, rows=record.rows, reason=record.damage.partition(_NEXT)[0],
        next=f"the next run of {case.name}__ingest takes it in",
    )  # fmt: skip
