"""The task that asks a person before a promotion, through Airflow's human-in-the-loop operator."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import Context, Param
from airflow.sdk.exceptions import AirflowSkipException

from lakeloop.core.lake import evidence_path
from lakeloop.core.reasons import LONGEST
from lakeloop.core.use_case import UseCase
from lakeloop.settings import Settings
from lakeloop_airflow.links import lake_page
from lakeloop_airflow.shell import Answer, perform

_REASON = "Why, in words: an answer without does not count. It stands on the receipt, or on the version that is rejected"


class PromotionApproval(ApprovalOperator):
    """Asks the case's approvers where the gates ask; skipped where they do not, failed by a no and by silence."""

    template_fields = ("gated",)

    def __init__(self, *, case_ref: str, gated: Any, **more: Any) -> None:
        super().__init__(**more)
        self.case_ref, self.gated = case_ref, gated

    def execute(self, context: Context) -> Any:
        """Put the question and wait, outside any process, for the answer."""
        if not self.gated.get("ask"):
            message = "nothing to ask: its gates passed"
            raise AirflowSkipException(message)
        settings = Settings.load()
        pages = {"mlflow": settings.mlflow_url, "evaluation": self._page()}
        pages["task"] = self.generate_link_to_ui(task_instance=context["ti"], base_url=settings.airflow_url)
        asked = perform("train", "approval.ask", self.case_ref, self.gated, pages)
        self.subject, self.body = asked["subject"], asked["body"]
        return super().execute(context)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Answer:
        """Hand on who answered what and why; without an answer, that time ran out."""
        if event.get("error_type") == "timeout":
            return perform("train", "approval.ran_out", self.case_ref, self.gated)
        if "error" in event:
            self.process_trigger_event_error(event)
        by = (event.get("responded_by_user") or {}).get("id", "")
        why = (event.get("params_input") or {}).get("reason", "")
        answer = {"approved": event["chosen_options"] == [self.APPROVE], "by": by, "why": why}
        return perform("train", "approval.answered", self.case_ref, self.gated, answer)

    def _page(self) -> str:
        """What was measured, beside the training set: a page of it, or its folder."""
        commit, key, page = (str(self.gated.get(name) or "") for name in ("commit", "run_key", "page"))
        return lake_page(commit, evidence_path(key, page)) if commit and key else ""


def approval_of(case: UseCase, case_ref: str, gated: Any, **more: Any) -> PromotionApproval:
    """The task as a case has it: its approvers, and how long their answer is waited for."""
    return PromotionApproval(
        task_id="approve",
        case_ref=case_ref,
        gated=gated,
        subject=f"Promote a version of {case.name}?",
        assigned_users=[{"id": name, "name": name} for name in case.approvers],
        response_timeout=timedelta(hours=case.approval_hours),
        params={"reason": Param("", type="string", maxLength=LONGEST, title="Reason", description=_REASON)},
        doc_md="Asks a named person before a promotion, where the gates ask for one.",
        **more,
    )
