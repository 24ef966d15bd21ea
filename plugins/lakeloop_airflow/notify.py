"""A failed run becomes one alert in the outbox: quickly, without Slack, and never with an error of its own."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from lakeloop.adapters.platform_db import PlatformDb
from lakeloop.adapters.platform_db.sessions import SessionRow
from lakeloop.core.notice import run_failed
from lakeloop.settings import Settings
from lakeloop_airflow.case_dag import CHANNEL_MACRO, OWNER

_log = logging.getLogger(__name__)
_DEFAULT_CHANNEL = "#lakeloop"


def alert_of_failed_run(context: Mapping[str, Any]) -> None:
    """Airflow's DAG-level failure callback; it runs in the dag-processor, also after a kill or a mark by hand."""
    try:
        _enqueue(context)
    except Exception:
        _log.exception("the alert of a failed run could not be kept")


def _enqueue(context: Mapping[str, Any]) -> None:
    settings = Settings.load()
    database = PlatformDb(settings.platform_db_url)
    dag, run = context["dag"], str(context["run_id"])
    failed = _last_tries(database.sessions.of(dag.dag_id, run))
    macros = getattr(dag, "user_defined_macros", None) or {}  # a DAG read back from the database has none
    notice = run_failed(
        dag=dag.dag_id,
        run=run,
        causes=[(row.key.task, row.words or "") for row in failed],
        links={"run page": f"{settings.airflow_url}/dags/{dag.dag_id}/runs/{quote(run)}"},
        reason=str(context.get("reason") or ""),
        owner=str((getattr(dag, "default_args", None) or {}).get("owner") or OWNER),
        channel=str(macros.get(CHANNEL_MACRO, _DEFAULT_CHANNEL)),
    )
    database.outbox.enqueue(
        key=_key(settings, dag.dag_id, run, failed, context),
        severity=notice.severity,
        title=notice.title,
        body=notice.facts,
        channel=notice.channel,
    )


def _last_tries(rows: list[SessionRow]) -> list[SessionRow]:
    """The last try of each task, if it failed or was killed."""
    last = {(row.key.task, row.key.map_index): row for row in rows}
    return [row for row in last.values() if row.words or row.ended_at is None]


def _key(settings: Settings, dag: str, run: str, failed: list[SessionRow], context: Mapping[str, Any]) -> str:
    # A run that was cleared and failed again is a new alert; the same end told twice is not.
    ti = context.get("ti")
    tries = sorted(f"{row.key.task}.{row.key.map_index}.{row.key.attempt}" for row in failed)
    told = tries or [f"{ti.task_id}.{ti.try_number}" if ti is not None else "run"]
    return "/".join(["run failed", settings.airflow_database_id, dag, run, *told])
