"""Promotions by hand: a version put forward, or the line of champions gone back over, by the same gated merge."""

from collections.abc import Iterable
from typing import Any

from lakeloop.core.aliases import GATES
from lakeloop.core.errors import NotFound, PreconditionFailed, PromotionRefused
from lakeloop.core.lake import MAIN, model_tag, run_key
from lakeloop.core.ledger import Ledger
from lakeloop.core.receipts import PromotionReceipt
from lakeloop.core.runs import Run
from lakeloop.core.signature import NUMBER, Feature, Signature, differences, signature_of
from lakeloop.steps import notices
from lakeloop.steps.history import merged_as, read_ledger
from lakeloop.steps.platform import Platform
from lakeloop.steps.promotion import evaluate, merge, told
from lakeloop.steps.put_forward import Promotion, put_forward, standing
from lakeloop.steps.training.record import read_fitted, read_training


def promote_version(p: Platform, run: Run, version: int, *, dry_run: bool = False) -> dict[str, Any]:
    """Make a version champion on a person's word; its gates are asked anew, and none that fails is overruled.

    Raises:
        PromotionRefused, PreconditionFailed, RegistryFailed: as each says; the champion is unchanged.
    """
    head = p.lake.head(MAIN)
    ledger = read_ledger(p.lake, p.case.name, head)
    _not_champion(ledger, version)
    if ledger.promotion_of(version):
        msg = (
            f"version {version} has been champion before; nothing was promoted. Next: `lakeloop models rollback {p.case.name} "
            f"--to {version}`, which asks no gate again."
        )
        raise PreconditionFailed(msg)
    wanted = _put_forward(p, run, ledger, version)
    is_told = bool(wanted.asks) and run.actor not in p.case.approvers
    if dry_run:
        also = f"; on-call would be told that {wanted.approved_by} answered for it" if is_told else ""
        return _would(p, run, wanted, also)
    done = _merged(p, run, wanted)
    if is_told:  # before the aliases are copied: whoever is killed then leaves them to the janitor, who knows nothing of this
        notices.answered_by_hand(p, run, wanted.run_key, version, wanted.asks)
    return told(p, wanted.run_key, done)


def roll_back(
    p: Platform, run: Run, to: int | None = None, *, despite_withdrawn: bool = False, dry_run: bool = False
) -> dict[str, Any]:
    """Make an earlier champion champion again: the one before, unless another is named.

    Raises:
        PromotionRefused, PreconditionFailed, RegistryFailed: as each says; the champion is unchanged.
    """
    ledger = read_ledger(p.lake, p.case.name, p.lake.head(MAIN))
    before = ledger.previous if to is None else ledger.promotion_of(to)
    if before is None:
        what = "there is no champion before this one" if to is None else f"version {to} never was champion"
        msg = f"{p.case.name}: {what}; nothing was rolled back. Next: `lakeloop models list {p.case.name}`."
        raise PreconditionFailed(msg)
    _not_champion(ledger, before.model_version)
    _can_score(p, ledger, before.model_version)
    wanted = _back_to(p, run, ledger, before, despite_withdrawn=despite_withdrawn)
    return _would(p, run, wanted) if dry_run else told(p, wanted.run_key, _merged(p, run, wanted))


def _not_champion(ledger: Ledger, version: int) -> None:
    if ledger.champion and ledger.champion.model_version == version:
        msg = f"version {version} is champion already (promotion {ledger.champion.seq}); nothing was done."
        raise PreconditionFailed(msg)


def _put_forward(p: Platform, run: Run, ledger: Ledger, version: int) -> Promotion:
    tags = p.registry.version(p.case.name, version).tags
    missing = [name for name in ("run_key", "data_commit", "training_commit", GATES) if not tags.get(name)]
    if missing:
        msg = (
            f"{p.case.name} version {version} does not say its {', '.join(missing)}: no training run brought it to its gates; "
            "nothing was promoted. Next: train again."
        )
        raise PromotionRefused(msg)
    wanted = put_forward(p, ledger, version, tags["training_commit"], tags["run_key"])
    answer = {"approved_by": _by_hand(p, run), "approved_why": run.reason} if wanted.asks else {}
    return wanted.model_copy(update={"reason": run.reason, **answer})


def _by_hand(p: Platform, run: Run) -> str:
    """Whose word it is, as far as anybody knows: a login of the operating system, where `approvers` are Airflow's user ids."""
    return f"{run.actor} (by hand{'' if run.actor in p.case.approvers else ', not among the approvers'})"


def _back_to(p: Platform, run: Run, ledger: Ledger, before: PromotionReceipt, *, despite_withdrawn: bool) -> Promotion:
    place = standing(ledger)
    key = run_key(
        case=p.case.name, stage=run.stage, works=[f"rollback to version {before.model_version} after {place['after']}"],
        contract="", code="",
    )  # fmt: skip
    return Promotion(
        run_key=key, version=before.model_version, sha256=before.model_sha256, data_commit=before.data_commit,
        reads=before.reads, trained_to=before.trained_to, metrics=before.metrics, gates=before.gates,
        action="rollback", **place, reason=run.reason,
        despite_withdrawn=despite_withdrawn,
    )  # fmt: skip


def _can_score(p: Platform, ledger: Ledger, version: int) -> None:
    """Refuse a version that asks for other features than the case gives: no gate is asked anew, and no night would be scored."""
    if others := differences(_asked_for(p, ledger, version), signature_of(p.case)):
        msg = (
            f"{p.case.name} version {version} cannot score what the case computes now: {'; '.join(others)}; nothing was rolled "
            f"back, the champion is unchanged. Next: another version of `lakeloop models list {p.case.name}`, or the case as it "
            "was when this one was trained, and then the same again."
        )
        raise PromotionRefused(msg)


def _asked_for(p: Platform, ledger: Ledger, version: int) -> Signature:
    """What a version's model asks for, as the lake's record of its fit has it; an older record has the names alone."""
    tag = model_tag(p.case.name, version)
    key = next((one.run_key for one in ledger.promotions if one.model_version == version and one.action == "promote"), "")
    try:
        return read_fitted(p.lake, tag, key).evaluation.model_features or _named(p, read_training(p.lake, tag, key).features)
    except NotFound:
        return _named(p, filter(None, p.registry.version(p.case.name, version).tags.get("features", "").split(",")))


def _named(p: Platform, names: Iterable[str]) -> Signature:
    """Features of which nobody wrote down the kind: it is taken to be what it is now; nothing is held against no names."""
    now = signature_of(p.case)
    kinds = {one.name: one.kind for one in now}
    return tuple(Feature(name=name, kind=kinds.get(name, NUMBER)) for name in names) or now


def _merged(p: Platform, run: Run, wanted: Promotion) -> str:
    return merged_as(p.lake, p.case.name, wanted.run_key) or merge(p, run, wanted)


def _would(p: Platform, run: Run, wanted: Promotion, also: str = "") -> dict[str, Any]:
    receipt = evaluate(p, run, wanted)
    instead = f" instead of version {receipt.previous}" if receipt.previous else ""
    summary = f"a dry run: version {receipt.model_version} would be champion{instead} (promotion {receipt.seq}){also}"
    return {"nothing_to_do": True, "version": receipt.model_version, "seq": receipt.seq, "summary": summary}
