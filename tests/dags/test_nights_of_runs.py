"""Which nights a run works: the one of a backfill's logical date, in the case's own zone; every other run sweeps."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from airflow.sdk import dag as dag_of
from airflow.sdk.timezone import parse
from airflow.serialization.serialized_objects import DagSerialization

from lakeloop.adapters.airflow_api import AirflowApi
from lakeloop.core.runs import Run
from lakeloop_airflow.runs import run_of
from lakeloop_airflow.schedules import clock
from use_cases.flights import FLIGHTS

CASE = "use_cases.flights:FLIGHTS"
NIGHT = date(2013, 7, 1)


def asked(run_type: str, logical_date: datetime | None, **params: str) -> Run:
    """What a run of Airflow's is asked to do."""
    dag_run = SimpleNamespace(run_id="r", run_type=run_type, conf=params, logical_date=logical_date, triggering_user_name=None)
    context: Any = {
        "dag_run": dag_run, "dag": SimpleNamespace(params=params), "params": params, "ti": SimpleNamespace(try_number=1),
    }  # fmt: skip
    return run_of(context, CASE, "ingest")


def nights(run: Run) -> tuple[date | None, date | None]:
    return run.date_from, run.date_to


@pytest.mark.parametrize(
    ("moment", "night"),
    [
        ("2013-02-02T05:30Z", date(2013, 2, 2)),
        ("2013-02-02T04:59Z", date(2013, 2, 1)),
        ("2013-07-02T04:30Z", date(2013, 7, 2)),  # in summer New York is an hour nearer
        ("2013-07-02T04:00Z", date(2013, 7, 2)),
        ("2013-07-02T03:30Z", date(2013, 7, 1)),
    ],
)
def test_a_backfill_works_the_night_of_its_logical_date_in_the_zone_of_the_case(moment: str, night: date) -> None:
    assert nights(asked("backfill", datetime.fromisoformat(moment))) == (night, night)


@pytest.mark.parametrize("run_type", ["scheduled", "manual", "asset_triggered"])
def test_every_other_run_sweeps_whatever_its_logical_date(run_type: str) -> None:
    assert nights(asked(run_type, datetime(2013, 7, 2, 4, 30, tzinfo=UTC))) == (None, None)
    assert nights(asked(run_type, None)) == (None, None)


@pytest.mark.parametrize("run_type", ["backfill", "scheduled", "manual", "asset_triggered"])
def test_nights_that_were_asked_for_are_worked_by_any_run(run_type: str) -> None:
    by_form = asked(run_type, datetime(2013, 2, 2, 5, 30, tzinfo=UTC), date_from="2013-07-01", date_to="2013-07-03")
    assert nights(by_form) == (NIGHT, NIGHT + timedelta(days=2))


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Tokyo", "Pacific/Auckland", "UTC"])
def test_a_range_asked_of_the_client_is_worked_night_by_night_in_every_zone(zone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    case = FLIGHTS.model_copy(update={"timezone": zone})
    monkeypatch.setattr("lakeloop_airflow.runs.load_case", lambda _: case)
    sent: list[dict[str, Any]] = []
    monkeypatch.setattr(AirflowApi, "_call", lambda *_, json: sent.append(json) or {"id": 1})
    AirflowApi("http://airflow", "ann", "secret").backfill("toy__ingest", NIGHT, NIGHT + timedelta(days=2), ZoneInfo(zone))
    worked = [nights(asked("backfill", moment)) for moment in ticks(zone, sent[0])]
    assert worked == [(night, night) for night in (NIGHT + timedelta(days=n) for n in range(3))]


def ticks(zone: str, range_asked: dict[str, Any]) -> list[datetime]:
    """The logical dates of a range's backfill, as Airflow has them from the clock of a case of that zone."""

    @dag_of(schedule=clock(FLIGHTS.model_copy(update={"timezone": zone}), "30 0 * * *"))
    def toy__ingest() -> None:
        """Nothing but a clock."""

    known = DagSerialization.from_dict(DagSerialization.to_dict(toy__ingest()))
    first, last = (parse(range_asked[name]) for name in ("from_date", "to_date"))
    return [info.logical_date for info in known.iter_dagrun_infos_between(first, last) if info.logical_date]
