"""The acts that processes are killed in; each can be begun again by another try."""

from datetime import date
from typing import Any

from lakeloop.core.lake import UnitId
from lakeloop.core.withdrawal import Condemned
from lakeloop.steps import act, ingest_publish, withdraw
from lakeloop.steps.platform import Platform
from tests.protocol.world import ingest_all, run


def ingest(p: Platform, attempt: int) -> None:
    """The whole ingest."""
    ingest_all(p, attempt)


def publish(p: Platform, attempt: int, audited: dict[str, Any]) -> None:
    """The publish step alone, on what an earlier step left."""
    ingest_publish.publish_units(p, run("ingest", attempt), audited)


def act_on(p: Platform, attempt: int, judged: dict[str, Any]) -> None:
    """Acting on verdicts: publishing scores, withdrawing data."""
    act.act(p, run("watch", attempt), judged)


def withdraw_unit(p: Platform, attempt: int, day: date, receipt: str) -> None:
    """Withdrawing one unit of one receipt."""
    condemned = [Condemned(UnitId("readings", day), receipt, "test")]
    row = {"data_date": day.isoformat(), "verdict": "data_fault", "trust": ""}
    withdraw.withdraw(p, run("watch", attempt), condemned, [row], {withdraw.INCIDENT: "incident"})
