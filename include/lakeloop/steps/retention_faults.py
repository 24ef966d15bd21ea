"""What a retention took, read from the lake and judged."""

from collections.abc import Sequence

from lakeloop.core.attestation import foreign
from lakeloop.core.delta_log import log_of
from lakeloop.core.lake import EVIDENCE
from lakeloop.core.receipts import AnyReceipt, RetentionReceipt
from lakeloop.core.removal import Seen, evidence_key, retention_faults
from lakeloop.core.tombstones import dropped
from lakeloop.ports import Change, Lake
from lakeloop.steps.delta_logs import tombstones_of
from lakeloop.steps.history import receipt_on


def faults_of_retention(
    lake: Lake, receipt: AnyReceipt | None, before: str, after: str, changes: Sequence[Change]
) -> list[str]:  # fmt: skip
    """What is wrong with the changes that a retention brought between two commits; nothing with any other work's."""
    if not isinstance(receipt, RetentionReceipt):
        return []
    theirs = set(foreign(receipt, [change.path for change in changes]))
    made = [change for change in changes if change.path in theirs]
    keys = {evidence_key(change.path) for change in made if change.path.startswith(EVIDENCE)}
    tables = [one.path for one in receipt.removed if one.what == "versions"]
    seen = Seen(
        dead={folder: tombstones_of(lake, after, f"{folder}_delta_log/").keys() for folder in tables},
        drops={
            change.path: dropped(lake.get(after, change.path))
            for change in made
            if change.type == "added" and log_of(change.path) and change.path.endswith(".json")
        },
        authors={key: receipt_on(lake, before, key) for key in keys},
    )
    return retention_faults(receipt, made, seen)
