"""Promote: a gated merge of the promotion ledger, and its copy to the registry's aliases."""

import hashlib
import tempfile
from collections.abc import Mapping
from datetime import date
from typing import Any, Literal

from lakeloop.core.aliases import APPROVAL, APPROVAL_BY, APPROVAL_WHY, APPROVED
from lakeloop.core.checkpoints import reached
from lakeloop.core.errors import PromotionRefused
from lakeloop.core.gates import GateResult
from lakeloop.core.lake import MAIN, PROMOTIONS, evidence_path
from lakeloop.core.promotion import check
from lakeloop.core.receipts import PromotionReceipt, Reads
from lakeloop.core.runs import Run
from lakeloop.core.value import Value
from lakeloop.steps.gate_record import SAID, gates_file
from lakeloop.steps.history import merged_as, read_ledger, receipt_on
from lakeloop.steps.platform import Platform
from lakeloop.steps.publish import Work, drop_branches, publish, seal
from lakeloop.steps.reconcile import copy_aliases
from lakeloop.steps.signing import about
from lakeloop.steps.training.gate_page import PAGE
from lakeloop.steps.training.record import read_fitted, read_training

_LEDGER_FIELDS = {"seq", "action", "model_name", "model_version", "model_sha256", "run_key"}


class Promotion(Value):
    """What is to become champion, after which one, and on whose word."""

    run_key: str
    version: int
    sha256: str
    data_commit: str
    reads: Reads
    trained_to: date | None
    metrics: dict[str, float]
    gates: tuple[GateResult, ...]
    after: int  # the number of the promotion it was compared with; 0 before the first
    previous: int | None  # the version of that promotion
    action: Literal["promote", "rollback"] = "promote"
    reason: str = ""
    approved_by: str = ""
    approved_why: str = ""
    despite_withdrawn: bool = False
    page: str = ""  # of its gates; empty where none was asked


def promote(p: Platform, run: Run, gated: dict[str, Any], approval: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Make a challenger champion that passed its gates, and had an answer where they asked for one.

    Raises:
        PromotionRefused: nobody approved of it, or its bytes are not those that were fitted; the champion is unchanged.
        PreconditionFailed: main moved so that its gates do not speak for it any more; the champion is unchanged.
    """
    done = merged_as(p.lake, gated["run_key"])
    done = done or merge(p, run, _after_its_gates(p, gated, approval or {}))
    return told(p, gated["run_key"], done) | {"page": PAGE}


def _after_its_gates(p: Platform, gated: dict[str, Any], approval: Mapping[str, Any]) -> Promotion:
    answered = approval if gated["ask"] else {}
    if gated["ask"] and answered.get("version") != gated["version"]:
        msg = (
            f"{p.case.name} version {gated['version']} needs a person's approval ({gated['ask_why']}), and has none; "
            "the champion is unchanged. Next: answer the task `approve`."
        )
        raise PromotionRefused(msg)
    at_fit = read_ledger(p.lake, p.case.name, gated["data_commit"])
    known = read_training(p.lake, gated["commit"], gated["run_key"])
    return Promotion(
        run_key=gated["run_key"], version=gated["version"], sha256=gated["sha256"], data_commit=gated["data_commit"],
        reads=known.reads, trained_to=known.fit.last, metrics=gated["metrics"], gates=gated["gates"],
        after=at_fit.champion.seq if at_fit.champion else 0,
        previous=read_fitted(p.lake, gated["commit"], gated["run_key"]).evaluation.champion,
        page=p.lake.get(gated["commit"], evidence_path(gated["run_key"], PAGE)).decode(),
        approved_by=answered.get("approved_by", ""), approved_why=answered.get("approved_why", ""),
    )  # fmt: skip


def evaluate(p: Platform, run: Run, wanted: Promotion) -> PromotionReceipt:
    """The receipt of a promotion that main, its gates and its bytes allow now; nothing is written.

    Raises:
        PromotionRefused, PreconditionFailed, RegistryFailed, Frozen: as each says; the champion is unchanged.
    """
    p.lease.check_not_frozen()
    head = p.lake.head(MAIN)
    receipt = _receipt(p, run, wanted, head)
    check(read_ledger(p.lake, p.case.name, head), receipt, despite_withdrawn=wanted.despite_withdrawn)
    check_bytes(p, wanted)
    return receipt


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
