"""What every receipt says of its work, filled in once."""

from datetime import UTC, datetime
from typing import Any

from lakeloop.core.runs import Run
from lakeloop.gate import gate_version
from lakeloop.steps.platform import Platform


def about(p: Platform, run: Run, *, key: str, base: str, audited: str) -> dict[str, Any]:
    """The fields common to receipts: whose work it is, from which commit, audited at which."""
    return {
        "run_key": key,
        "case": p.case.name,
        "stage": run.stage,
        "base_commit": base,
        "audited_commit": audited,
        "gate_version": gate_version(),
        "code_version": p.code_version,
        "actor": run.actor,
        "run_id": run.run_id,
        "created_at": datetime.now(UTC),
    }
