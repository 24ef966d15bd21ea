"""States of a delivery, and what is to be done about it: pure decisions over the ledger."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Final, Literal

from lakeloop.core.contract import TableContract
from lakeloop.core.feed import place_in_order
from lakeloop.core.ledger import Ledger, Owner
from lakeloop.core.receipts import DataReceipt, LandedRecord, RefusalReceipt, UnitRecord
from lakeloop.core.reports import Refusal
from lakeloop.core.runs import Run
from lakeloop.core.use_case import UseCase

State = Literal["taken in", "published", "refused", "withdrawn", "superseded"]
SUPERSEDED: Final = "superseded"
BYTES_GONE: Final = "bytes_gone"


def is_new(ledger: Ledger, record: LandedRecord, taken: Sequence[LandedRecord] = ()) -> bool:
    """Whether an arrived delivery has to be taken in, after those of its unit that were `taken` just now.

    What has landed is the folder we have seen; the same bytes as main holds now are a no-op, unless they were sent
    before all others of their unit, which says when it was available; anything else is a delivery of its own.
    """
    if has_landed(ledger, record, taken):
        return False
    owner = ledger.owner(record.unit)
    if owner is None or owner.record.sha256 != record.sha256 or owner.record.id in ledger.gone:
        return True
    known = (*ledger.landed.get(record.unit, ()), *taken)
    is_first = all(record.delivered_at < old.delivered_at for old in known)
    return is_first or any(rank(old) > rank(_landed_as(ledger, owner)) for old in known)


def has_landed(ledger: Ledger, record: LandedRecord, taken: Sequence[LandedRecord] = ()) -> bool:
    """Whether these files came with this promise at this time before; what broke its promise is not what keeps it.

    A copy further on in the feed is news where something else that was sent at the same time stands between the two.
    """
    known = (*ledger.landed.get(record.unit, ()), *taken)
    same = max((rank(old) for old in known if _is_same(old, record)), default=None)
    return same is not None and not any(same < rank(old) < rank(record) for old in known)


def rank(record: LandedRecord) -> tuple[datetime, tuple[int, str], int]:
    """Which of two deliveries of a unit is the newer one; between equal times their places in the feed decide.

    The order in which they were taken in tells apart only what one folder held one after the other.
    """
    return record.delivered_at, place_in_order(record.folder), record.delivery


def next_number(ledger: Ledger, record: LandedRecord, taken: Sequence[LandedRecord] = ()) -> int:
    """The number of the next delivery of this unit."""
    return max((old.delivery for old in (*ledger.landed.get(record.unit, ()), *taken)), default=0) + 1


def state_of(ledger: Ledger, record: LandedRecord, contract_version: str) -> State:
    """The state of one landed delivery."""
    if _is_held(ledger, record):
        return "published"
    withdrawn = ledger.withdrawn.get((record.unit, record.sha256))
    if withdrawn and withdrawn[0].delivery == record.delivery:
        return "withdrawn"
    if _is_refused(ledger, record, contract_version):
        return "refused"
    if is_older(ledger, record) and not record.is_lost:
        return SUPERSEDED
    return "refused" if record.id in ledger.gone else "taken in"


def is_settled(ledger: Ledger, record: LandedRecord, contract_version: str) -> bool:
    """Whether nothing but a person's word would have a delivery worked again."""
    state = state_of(ledger, record, contract_version)
    if state == SUPERSEDED:  # open until it is on record that nobody will publish it
        return record.id in ledger.refused or _was_published(ledger, record)
    return state != "taken in"


def to_publish(ledger: Ledger, case: UseCase, run: Run) -> list[LandedRecord]:
    """What a run works: of each (table, data date) in its range the newest open delivery, and every one to be refused unread."""
    chosen = []
    contracts = {contract.name: contract for contract in case.tables}
    for unit in sorted(ledger.landed):
        contract = contracts.get(unit.table)  # a table that the case gave up stays as it is
        if contract is None or not selected(contract, run, unit.data_date):
            continue
        open_ones = [record for record in ledger.landed[unit] if _is_open(ledger, record, case, run)]
        unread = [record for record in open_ones if refusal_before_write(ledger, record, run)]
        newest = max((record for record in open_ones if record not in unread), key=rank, default=None)
        chosen += [*unread, newest] if newest else unread
    return chosen


def selected(contract: TableContract, run: Run, data_date: date) -> bool:
    """Whether a run's nights include the one that brings this data date.

    References always pass, except where a person answers for the nights of a range, or asks for another table.
    """
    if run.table not in {"", contract.name}:
        return False
    if contract.kind == "reference" and not run.reopens:
        return True
    return run.selects(run.night_of(data_date, contract.lag_days))


def is_older(ledger: Ledger, record: LandedRecord) -> bool:
    """Whether main holds a newer delivery of its unit."""
    owner = ledger.owner(record.unit)
    return owner is not None and rank(record) < rank(_landed_as(ledger, owner))


def refusal_before_write(ledger: Ledger, record: LandedRecord, run: Run) -> Refusal | None:
    """Why a delivery is refused before a row of it is read, or None.

    What did not fit its contract and is open again is looked at again when it is written.
    """
    if record.id in ledger.gone:
        return _bytes_gone(ledger, record)
    if record.damage and (record.is_lost or record.id not in ledger.refused):
        return record.refusal
    owner, withdrawn = ledger.owner(record.unit), ledger.withdrawn.get((record.unit, record.sha256))
    if owner and is_older(ledger, record):
        is_earlier = record.delivered_at < owner.record.delivered_at
        comes = "is older than" if is_earlier else "was sent at the same time and stands in the feed before"
        return Refusal(
            code=SUPERSEDED,
            message=f"{record.id}, sent at {record.delivered_at.isoformat()}, {comes} what main holds: delivery "
            f"{owner.record.delivery}, sent at {owner.record.delivered_at.isoformat()}. Next: nothing, or if it is meant "
            "to replace that, deliver it again with a later delivered_at.",
        )
    if withdrawn and not run.reinstate:
        gone, by = withdrawn
        return Refusal(
            code="withdrawn_bytes",
            message=f"{record.id} brings the bytes of delivery {gone.delivery}, withdrawn by verdict "
            f"{gone.verdict} ({by[:12]}: {gone.words}). Next: a repaired delivery, or a run over its night with "
            "`reinstate` and its reason.",
        )
    return None


def work_of(ledger: Ledger, record: LandedRecord, run: Run) -> str:
    """A delivery as a run key names it: the same bytes are new work only for a reason that stands in main's history."""
    words, owner = str(record.id), ledger.owner(record.unit)
    withdrawn = ledger.withdrawn.get((record.unit, record.sha256))
    if owner and is_older(ledger, record) and not record.is_lost:
        words += f" superseded by {owner.run_key}"
    if withdrawn and run.reinstate:
        words += f" reinstated from {withdrawn[1]}"
    if owner and run.replay and _is_held(ledger, record):
        words += f" replayed from {owner.run_key}"
        words += f" withdrawn by {withdrawn[1]}" if withdrawn and not run.reinstate else ""
    if run.reopens and record.id in ledger.refused:
        words += f" tried again after {_last_refusal(ledger, record)}"
    return words


def reinstated(ledger: Ledger, record: UnitRecord, run: Run) -> str:
    """Who lets withdrawn bytes come back, and why, now or before a replay; empty where they were not withdrawn."""
    if run.reinstate and (record.unit, record.sha256) in ledger.withdrawn:
        return f"{run.actor}: {run.reinstate}"
    owner = ledger.owner(record.unit)
    return owner.record.reinstated if owner and owner.record.id == record.id else ""


def retried(ledger: Ledger, record: UnitRecord, run: Run) -> str:
    """Who has a refused delivery tried again, and why; empty where it was never refused."""
    return f"{run.actor}: {run.retry_refused}" if run.retry_refused and record.id in ledger.refused else ""


def replayed(ledger: Ledger, record: UnitRecord, run: Run) -> str:
    """Who has a published delivery written again from its bytes, and why; empty where main does not hold it."""
    return f"{run.actor}: {run.replay}" if run.replay and _is_held(ledger, record) else ""


def _is_open(ledger: Ledger, record: LandedRecord, case: UseCase, run: Run) -> bool:
    state = state_of(ledger, record, case.contract_version())
    if state == "published":
        return bool(run.replay) and _is_replayable(ledger, record, case, run)
    if state == "withdrawn":
        return bool(run.reinstate) and not is_older(ledger, record)
    if state == "refused":
        return bool(run.retry_refused) and not record.is_lost and not is_older(ledger, record)
    return not is_settled(ledger, record, case.contract_version())


def _bytes_gone(ledger: Ledger, record: LandedRecord) -> Refusal:
    merge = ledger.entries[ledger.gone[record.id]]
    return Refusal(
        code=BYTES_GONE,
        message=f"the bytes of {record.id} were taken from landing/ on {merge.receipt.created_at:%Y-%m-%d} by the retention "
        f"{merge.receipt.run_key[:12]}; nothing of it was written, main holds what it held. Next: deliver it again with a "
        f"later delivered_at; its files can be read at commit {merge.parent[:12]} for as long as storage has them.",
    )


def _is_replayable(ledger: Ledger, record: LandedRecord, case: UseCase, run: Run) -> bool:
    """Written under another contract, or with rows in quarantine; the same word of the same person replays a delivery once."""
    owner, words = ledger.owner(record.unit), replayed(ledger, record, run)
    said = ledger.refused.get(record.id)
    if owner is None or (said and (said[0].replayed, said[1]) == (words, case.contract_version())):
        return False
    if case.table(record.table).word not in owner.contract_version.split("-"):
        return True
    return owner.record.account.quarantined > 0 and owner.record.replayed != words


def _is_held(ledger: Ledger, record: UnitRecord) -> bool:
    owner = ledger.owner(record.unit)
    return owner is not None and owner.record.id == record.id


def _is_refused(ledger: Ledger, record: LandedRecord, contract_version: str) -> bool:
    """Refused for good as things are: no contract mends damage, and what was superseded is free when its owner is gone."""
    said = ledger.refused.get(record.id)
    if said is None or said[0].refusal.code == SUPERSEDED:
        return False
    return record.is_lost or said[1] == contract_version


def _landed_as(ledger: Ledger, owner: Owner) -> LandedRecord:
    return next(record for record in ledger.landed[owner.record.unit] if record.id == owner.record.id)


def _was_published(ledger: Ledger, record: LandedRecord) -> bool:
    return any(owner.record.delivery == record.delivery for owner in ledger.owners.get(record.unit, ()))


def _last_refusal(ledger: Ledger, record: LandedRecord) -> str:
    for key in reversed(ledger.entries):
        receipt = ledger.entries[key].receipt
        if isinstance(receipt, DataReceipt | RefusalReceipt) and record.id in {one.id for one in receipt.refused}:
            return key
    return ""


def _is_same(old: LandedRecord, new: LandedRecord) -> bool:
    is_alike = (old.sha256, old.delivered_at, old.rows) == (new.sha256, new.delivered_at, new.rows)
    # By name too: what was refused for the name of a file comes again under a better one, the same bytes at the same time.
    return is_alike and sorted(old.files) == sorted(new.files) and old.is_broken == new.is_broken
