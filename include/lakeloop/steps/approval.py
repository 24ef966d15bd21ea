"""Approval: what a person is asked before a promotion, and what their answer, or none, does to the version."""

from collections.abc import Mapping
from typing import Any, NoReturn

from lakeloop.core.addresses import version_page
from lakeloop.core.aliases import APPROVAL, APPROVAL_BY, APPROVAL_WHY, AWAITED, LAPSED, REJECTED
from lakeloop.core.errors import InvalidInput, PromotionRefused, RegistryFailed
from lakeloop.core.reasons import fault_of
from lakeloop.core.runs import Run
from lakeloop.steps import notices
from lakeloop.steps.history import merged_as
from lakeloop.steps.platform import Platform
from lakeloop.steps.reconcile import copy_challenger

_MARKS = {"pass": "pass", "warn": "**warn**", "fail": "**FAIL**"}


def ask(p: Platform, run: Run, gated: dict[str, Any], pages: Mapping[str, str]) -> dict[str, Any]:
    """Word the question, mark the version as awaiting its answer, and tell on-call where to give it.

    Raises:
        PromotionRefused: the case names nobody who might answer; the champion is unchanged.
    """
    version = gated["version"]
    if not p.case.approvers:
        msg = (
            f"{p.case.name} version {version} needs a person's approval ({gated['ask_why']}), and the case names no approvers; "
            "the champion is unchanged. Next: name them in its `approvers`, then clear this task; or `lakeloop models promote`."
        )
        raise PromotionRefused(msg)
    subject = f"Promote {p.case.name} version {version}?"
    body = f"{gated['ask_why']}.\n\n{_table(gated['gates'])}\n\n{_links(p, gated, pages)}"
    p.registry.flag(p.case.name, version, APPROVAL, AWAITED)
    notices.approval_awaited(p, run, gated, pages.get("task", ""))
    who = " or ".join(p.case.approvers)
    return {"nothing_to_do": False, "subject": subject, "body": body, "summary": f"{subject} {who} may answer"}


def answered(p: Platform, run: Run, gated: dict[str, Any], answer: Mapping[str, Any]) -> dict[str, Any]:
    """Hand a yes on to the promotion, with its version and its author; after a promotion by hand no answer counts.

    Raises:
        InvalidInput: its author may not answer, or its reason is none; nothing was done, the version waits as before.
        PromotionRefused: it was a no; the champion is unchanged, the version is tagged as rejected.
    """
    if merged_as(p.lake, p.case.name, gated["run_key"]):
        return _was_faster(gated)
    version, by, why = gated["version"], _by(p, gated, answer), _why(p, gated, answer)
    if not answer["approved"]:
        _refuse(p, version, REJECTED, by, why, f"was rejected by {by}: {why}")
    summary = f"version {version} approved by {by}: {why}"
    return {"nothing_to_do": False, "version": version, "approved_by": by, "approved_why": why, "summary": summary}


def _by(p: Platform, gated: Mapping[str, Any], answer: Mapping[str, Any]) -> str:
    """Who answered, once more held against the case: its approvers may have changed since Airflow was told them."""
    by = str(answer["by"] or "")
    if by not in p.case.approvers:
        who = " or ".join(p.case.approvers) or "nobody"
        fault = f"{who} may answer, by the `approvers` of the case, which are Airflow's user ids"
        raise InvalidInput(_does_not_count(p, gated, answer, fault, "have one of them answer"))
    return by


def _why(p: Platform, gated: Mapping[str, Any], answer: Mapping[str, Any]) -> str:
    why = str(answer["why"])
    if fault := fault_of(why):
        raise InvalidInput(_does_not_count(p, gated, answer, fault, "answer anew"))
    return why.strip()


def _does_not_count(p: Platform, gated: Mapping[str, Any], answer: Mapping[str, Any], fault: str, then: str) -> str:
    return (
        f"the {'yes' if answer['approved'] else 'no'} of {answer['by'] or 'somebody unnamed'} to {p.case.name} version "
        f"{gated['version']} does not count: {fault}; nothing was done, the champion is unchanged. "
        f"Next: clear the task `approve`, and {then}."
    )


def ran_out(p: Platform, run: Run, gated: dict[str, Any]) -> dict[str, Any]:
    """End a question that nobody answered in time; one that a promotion by hand made idle is no refusal.

    Raises:
        PromotionRefused: the version was not promoted meanwhile; the champion is unchanged, the version is tagged as lapsed.
    """
    if not merged_as(p.lake, p.case.name, gated["run_key"]):
        who, hours = " and ".join(p.case.approvers), f"{p.case.approval_hours:g} hours"
        notices.approval_ran_out(p, run, gated)
        _refuse(p, gated["version"], LAPSED, "", f"no answer within {hours}", f"had no answer of {who} within {hours}")
    return _was_faster(gated)


def _was_faster(gated: dict[str, Any]) -> dict[str, Any]:
    """What stands on the version is the word of the person who promoted it."""
    version = gated["version"]
    summary = f"version {version} was promoted by hand meanwhile"
    return {"nothing_to_do": False, "version": version, "approved_by": "", "approved_why": "", "summary": summary}


def _refuse(p: Platform, version: int, word: str, by: str, why: str, happened: str) -> NoReturn:
    msg = (
        f"{p.case.name} version {version} {happened}; the champion is unchanged, the version stays registered. "
        "Next: train again; or, for a person who answers for it, `lakeloop models promote`."
    )
    try:
        for tag, value in ((APPROVAL, word), (APPROVAL_BY, by), (APPROVAL_WHY, why)):
            p.registry.flag(p.case.name, version, tag, value)
        copy_challenger(p.lake, p.registry, p.case.name)
    except RegistryFailed as error:  # a retry would ask the same person again
        msg += f" It could not be tagged as {word}: {error}"
        raise PromotionRefused(msg) from error
    raise PromotionRefused(msg)


def _table(gates: list[dict[str, Any]]) -> str:
    rows = [f"| {_cell(one['name'])} | {_MARKS[one['outcome']]} | {_cell(one['words'])} |" for one in gates]
    return "\n".join(["| gate | outcome | because |", "| --- | --- | --- |", *rows])


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _links(p: Platform, gated: dict[str, Any], pages: Mapping[str, str]) -> str:
    found = {"the version in MLflow": version_page(pages["mlflow"], p.case.name, gated["version"])}
    found |= {"its evaluation": pages["evaluation"]} if pages.get("evaluation") else {}
    return " · ".join(f"[{words}]({address})" for words, address in found.items())
