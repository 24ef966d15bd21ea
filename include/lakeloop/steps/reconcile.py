"""Reconcile: the registry's aliases are the promotion ledger's copy; what differs is put right, and told."""

import hashlib
from datetime import UTC, datetime
from typing import Any

from lakeloop.core.aliases import CHAMPION, Fault, Tags, differences, faults, wanted_aliases
from lakeloop.core.ledger import Ledger
from lakeloop.core.use_case import UseCase
from lakeloop.ports import AlertOutbox, Lake, ModelRegistry
from lakeloop.steps.history import read_ledger

_HEALED = "none; an alias moved by hand is undone, `lakeloop models promote` and `rollback` are the way"
_CHAMPION_LOST = 'lakeloop models rollback {case} --reason "…"'
_PREVIOUS_LOST = (
    'none while the champion is well; a rollback has to name an earlier one: lakeloop models rollback {case} --to … --reason "…"'
)


def copy_aliases(lake: Lake, registry: ModelRegistry, case: str) -> Ledger:
    """Put every alias where main's ledger has it now, without a word, and give that ledger."""
    ledger = read_ledger(lake, case)
    registered = registered_tags(registry, case)
    for one in differences(wanted_aliases(ledger, registered), registry.aliases(case), registered):
        registry.point(case, one.alias, one.wanted)
    return ledger


def reconcile(
    lake: Lake, registry: ModelRegistry, outbox: AlertOutbox, case: UseCase, *, dry_run: bool = False
) -> dict[str, Any]:
    """Compare aliases and versions with the ledger, put right what can be, and tell on-call what was found."""
    ledger = read_ledger(lake, case.name)
    registered = registered_tags(registry, case.name)
    found = differences(wanted_aliases(ledger, registered), registry.aliases(case.name), registered)
    wrong = faults(ledger, registered)
    words = [str(one) for one in found]
    if not dry_run:
        for one in found:
            registry.point(case.name, one.alias, one.wanted)
        _tell(outbox, case, words, wrong)
    doing = "to be put right" if dry_run else "put right"
    told = [*(f"{each}: {doing}" for each in words), *(f"{each.words}: for a person to mend" for each in wrong)]
    summary = "; ".join(told) or f"the aliases of {case.name} are where the ledger has them"
    return {"nothing_to_do": not told, "differences": words, "faults": [each.words for each in wrong], "summary": summary}


def registered_tags(registry: ModelRegistry, model: str) -> dict[int, Tags]:
    """Every registered version with its tags."""
    return {one.version: one.tags for one in registry.versions(model)}


def _tell(outbox: AlertOutbox, case: UseCase, healed: list[str], wrong: list[Fault]) -> None:
    """One alert for what was found; what stays wrong is told once a day."""
    if not healed and not wrong:
        return
    now = datetime.now(UTC)
    moment = now.isoformat() if healed else now.date().isoformat()
    causes = [*healed, *(each.words for each in wrong)]
    is_lost = any(each.alias == CHAMPION for each in wrong)
    next_move = _CHAMPION_LOST if is_lost else _PREVIOUS_LOST if wrong else _HEALED
    outbox.enqueue(
        key=f"aliases:{case.name}:{hashlib.sha256('; '.join(causes).encode()).hexdigest()[:12]}:{moment}",
        severity="critical" if is_lost else "warning",
        title=f"{case.name}: the model registry is not what the promotion ledger says",
        body={
            "cause": "\n".join(causes),
            "done": "every alias was put back where the ledger has it" if healed else "nothing: no alias can mend this",
            "next": next_move.format(case=case.name),
        },
        channel=case.slack_channel,
    )
