"""Promote: a gated merge of the promotion ledger, and its copy to the registry's aliases."""

import hashlib
import tempfile
from collections.abc import Mapping
from typing import Any

from lakeloop.core.aliases import APPROVAL, APPROVAL_BY, APPROVAL_WHY, APPROVED
from lakeloop.core.checkpoints import reached
from lakeloop.core.errors import PromotionRefused
from lakeloop.core.gates import may_promote
from lakeloop.core.lake import MAIN, PROMOTIONS, evidence_path
from lakeloop.core.promotion import check
from lakeloop.core.receipts import PromotionReceipt
from lakeloop.core.runs import Run
from lakeloop.steps.gate_record import SAID, gates_file, keep_gates, record_gates
from lakeloop.steps.history import merged_as, read_ledger, receipt_on
from lakeloop.steps.platform import Platform
from lakeloop.steps.publish import Work, drop_branches, publish, seal
from lakeloop.steps.put_forward import Promotion, put_forward
from lakeloop.steps.reconcile import copy_aliases, copy_challenger
from lakeloop.steps.signing import about
from lakeloop.steps.training.gate_page import PAGE
from lakeloop.steps.training.record import read_fitted

_LEDGER_FIELDS = {"seq", "action", "model_name", "model_version", "model_sha256", "run_key"}


def promote(p: Platform, run: Run, gated: dict[str, Any], approval: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Make a challenger champion that passes its gates, asked anew, and had an answer where they asked for one.

    Raises:
        PromotionRefused: a gate fails by now, or nobody approved of it; the champion is unchanged.
        RegistryFailed: its bytes are not those that were fitted, or not to be had; the champion is unchanged.
        PreconditionFailed: main moved so that its gates do not speak for it any more; the champion is unchanged.
    """
    done = merged_as(p.lake, p.case.name, gated["run_key"])
    done = done or merge(p, run, _judged_now(p, run, gated, _after_its_gates(p, gated, approval or {})))
    return told(p, gated["run_key"], done) | {"page": PAGE}


def _after_its_gates(p: Platform, gated: dict[str, Any], approval: Mapping[str, Any]) -> Promotion:
    """The challenger with its gates asked anew: a question is open for days, and a task may be cleared after months."""
    answered = approval if gated["ask"] else {}
    if gated["ask"] and answered.get("version") != gated["version"]:
        msg = (
            f"{p.case.name} version {gated['version']} needs a person's approval ({gated['ask_why']}), and has none; "
            "the champion is unchanged. Next: answer the task `approve`."
        )
        raise PromotionRefused(msg)
    wanted = put_forward(p, read_ledger(p.lake, p.case.name), gated["version"], gated["commit"], gated["run_key"])
    at_fit = read_ledger(p.lake, p.case.name, gated["data_commit"]).champion
    asked = {one["name"] for one in gated["gates"] if one["outcome"] == "warn"}
    unasked = tuple(f"{one.name}: {one.words}" for one in wanted.gates if one.outcome == "warn" and one.name not in asked)
    return wanted.model_copy(
        update={
            "sha256": gated["sha256"],
            "after": at_fit.seq if at_fit else 0,
            "previous": read_fitted(p.lake, gated["commit"], gated["run_key"]).evaluation.champion,
            "approved_by": answered.get("approved_by", ""),
            "approved_why": answered.get("approved_why", ""),
            "unasked": unasked or ((wanted.asks,) if wanted.asks and not gated["ask"] else ()),
        }
    )


def _judged_now(p: Platform, run: Run, gated: Mapping[str, Any], wanted: Promotion) -> Promotion:
    """The same; where a gate fails by now the version and its page say so from here on, and it is nobody's challenger."""
    if not may_promote(wanted.gates):
        keep_gates(p, run, gated, {PAGE: wanted.page.encode(), SAID: _evidence(wanted)})
        gates = [one.model_dump(mode="json") for one in wanted.gates]
        record_gates(p.registry, p.case.name, {"version": wanted.version, "gates": gates, "ask": False})
        copy_challenger(p.lake, p.registry, p.case.name)
    return wanted


def evaluate(p: Platform, run: Run, wanted: Promotion) -> PromotionReceipt:
    """The receipt of a promotion that main, its gates and its bytes allow now; nothing is written.

    Raises:
        PromotionRefused, PreconditionFailed, RegistryFailed, Frozen: as each says; the champion is unchanged.
    """
    p.lease.check_not_frozen()
    head = p.lake.head(MAIN)
    receipt = _receipt(p, run, wanted, head)
    check(read_ledger(p.lake, p.case.name, head), receipt, despite_withdrawn=wanted.despite_withdrawn)
    _check_asked(p, wanted)
    check_bytes(p, wanted)
    return receipt


def _check_asked(p: Platform, wanted: Promotion) -> None:
    """Refuse what would need another question than the one that was put, or one at all."""
    if wanted.unasked:
        msg = (
            f"{p.case.name} version {wanted.version} has by now what nobody was asked about: {'; '.join(wanted.unasked)}; "
            "the champion is unchanged. Next: clear the task `gate` and those after it, which asks a person; or, for one who "
            "answers for it, `lakeloop models promote`."
        )
        raise PromotionRefused(msg)


def merge(p: Platform, run: Run, wanted: Promotion) -> str:
    """Bring a promotion into main, once, and give its merge commit."""
    receipt = evaluate(p, run, wanted)
    branch = run.branch(p.case.name)
    p.lake.create_branch(branch, receipt.base_commit)
    path = f"{PROMOTIONS}{p.case.name}-{receipt.seq:06d}.json"
    p.lake.put(branch, path, receipt.model_dump_json(include=_LEDGER_FIELDS).encode())
    audited = p.lake.commit(branch, f"{receipt.action} version {receipt.model_version}", {})
    p.lake.put(branch, evidence_path(receipt.run_key, SAID), _evidence(wanted))
    if wanted.page:
        p.lake.put(branch, evidence_path(receipt.run_key, PAGE), wanted.page.encode())
    receipt = receipt.model_copy(update={"audited_commit": audited})
    seal(p.lake, branch, receipt)
    reached("promote.sealed")
    work = Work(branch, receipt, lambda now: check(now, receipt, despite_withdrawn=wanted.despite_withdrawn))
    done = publish(p.lake, p.tables, p.lease, work)
    reached("promote.merged")
    drop_branches(p.lake, branch)
    return done


def check_bytes(p: Platform, wanted: Promotion) -> None:
    """Fetch the version and compare it with the digest of what was fitted; nothing of it is executed.

    Raises:
        RegistryFailed: its bytes are others, or not to be had; the champion is unchanged.
    """
    with tempfile.TemporaryDirectory() as folder:
        p.registry.download(p.case.name, wanted.version, wanted.sha256, folder)


def told(p: Platform, key: str, done: str) -> dict[str, Any]:
    """The answer about a promotion on main, after its copy to the aliases; a later one may stand there already."""
    receipt = receipt_on(p.lake, done, key)
    assert isinstance(receipt, PromotionReceipt)  # noqa: S101  # the gate demanded it
    for tag, value in _said_of(receipt).items():
        p.registry.flag(p.case.name, receipt.model_version, tag, value)
    if receipt.action == "promote":  # a rollback asked no gate
        said = {"version": receipt.model_version, "ask": bool(receipt.approved_by)}
        record_gates(p.registry, p.case.name, said | {"gates": [one.model_dump(mode="json") for one in receipt.gates]})
    newest = copy_aliases(p.lake, p.registry, p.case.name).champion or receipt
    return {
        "nothing_to_do": False, "run_key": key, "commit": done, "version": receipt.model_version, "merges": {key: done},
        "summary": f"version {newest.model_version} is champion (promotion {newest.seq})",
    }  # fmt: skip


def _said_of(receipt: PromotionReceipt) -> dict[str, str]:
    """The person's word on the version's tags; none where no gate asked for it."""
    if not receipt.approved_by:
        return {}
    return {APPROVAL: APPROVED, APPROVAL_BY: receipt.approved_by, APPROVAL_WHY: receipt.approved_why}


def _evidence(wanted: Promotion) -> bytes:
    return gates_file(wanted.version, wanted.metrics, wanted.gates)


def _receipt(p: Platform, run: Run, wanted: Promotion, head: str) -> PromotionReceipt:
    same = (set(Promotion.model_fields) & set(PromotionReceipt.model_fields)) - {"run_key"}
    return PromotionReceipt(
        **about(p, run, key=wanted.run_key, base=head, audited=head), seq=wanted.after + 1, model_name=p.case.name,
        model_version=wanted.version, model_sha256=wanted.sha256, evaluation=hashlib.sha256(_evidence(wanted)).hexdigest(),
        **wanted.model_dump(include=same),
    )  # fmt: skip
