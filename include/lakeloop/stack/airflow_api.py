"""Airflow seen from outside: is it healthy, are pool and connection there, does a task really run?"""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

import httpx
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from lakeloop.core.errors import OrchestratorFailed
from lakeloop.settings import Settings

PARTS = ("metadatabase", "scheduler", "dag_processor", "triggerer")
CANARY = "platform__canary"
CANARY_SECONDS = 120
CALL_SECONDS = 15


class NotYet(Exception):
    """An answer that is right later, or never: the caller has a deadline."""


class AirflowApi:
    """A client of the public API with a token of its own."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._client = httpx.Client(base_url=settings.airflow_url, timeout=CALL_SECONDS, trust_env=False)

    def __enter__(self) -> Self:
        """The client, its token not yet asked for."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Closes the connection."""
        self._client.close()

    def prove_healthy(self) -> None:
        """Raises unless all four processes have a fresh heartbeat."""
        answer = self._client.get("/api/v2/monitor/health").raise_for_status().json()
        sick = [part for part in PARTS if (answer.get(part) or {}).get("status") != "healthy"]
        if sick:
            message = f"not healthy in Airflow yet: {', '.join(sick)}"
            raise NotYet(message)

    def sign_in(self) -> None:
        """Gets the token that all further calls carry."""
        who = {"username": self._settings.airflow_username, "password": self._settings.airflow_password.get_secret_value()}
        token = self._client.post("/auth/token", json=who).raise_for_status().json()["access_token"]
        self._client.headers["Authorization"] = f"Bearer {token}"

    def ensure_pool(self, name: str, slots: int, description: str) -> None:
        """A pool of this many slots; a user's own change of it stays."""
        if not self._there(f"/api/v2/pools/{name}"):
            body = {"name": name, "slots": slots, "description": description}
            self._client.post("/api/v2/pools", json=body).raise_for_status()

    def ensure_connection(self, connection: Mapping[str, Any], ours: str) -> None:
        """The connection, unless the user made one; one that says `ours` is brought up to date."""
        path = f"/api/v2/connections/{connection['connection_id']}"
        body = {**connection, "description": ours}
        if not self._there(path):
            self._client.post("/api/v2/connections", json=body).raise_for_status()
        elif self._client.get(path).raise_for_status().json().get("description") == ours:
            self._client.patch(path, json=body).raise_for_status()

    def prove_a_task_runs(self) -> None:
        """Triggers the canary and waits until its task ran: scheduler, executor, parser and API all had a hand in it."""
        body: dict[str, Any] = {"logical_date": None, "conf": {}}
        wait = Retrying(
            retry=retry_if_exception_type((NotYet, httpx.TransportError)), wait=wait_fixed(0.5),
            stop=stop_after_delay(CANARY_SECONDS), reraise=True,
        )  # fmt: skip
        try:
            wait(self._parsed)
            run = self._client.post(f"/api/v2/dags/{CANARY}/dagRuns", json=body).raise_for_status().json()["dag_run_id"]
            wait(self._ended, run)
        except (NotYet, httpx.HTTPError) as error:
            message = f"Airflow did not run a task within {CANARY_SECONDS} s: {error}; {self._broken_files()}"
            raise OrchestratorFailed(message) from error

    def _broken_files(self) -> str:
        """The likeliest cause in Airflow's own words, or where to read on."""
        answer = self._client.get("/api/v2/importErrors").raise_for_status().json()
        broken = [f"{each['filename']}: {each['stack_trace'].strip().splitlines()[-1]}" for each in answer["import_errors"]]
        return "; ".join(broken) or "see `lakeloop logs airflow-scheduler`"

    def _there(self, path: str) -> bool:
        answer = self._client.get(path)
        if answer.status_code == httpx.codes.NOT_FOUND:
            return False
        answer.raise_for_status()
        return True

    def _parsed(self) -> None:
        if not self._there(f"/api/v2/dags/{CANARY}"):
            message = f"{CANARY} is not parsed yet"
            raise NotYet(message)
        self._client.patch(f"/api/v2/dags/{CANARY}", json={"is_paused": False}).raise_for_status()

    def _ended(self, run: str) -> None:
        state = self._client.get(f"/api/v2/dags/{CANARY}/dagRuns/{run}").raise_for_status().json()["state"]
        if state == "failed":
            message = f"the canary's task failed; its page: {self._settings.airflow_url}/dags/{CANARY}/runs/{run}"
            raise OrchestratorFailed(message)
        if state != "success":
            message = f"the canary run is {state}"
            raise NotYet(message)
