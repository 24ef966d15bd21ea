"""Airflow made ready: is it healthy, are pool and connection there, does a task really run?"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import httpx
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from lakeloop.adapters.airflow_api import AirflowApi
from lakeloop.core.errors import OrchestratorFailed
from lakeloop.settings import Settings

CANARY = "platform__canary"
CANARY_SECONDS = 120
CALL_SECONDS = 15
OURS = "kept by lakeloop: the inbox on loopback"


class NotYet(Exception):
    """An answer that is right later, or never: the caller has a deadline."""


def prove_healthy(url: str, heartbeats: Collection[str]) -> None:
    """Raises unless each of these has a fresh heartbeat."""
    answer = httpx.get(f"{url}/api/v2/monitor/health", timeout=CALL_SECONDS, trust_env=False).raise_for_status().json()
    sick = [part for part in heartbeats if (answer.get(part) or {}).get("status") != "healthy"]
    if sick:
        message = f"not healthy in Airflow yet: {', '.join(sick)}"
        raise NotYet(message)


def furnish(settings: Settings, inbox: Mapping[str, Any]) -> None:
    """The pool of the one Spark, and the inbox as Slack; what a user made or changed stays."""
    with _api(settings) as api:
        if not api.pool("spark"):
            api.create_pool("spark", 1, "the one warm Spark: its jobs queue here")
        known = api.connection(inbox["connection_id"])
        if not known or known.get("description") == OURS:
            api.connect(**inbox, description=OURS)


def prove_a_task_runs(settings: Settings) -> None:
    """Triggers the canary and waits until its task ran: scheduler, executor, parser and API all had a hand in it."""
    parsed = Retrying(
        retry=retry_if_exception_type(OrchestratorFailed),
        wait=wait_fixed(0.5),
        stop=stop_after_delay(CANARY_SECONDS),
        reraise=True,
    )
    with _api(settings) as api:
        try:
            parsed(api.unpause, CANARY)
            run = api.trigger(CANARY)
            state = api.wait(CANARY, run, CANARY_SECONDS, poll=0.5)
        except OrchestratorFailed as error:
            message = f"Airflow did not run a task within {CANARY_SECONDS} s: {error}; {_likeliest(api)}"
            raise OrchestratorFailed(message) from error
        if state != "success":
            message = f"the canary's task failed; its page: {api.run_page(CANARY, run)}"
            raise OrchestratorFailed(message)


def _api(settings: Settings) -> AirflowApi:
    password = settings.airflow_password.get_secret_value()
    return AirflowApi(settings.airflow_url, settings.airflow_username, password, timeout=CALL_SECONDS)


def _likeliest(api: AirflowApi) -> str:
    return "; ".join(api.import_errors()) or "see `lakeloop logs airflow-scheduler`"
