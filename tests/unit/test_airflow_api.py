"""The client of Airflow: a database that is locked is asked again, anything else is told."""

from __future__ import annotations

from datetime import UTC, date

import httpx
import pytest

from lakeloop.adapters.airflow_api import AirflowApi
from lakeloop.core.errors import OrchestratorFailed

DAY = date(2024, 1, 1)
TOLD = {503: "Database is locked", 500: {"reason": "Database error"}, 409: "no"}


def api_that_answers(*codes: int) -> tuple[AirflowApi, list[str]]:
    """A client whose server gives these answers to all but the token, and what it was asked."""
    asked: list[str] = []
    left = iter(codes)

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/auth/token":
            return httpx.Response(201, json={"access_token": "t"})
        asked.append(request.url.path)
        code = next(left)
        return httpx.Response(code, json={"id": 7, "total_entries": 2} if code == 200 else {"detail": TOLD[code]})

    api = AirflowApi("http://airflow", "ann", "secret")
    api._client = httpx.Client(base_url="http://airflow", transport=httpx.MockTransport(answer))
    return api, asked


def test_a_backfill_is_asked_for_again_while_airflows_database_is_locked() -> None:
    api, asked = api_that_answers(503, 503, 200)
    assert api.backfill("toy__ingest", DAY, DAY, UTC) == 7
    assert asked == ["/api/v2/backfills"] * 3


def test_a_database_that_stays_locked_is_told_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lakeloop.adapters.airflow_api._TRIES", 2)
    api, _ = api_that_answers(503, 503)
    with pytest.raises(OrchestratorFailed, match="503 Database is locked"):
        api.backfill("toy__ingest", DAY, DAY, UTC)


def test_any_other_refusal_is_told_at_once() -> None:
    api, asked = api_that_answers(409)
    with pytest.raises(OrchestratorFailed, match="409"):
        api.backfill("toy__ingest", DAY, DAY, UTC)
    assert len(asked) == 1


def test_tasks_are_cleared_again_when_the_statement_failed_and_nothing_is_made_twice() -> None:
    api, asked = api_that_answers(500, 200)
    assert api.clear("toy__watch", "r", ["act"]) == 2
    assert len(asked) == 2
    api, asked = api_that_answers(500, 200)
    with pytest.raises(OrchestratorFailed, match="500"):
        api.trigger("toy__watch")
    assert len(asked) == 1
