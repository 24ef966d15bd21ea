"""Airflow seen from outside: a thin client of its REST API, for commands, the story and tests."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, tzinfo
from types import TracebackType
from typing import Any, NamedTuple, Self
from urllib.parse import quote

import httpx
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    retry_if_result,
    stop_after_attempt,
    stop_after_delay,
    wait_exponential,
    wait_fixed,
)
from tenacity import RetryError as DeadlinePassed

from lakeloop.core.errors import OrchestratorFailed

_LAST_STATES = ("success", "failed")
_TASK_PAGE = 100
_TRIES = 6


class TaskRun(NamedTuple):
    """One task instance of a run, as Airflow shows it now."""

    task_id: str
    map_index: int
    state: str
    attempt: int
    seconds: float
    pid: int  # of its process while it runs, else of its last one; 0 before


class AirflowApi:
    """Triggers and reads runs as one user; every refusal or silence is OrchestratorFailed."""

    def __init__(self, url: str, username: str, password: str, timeout: float = 30) -> None:
        self._url = url.rstrip("/")
        self._user = {"username": username, "password": password}
        self._client = httpx.Client(base_url=self._url, timeout=httpx.Timeout(timeout, connect=min(5, timeout)), trust_env=False)
        self._token = ""

    def __enter__(self) -> Self:
        """The client itself; connections are opened with the first call."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Closes the connections."""
        self._client.close()

    def trigger(self, dag_id: str, conf: Mapping[str, Any] | None = None, note: str = "", logical_date: str | None = None) -> str:
        """Starts a run by hand and gives its run id; a paused DAG keeps it queued, so see `unpause`."""
        body = {"logical_date": logical_date, "conf": dict(conf or {}), "note": note or None}
        return str(self._call("POST", f"/dags/{dag_id}/dagRuns", json=body)["dag_run_id"])

    def state(self, dag_id: str, run_id: str) -> str:
        """The state of a run now: queued, running, success or failed."""
        return str(self.run(dag_id, run_id)["state"])

    def run(self, dag_id: str, run_id: str) -> dict[str, Any]:
        """One run in Airflow's own words."""
        return self._call("GET", f"/dags/{dag_id}/dagRuns/{run_id}")

    def wait(self, dag_id: str, run_id: str, timeout: float, poll: float = 1.0) -> str:
        """Waits for a run to end and gives its last state; past the deadline the run is left alone."""
        waiting = Retrying(
            retry=retry_if_result(lambda state: state not in _LAST_STATES), wait=wait_fixed(poll), stop=stop_after_delay(timeout)
        )
        try:
            return waiting(self.state, dag_id, run_id)
        except DeadlinePassed as late:
            state = late.last_attempt.result()
            msg = (
                f"{dag_id} {run_id} is still {state} after {timeout:.0f} s; it was left as it is: {self.run_page(dag_id, run_id)}"
            )
            raise OrchestratorFailed(msg) from late

    def runs(self, dag_id: str, limit: int = 50) -> list[dict[str, Any]]:
        """The newest runs of a DAG, newest first, in Airflow's own words."""
        page = self._call("GET", f"/dags/{dag_id}/dagRuns", params={"limit": limit, "order_by": "-run_after"})
        return list(page["dag_runs"])

    def tasks(self, dag_id: str, run_id: str) -> list[TaskRun]:
        """Every task instance of a run."""
        path = f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances"
        found = self._call("GET", path, params={"limit": _TASK_PAGE})["task_instances"]
        return [
            TaskRun(
                each["task_id"],
                each["map_index"],
                each["state"] or "none",
                each["try_number"],
                each["duration"] or 0.0,
                each["pid"] or 0,
            )
            for each in found
        ]

    def xcom(self, dag_id: str, run_id: str, task_id: str, key: str = "return_value") -> Any:
        """What a task of a run answered; None when it answered nothing."""
        path = f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/xcomEntries/{key}"
        found = self._call("GET", path, missing=True)
        value = found.get("value")
        return json.loads(value) if isinstance(value, str) and value[:1] in "{[" else value

    def clear(self, dag_id: str, run_id: str, task_ids: Sequence[str], downstream: bool = True) -> int:
        """Clears tasks of a run, as the UI's button does, and gives how many; Airflow then runs them again."""
        body = {
            "dry_run": False,
            "dag_run_id": run_id,
            "task_ids": list(task_ids),
            "only_failed": False,
            "include_downstream": downstream,
            "reset_dag_runs": True,
        }
        return int(self._call("POST", f"/dags/{dag_id}/clearTaskInstances", json=body)["total_entries"])

    def question(self, dag_id: str, run_id: str, task_id: str) -> dict[str, Any]:
        """What a task of a run asks a person, and their answer if there is one; empty when it asked nothing yet."""
        return self._call("GET", _question_path(dag_id, run_id, task_id), missing=True)

    def answer(self, dag_id: str, run_id: str, task_id: str, choice: str, **params: str) -> None:
        """Answers a task's question as this user; Airflow lets nobody answer who was not asked, and no question twice."""
        body = {"chosen_options": [choice], "params_input": params}
        self._call("PATCH", _question_path(dag_id, run_id, task_id), json=body)

    def scheduler_beat(self) -> str:
        """When the scheduler last said that it lives: it does so behind whatever it had to do in that round."""
        return str(self._call("GET", "/monitor/health")["scheduler"]["latest_scheduler_heartbeat"])

    def mark_failed(self, dag_id: str, run_id: str) -> None:
        """Ends a run as failed, as the UI's button does: running tasks are killed, teardowns still run."""
        self._call("PATCH", f"/dags/{dag_id}/dagRuns/{run_id}", json={"state": "failed"})

    def note(self, dag_id: str, run_id: str, words: str) -> None:
        """Puts a note on a run, in place of an earlier one."""
        self._call("PATCH", f"/dags/{dag_id}/dagRuns/{run_id}", json={"note": words})

    def unpause(self, dag_id: str) -> None:
        """Lets a DAG run."""
        self._call("PATCH", f"/dags/{dag_id}", json={"is_paused": False})

    def pause(self, dag_id: str) -> None:
        """Keeps new runs of a DAG queued; running ones go on."""
        self._call("PATCH", f"/dags/{dag_id}", json={"is_paused": True})

    def backfill(self, dag_id: str, first: date, last: date, zone: tzinfo, max_active_runs: int = 1) -> int:
        """Asks for one run a day of a range, days of the DAG's zone, and gives the backfill's id; the DAG has to be unpaused."""
        body = {
            "dag_id": dag_id,
            "from_date": datetime.combine(first, time.min, zone).isoformat(),
            "to_date": datetime.combine(last, time.max, zone).isoformat(),
            "max_active_runs": max_active_runs,
            "reprocess_behavior": "completed",
        }
        return int(self._call("POST", "/backfills", json=body)["id"])

    def connect(self, connection_id: str, conn_type: str, **fields: Any) -> None:
        """Creates a connection, or makes an existing one equal; the password never stands in an error's words."""
        body = {"connection_id": connection_id, "conn_type": conn_type, **fields}
        known = self.connection(connection_id)
        path = f"/connections/{connection_id}" if known else "/connections"
        self._call("PATCH" if known else "POST", path, json=body)

    def connection(self, connection_id: str) -> dict[str, Any]:
        """A connection without its password; empty when there is none."""
        return self._call("GET", f"/connections/{connection_id}", missing=True)

    def pool(self, name: str) -> dict[str, Any]:
        """A pool in Airflow's own words; empty when there is none."""
        return self._call("GET", f"/pools/{name}", missing=True)

    def create_pool(self, name: str, slots: int, description: str) -> None:
        """Makes a pool of this many slots."""
        self._call("POST", "/pools", json={"name": name, "slots": slots, "description": description})

    def import_errors(self) -> list[str]:
        """DAG files that could not be read, with their last words; empty when all is well."""
        return [
            f"{each['filename']}: {each['stack_trace'][-500:]}" for each in self._call("GET", "/importErrors")["import_errors"]
        ]

    def run_page(self, dag_id: str, run_id: str) -> str:
        """The page of a run, for people."""
        return f"{self._url}/dags/{dag_id}/runs/{quote(run_id)}"

    def _call(self, method: str, path: str, *, missing: bool = False, **sent: Any) -> dict[str, Any]:
        answer = self._answer(method, f"/api/v2{path}", **sent)
        if answer.status_code == httpx.codes.UNAUTHORIZED:
            self._token = ""  # tokens end after a day; one new one, then it is an error
            answer = self._answer(method, f"/api/v2{path}", **sent)
        if missing and answer.status_code == httpx.codes.NOT_FOUND:
            return {}
        if answer.is_error:
            msg = f"Airflow at {self._url} refused {method} {path}: {answer.status_code} {_words(answer)}"
            raise OrchestratorFailed(msg)
        return dict(answer.json()) if answer.content else {}

    def _answer(self, method: str, path: str, **sent: Any) -> httpx.Response:
        # A connection that was never made carried nothing, so it may be tried again; a lost answer may not, except of a read.
        again: tuple[type[Exception], ...] = (
            (httpx.TransportError,) if method == "GET" else (httpx.ConnectError, httpx.ConnectTimeout)
        )
        unfit = _is_busy if _is_once(method, path) else _is_locked
        tries = Retrying(
            retry=retry_if_exception_type(again) | retry_if_result(unfit), wait=wait_exponential(0.2, max=4),
            stop=stop_after_attempt(_TRIES), retry_error_callback=_last,
        )  # fmt: skip
        try:
            self._token = self._token or tries(self._new_token)
            return tries(self._client.request, method, path, headers={"Authorization": f"Bearer {self._token}"}, **sent)
        except httpx.TransportError as error:
            msg = f"Airflow at {self._url} did not answer {method} {path}: {type(error).__name__} {error}; see `lakeloop status`"
            raise OrchestratorFailed(msg) from error

    def _new_token(self) -> str:
        answer = self._client.post("/auth/token", json=self._user)
        if answer.is_error:
            msg = f"Airflow at {self._url} gave no token to {self._user['username']}: {answer.status_code}"
            raise OrchestratorFailed(msg)
        return str(answer.json()["access_token"])


def _is_once(method: str, path: str) -> bool:
    """Whether a call may be done once only: one that makes something; to clear tasks again clears nothing more."""
    return method == "POST" and not path.endswith("/clearTaskInstances")


def _is_locked(answer: Any) -> bool:
    """Airflow says that its database failed a statement, or was busy: what may be repeated is."""
    failed = isinstance(answer, httpx.Response) and answer.status_code == httpx.codes.INTERNAL_SERVER_ERROR
    return _is_busy(answer) or (failed and "Database error" in answer.text)


def _question_path(dag_id: str, run_id: str, task_id: str) -> str:
    return f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/-1/hitlDetails"


def _is_busy(answer: Any) -> bool:
    """Airflow says that its database was locked (SQLite, while the scheduler writes), and that nothing was begun."""
    return isinstance(answer, httpx.Response) and answer.status_code == httpx.codes.SERVICE_UNAVAILABLE


def _last(state: RetryCallState) -> Any:
    """What the last try gave, or its failure."""
    return state.outcome.result() if state.outcome else None


def _words(answer: httpx.Response) -> str:
    try:
        return str(answer.json().get("detail", ""))[:500]
    except ValueError:
        return answer.text[:200]
