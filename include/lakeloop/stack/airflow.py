"""Airflow's four processes, started directly: their environment, their database, and what must be in it."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import uuid
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path

from lakeloop.core.errors import StackFailed
from lakeloop.settings import Settings
from lakeloop.stack.keys import Keys
from lakeloop.stack.layout import StackRoot, read_json, write_private_json
from lakeloop.stack.ports import LOOPBACK
from lakeloop.stack.program import Program, inherited

PROCESSES = {  # a module that is Airflow's command, and its arguments
    "airflow-api": ("airflow", "api-server"),
    "airflow-scheduler": ("lakeloop.stack.warm_scheduler", "scheduler", "--skip-serve-logs"),
    "airflow-dag-processor": ("airflow", "dag-processor"),
    "airflow-triggerer": ("airflow", "triggerer", "--skip-serve-logs"),
}
HEARTBEATS = {  # under which name the API's health page speaks of each
    "airflow-api": "metadatabase",
    "airflow-scheduler": "scheduler",
    "airflow-dag-processor": "dag_processor",
    "airflow-triggerer": "triggerer",
}
MIGRATE_SECONDS = 300


def program(root: StackRoot, keys: Keys, settings: Settings, port: int, name: str) -> Program:
    """One of the four processes; writes the password file (0600) that SimpleAuth reads."""
    passwords = {settings.airflow_username: keys.airflow_password, settings.airflow_approver: keys.airflow_approver_password}
    write_private_json(root.folder("airflow") / "passwords.json", passwords)
    command = (sys.executable, "-m", *PROCESSES[name])
    return Program(name, command, environment(root, keys, settings, port), grace=20)


def environment(root: StackRoot, keys: Keys, settings: Settings, port: int) -> dict[str, str]:
    """What each Airflow process and each task finds; keys of the lake are not in it, tasks read those from the stack root."""
    sections = {
        "CORE": _core(root, keys, settings, port),
        "DATABASE": {"SQL_ALCHEMY_CONN": database_url(root, settings)},
        "API": _api(keys, settings, port),
        "API_AUTH": {"JWT_SECRET": keys.airflow_jwt_secret},
        "DAG_PROCESSOR": _dag_processor(),
        "SCHEDULER": {"SCHEDULER_IDLE_SLEEP_TIME": "0.5"},  # seconds; by the usual 1 a night of six tasks rests longer
        "WORKERS": {"MAX_FAILED_HEARTBEATS": "30", "SOCKET_CLEANUP_TIMEOUT": "15"},
        "LOGGING": {"BASE_LOG_FOLDER": str(root.folder("airflow/logs")), "LOGGING_LEVEL": "INFO"},
        "USAGE_DATA_COLLECTION": {"ENABLED": "False"},
        "OPENLINEAGE": _openlineage(root, settings),
    }
    flat = {f"AIRFLOW__{section}__{key}": value for section, values in sections.items() for key, value in values.items()}
    path = os.pathsep.join(str(settings.repo_root / folder) for folder in ("include", "plugins"))
    return flat | {
        "AIRFLOW_HOME": str(root.folder("airflow")),
        "PYTHONPATH": path,
        "GX_ANALYTICS_ENABLED": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "OMP_NUM_THREADS": "1",
    }


def database_url(root: StackRoot, settings: Settings) -> str:
    """SQLite under the root, unless a setting names a Postgres."""
    return settings.airflow_db_url.get_secret_value() or f"sqlite:///{root.home / 'airflow' / 'airflow.db'}"


def migrate(root: StackRoot, env: Mapping[str, str], url: str) -> str:
    """Brings the database to this Airflow's schema where needed (9 s) and gives its id, which a new database changes."""
    path = root.folder("airflow") / "database.json"
    stamp = {"airflow": metadata.version("apache-airflow-core"), "database": hashlib.sha256(url.encode()).hexdigest()}
    kept = read_json(path)
    lost = url.startswith("sqlite:///") and not Path(url.removeprefix("sqlite:///")).is_file()
    if kept.get("stamp") == stamp and not lost:
        return str(kept["id"])
    command = [sys.executable, "-m", "airflow", "db", "migrate"]
    done = subprocess.run(
        command, env={**inherited(), **env}, check=False, capture_output=True, text=True, timeout=MIGRATE_SECONDS,
        umask=0o077,
    )  # fmt: skip
    if done.returncode:
        tail = "\n".join((done.stdout + done.stderr).splitlines()[-8:])
        message = f"`airflow db migrate` failed, Airflow was not started:\n{tail}"
        raise StackFailed(message)
    same = not lost and kept.get("stamp", {}).get("database") == stamp["database"]
    identity = str(kept["id"]) if same else str(uuid.uuid4())
    write_private_json(path, {"stamp": stamp, "id": identity})
    return identity


def slack_inbox(alerts_url: str) -> dict[str, str]:
    """The connection of alerts where the user has none: Slack's API as our inbox on loopback speaks it."""
    extra = json.dumps({"base_url": f"{alerts_url}/api/", "timeout": 5})
    return {"connection_id": "slack_default", "conn_type": "slack", "password": "loopback-inbox", "extra": extra}


def _core(root: StackRoot, keys: Keys, settings: Settings, port: int) -> dict[str, str]:
    return {
        "EXECUTION_API_SERVER_URL": f"http://{LOOPBACK}:{port}/execution/",
        "FERNET_KEY": keys.airflow_fernet_key,
        "EXECUTOR": "LocalExecutor",
        "PARALLELISM": "4",
        "MAX_ACTIVE_RUNS_PER_DAG": "3",
        "DEFAULT_TASK_RETRIES": "1",
        "DEFAULT_TASK_EXECUTION_TIMEOUT": "3600",
        "LOAD_EXAMPLES": "False",
        "DAGS_ARE_PAUSED_AT_CREATION": "False",
        "DAGS_FOLDER": str(settings.repo_root / "dags"),
        "PLUGINS_FOLDER": str(settings.repo_root / "plugins"),
        "SIMPLE_AUTH_MANAGER_USERS": f"{settings.airflow_username}:admin,{settings.airflow_approver}:user",
        "SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(root.home / "airflow" / "passwords.json"),
    }


def _openlineage(root: StackRoot, settings: Settings) -> dict[str, str]:
    events = root.folder("lineage") / "events.jsonl"
    usual = json.dumps({"type": "file", "log_file_path": str(events), "append": True})
    return {
        "TRANSPORT": settings.openlineage.get_secret_value() or usual,
        "NAMESPACE": settings.repository,
        "DISABLE_SOURCE_CODE": "True",  # a DAG's text is in version control, not in events
    }


def _dag_processor() -> dict[str, str]:
    return {"REFRESH_INTERVAL": "15", "MIN_FILE_PROCESS_INTERVAL": "30", "DAG_VERSION_INFLATION_CHECK_LEVEL": "error"}


def _api(keys: Keys, settings: Settings, port: int) -> dict[str, str]:
    return {
        "HOST": settings.listen,
        "PORT": str(port),
        "BASE_URL": f"http://{LOOPBACK}:{port}",
        "WORKERS": "1",
        "SECRET_KEY": keys.airflow_api_secret,
        "ENABLE_SWAGGER_UI": "False",
    }
