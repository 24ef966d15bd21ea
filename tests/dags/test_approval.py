"""The task that asks: what it puts to whom, and what each answer, or none, is handed on as."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowSkipException, TaskAwaitingInput

from lakeloop_airflow import approval
from lakeloop_airflow.approval import PromotionApproval, approval_of
from use_cases.flights import FLIGHTS

GATED = {"ask": True, "version": 3, "commit": "abc", "run_key": "k", "page": "gates.html"}
CONTEXT: Any = {"ti": SimpleNamespace(id="i", dag_id="flights__train", run_id="r", task_id="approve", map_index=-1)}
CONTEXT["task_instance"] = CONTEXT["ti"]


@pytest.fixture
def performed(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    calls: list[tuple[Any, ...]] = []

    def perform(*given: Any) -> dict[str, str]:
        calls.append(given)
        return {"subject": "Promote flights version 3?", "body": "| gate |"}

    monkeypatch.setattr(approval, "perform", perform)
    return calls


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What Airflow was told to ask."""
    told: dict[str, Any] = {}
    monkeypatch.setattr("airflow.providers.standard.operators.hitl.upsert_hitl_detail", lambda **words: told.update(words))
    return told


def task(gated: dict[str, Any]) -> PromotionApproval:
    return approval_of(FLIGHTS, "use_cases.flights:FLIGHTS", gated)


def test_named_users_are_asked_in_the_gates_words_with_a_link_and_no_answer_is_assumed(
    performed: list[tuple[Any, ...]], asked: dict[str, Any]
) -> None:
    with pytest.raises(TaskAwaitingInput):
        task(GATED).execute(CONTEXT)
    ((stage, step, _, gated, pages),) = performed
    assert (stage, step, gated) == ("train", "approval.ask", GATED)
    assert pages["task"].endswith("/dags/flights__train/runs/r/tasks/approve/required_actions?map_index=-1")
    assert pages["evaluation"].endswith("/lake/abc/_lakeloop/evidence/k/gates.html")
    assert (asked["subject"], asked["body"], asked["defaults"]) == ("Promote flights version 3?", "| gate |", None)
    assert (asked["assigned_users"], list(asked["params"])) == ([{"id": "approver", "name": "approver"}], ["reason"])


def test_gates_that_ask_nothing_skip_the_task(performed: list[tuple[Any, ...]]) -> None:
    with pytest.raises(AirflowSkipException):
        task({"ask": False}).execute(CONTEXT)
    assert performed == []


def event(choice: str, **params: str) -> dict[str, Any]:
    who = {"id": "approver", "name": "Ann"}
    return {"chosen_options": [choice], "params_input": params, "responded_by_user": who, "responded_at": datetime.now(UTC)}


@pytest.mark.parametrize(
    ("given", "step", "answer"),
    [
        (event("Approve", reason="fine"), "approval.answered", {"approved": True, "by": "approver", "why": "fine"}),
        (event("Reject"), "approval.answered", {"approved": False, "by": "approver", "why": ""}),
        ({"error": "late", "error_type": "timeout"}, "approval.ran_out", None),
    ],
)
def test_an_answer_is_handed_on_with_who_and_why(
    performed: list[tuple[Any, ...]], given: dict[str, Any], step: str, answer: dict[str, Any] | None
) -> None:
    task(GATED).execute_complete(CONTEXT, given)
    ((_, called, _, *rest),) = performed
    assert (called, rest) == (step, [GATED, *([answer] if answer else [])])
