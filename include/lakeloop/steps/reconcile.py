"""Reconcile: the registry's aliases are the promotion ledger's copy; what differs is put right, and told."""

import hashlib
import tempfile
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any

from lakeloop.core.aliases import (
    ALIASES,
    CHALLENGER,
    CHAMPION,
    PREVIOUS,
    PROMOTION,
    Fault,
    Tags,
    differences,
    faults,
    is_copied,
    wanted_aliases,
)
from lakeloop.core.errors import MachineFailed, OtherBytes
from lakeloop.core.ledger import Ledger
from lakeloop.core.receipts import PromotionReceipt
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
    ledger, registered = _put_right(lake, registry, case, ALIASES)
    _mark_copied(registry, case, ledger, registered)
    return ledger


def copy_challenger(lake: Lake, registry: ModelRegistry, case: str) -> None:
    """Put the alias `challenger` where the gates, or a person's answer, have it by now; the others are a promotion's."""
    _put_right(lake, registry, case, (CHALLENGER,))


def _put_right(lake: Lake, registry: ModelRegistry, case: str, which: Collection[str]) -> tuple[Ledger, dict[int, Tags]]:
    """Point some aliases where main's ledger has them now; that ledger, and what is registered."""
    ledger, registered = read_ledger(lake, case), registered_tags(registry, case)
    for one in differences(wanted_aliases(ledger, registered), registry.aliases(case), registered):
        if one.alias in which:
            registry.point(case, one.alias, one.wanted)
    return ledger, registered


def reconcile(
    lake: Lake, registry: ModelRegistry, outbox: AlertOutbox, case: UseCase, *, dry_run: bool = False
) -> dict[str, Any]:
    """Compare aliases and versions with the ledger, put right what can be, and tell on-call what was found.

    The ledger is read last, and aliases follow it at once: a promotion that comes in between is then one whose aliases are not
    copied yet, for which nobody is blamed, and no alias goes back. Files take longer, and are looked at afterwards.

    Raises:
        RegistryFailed: MLflow did not answer, or gave no file; what was found before is put right and told.
        MachineFailed: there is no room for a file; the same holds.
    """
    registered = registered_tags(registry, case.name)
    held = registry.aliases(case.name)
    ledger = read_ledger(lake, case.name)
    found = differences(wanted_aliases(ledger, registered), held, registered)
    words, wrong = [str(one) for one in found], faults(ledger, registered)
    if not dry_run:
        for one in found:
            registry.point(case.name, one.alias, one.wanted)
        _tell(outbox, case, words if is_copied(ledger, registered) else [], wrong)
        _mark_copied(registry, case.name, ledger, registered)
    spoilt = _spoilt(registry, case.name, ledger, {each.alias for each in wrong})
    if not dry_run:
        _tell(outbox, case, [], spoilt)
    wrong += spoilt
    doing = "to be put right" if dry_run else "put right"
    told = [*(f"{each}: {doing}" for each in words), *(f"{each.words}: for a person to mend" for each in wrong)]
    summary = "; ".join(told) or f"the aliases of {case.name} are where the ledger has them"
    return {"nothing_to_do": not told, "differences": words, "faults": [each.words for each in wrong], "summary": summary}


def _mark_copied(registry: ModelRegistry, case: str, ledger: Ledger, registered: Mapping[int, Tags]) -> None:
    if ledger.champion and not is_copied(ledger, registered):
        registry.flag(case, ledger.champion.model_version, PROMOTION, str(ledger.champion.seq))


def _spoilt(registry: ModelRegistry, case: str, ledger: Ledger, known: Collection[str]) -> list[Fault]:
    """Champion and previous whose file was changed, by fetching it: whoever changes it can leave its tag as it is."""
    found = []
    for alias, promotion in ((CHAMPION, ledger.champion), (PREVIOUS, ledger.previous)):
        if promotion and alias not in known and not _is_as_promoted(registry, case, promotion):
            kept = f"version {promotion.model_version}, the {alias}, was promoted as {promotion.model_sha256[:12]}"
            found.append(Fault(alias, f"{kept}, and its file in the registry is another one"))
    return found


def _is_as_promoted(registry: ModelRegistry, case: str, promotion: PromotionReceipt) -> bool:
    try:
        with tempfile.TemporaryDirectory() as folder:
            registry.download(case, promotion.model_version, promotion.model_sha256, folder)
    except OtherBytes:
        return False
    except OSError as error:
        msg = f"no room to look at version {promotion.model_version} of {case}: {error}; nothing was done. Next: free disk"
        raise MachineFailed(msg) from error
    return True


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
