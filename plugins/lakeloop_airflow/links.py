"""Links from a task to what it made: its branch, its receipt and its audit page."""

from typing import Any, NamedTuple
from urllib.parse import quote

from airflow.sdk import BaseOperatorLink

from lakeloop.core.lake import evidence_path, receipt_path
from lakeloop.settings import Settings

_ANSWER = "lakeloop_answer"


class _Made(NamedTuple):
    """What a task said it made; empty strings where it made none. Only a task that says so left no receipt."""

    branch: str  # what its branch held when the task ended
    ref: str
    run_key: str
    page: str
    is_sealed: bool


def remember(task: Any, answer: dict[str, Any]) -> None:
    """Keeps a task's answer where its links find it: Airflow asks them in the same process when the task ends."""
    setattr(task, _ANSWER, answer)


def lake_page(ref: str, path: str = "") -> str:
    """The page that shows a ref of the lake, or one object at it."""
    return f"{Settings.load().alerts_url}/lake/{quote(ref)}/{quote(path)}"


class BranchLink(BaseOperatorLink):
    """What a task's branch changes against main."""

    name = "lakeFS branch"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        """What the branch held when the task ended; empty when the task opened none, or published and dropped it."""
        made = _made(operator)
        return lake_page(made.branch) if made.branch else ""


class ReceiptLink(BaseOperatorLink):
    """The receipt of a task's work."""

    name = "Receipt"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        """The receipt at the commit the task ended on; empty before there is one."""
        made = _made(operator)
        return lake_page(made.ref, receipt_path(made.run_key)) if made.run_key and made.ref and made.is_sealed else ""


class AuditPageLink(BaseOperatorLink):
    """The evidence of a task's audit or verdict."""

    name = "Audit page"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        """The page of the work's evidence, or its folder, at the commit the task ended on; empty before there is one."""
        made = _made(operator)
        return lake_page(made.ref, evidence_path(made.run_key, made.page)) if made.run_key and made.ref else ""


LINKS = (BranchLink(), ReceiptLink(), AuditPageLink())


def _made(operator: Any) -> _Made:
    answer = getattr(operator, _ANSWER, None) or {}
    branch = str(answer.get("branch") or "")
    ref = str(answer.get("commit") or branch)  # a branch is dropped once its work is done, a commit stays
    run_key, page = (str(answer.get(name) or "") for name in ("run_key", "page"))
    return _Made(ref if branch else "", ref, run_key, page, bool(answer.get("sealed", True)))
