"""What is known of a version: its tags in the registry, and its place in the promotion ledger; pure."""

from collections.abc import Mapping
from datetime import datetime

from lakeloop.core.aliases import APPROVAL, APPROVAL_BY, APPROVAL_WHY, GATES_PAGE, State, Tags, gates_of, state_of, wanted_aliases
from lakeloop.core.gates import GateResult
from lakeloop.core.ledger import Ledger
from lakeloop.core.receipts import PromotionReceipt
from lakeloop.core.value import Value

_TRAINED = ("trained_from", "trained_to")
_MOST = (
    "cause",
    "measured_beside",
    "tuned",
    "training_commit",
    "code_version",
    "contract_version",
    "airflow_run_id",
    "run_key",
    GATES_PAGE,
)


class VersionFacts(Value):
    """One version of a case's model."""

    version: int
    state: State
    registered: bool  # false where the registry lost it
    sha256: str
    data_commit: str
    trained_from: str = ""
    trained_to: str = ""
    features: tuple[str, ...] = ()
    gates: tuple[GateResult, ...] = ()
    approval: str = ""  # awaited, approved, rejected or lapsed; empty: nobody was asked
    approval_by: str = ""
    approval_why: str = ""
    promoted_at: datetime | None = None  # the last time
    promoted_by: str = ""
    reason: str = ""
    read_withdrawn: bool = False
    auc: float | None = None  # on its hold-out, a day on average, with the interval
    auc_low: float | None = None
    auc_high: float | None = None
    read: dict[str, int] = {}  # table -> how many of its dates it learnt from; known once it was promoted
    made_by: dict[str, str] = {}


def versions_of(ledger: Ledger, registered: Mapping[int, Tags]) -> list[VersionFacts]:
    """Every version that is registered or was promoted, newest first."""
    aliases = wanted_aliases(ledger, registered)
    known = {*registered, *(one.model_version for one in ledger.promotions)}
    return [_facts(version, registered.get(version), ledger, aliases) for version in sorted(known, reverse=True)]


def _facts(version: int, found: Tags | None, ledger: Ledger, aliases: Mapping[str, int]) -> VersionFacts:
    tags, promotion = found or {}, ledger.promotion_of(version)
    return VersionFacts(
        version=version, state=state_of(version, tags, ledger, aliases), registered=found is not None,
        sha256=promotion.model_sha256 if promotion else tags.get("sha256", ""),
        data_commit=promotion.data_commit if promotion else tags.get("data_commit", ""),
        **{name: tags.get(name, "") for name in _TRAINED},
        features=tuple(tags["features"].split(",")) if tags.get("features") else (),
        gates=promotion.gates if promotion else gates_of(tags),
        approval=tags.get(APPROVAL, ""), approval_by=tags.get(APPROVAL_BY, ""), approval_why=tags.get(APPROVAL_WHY, ""),
        **_promoted(promotion), read_withdrawn=version in ledger.flagged,
        **{name: _number(tags, name) for name in ("auc", "auc_low", "auc_high")},
        made_by={name: tags[name] for name in _MOST if tags.get(name)},
    )  # fmt: skip


def _promoted(promotion: PromotionReceipt | None) -> dict[str, object]:
    if promotion is None:
        return {}
    return {
        "promoted_at": promotion.created_at,
        "promoted_by": promotion.approved_by or promotion.actor,
        "reason": promotion.approved_why or promotion.reason,
        "read": {table: len({day for days in keys.values() for day in days}) for table, keys in promotion.reads.items()},
    }


def _number(tags: Tags, name: str) -> float | None:
    try:
        return float(tags[name])
    except (KeyError, ValueError):
        return None
