"""The acts that processes are killed in; each can be begun again by another try."""

from datetime import UTC, date, datetime
from typing import Any

from lakeloop.adapters.delta_tables import DeltaRsTables
from lakeloop.core.contract import Retention
from lakeloop.core.lake import UnitId
from lakeloop.core.withdrawal import Condemned
from lakeloop.steps import act, ingest_publish, retention, withdraw
from lakeloop.steps.platform import Platform
from tests.protocol.world import changed, ingest_all, run


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


def accept(p: Platform, attempt: int, judged: dict[str, Any], day: date) -> None:
    """Acting on verdicts as a person answered them."""
    answer = run("watch", attempt, date_from=day, date_to=day, decide="accept", reason="test", actor="ada")
    act.act(p, answer, judged)


def retain(p: Platform) -> None:
    """Taking away what the toy's bytes are a day past."""
    tables = p.tables
    assert isinstance(tables, DeltaRsTables)
    retention.apply(changed(p, retention=Retention(landing_days=1)), run("retention"), tables, datetime.now(UTC))
