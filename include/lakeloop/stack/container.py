"""One program of the stack in a container, in the foreground: the embedded stack's own definitions, under an engine's care."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import NoReturn
from urllib.parse import urlsplit

from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

from lakeloop import wiring
from lakeloop.core.errors import ConfigurationError, StackFailed
from lakeloop.settings import Settings
from lakeloop.stack import airflow, airflow_ready, lakefs, mlflow, parts, recycler
from lakeloop.stack.keys import keys_given
from lakeloop.stack.layout import StackRoot, read_json
from lakeloop.stack.ports import WISHED
from lakeloop.stack.program import Program, inherited
from lakeloop.stack.readiness import NOT_WORKING
from lakeloop.stack.supervisor import ProgramState

LAKEFS_SECRET = Path("/run/secrets/lakefs.yaml")
PREPARE_SECONDS = 120
END_SECONDS = 30


def run(name: str, settings: Settings) -> NoReturn:
    """Becomes the program; Spark gets a parent, which replaces it when it is worn and idle."""
    program, env = _program(name, settings)
    os.chdir(settings.home)
    os.umask(0o077)
    if name == "spark":
        recycler.begin_log()
        keeper = SparkKeeper(program, env)
        signal.signal(signal.SIGTERM, keeper.end)
        recycler.watch(keeper, settings, keeper.pause)
    os.execvpe(program.argv[0], program.argv, env)


def prove(name: str, settings: Settings) -> None:
    """Raises unless the program works: the question of the embedded stack, of one of Airflow's four alone."""
    part = next((part for part in parts.parts(settings) if name in part.programs), None)
    if part is None:
        message = f"the stack has no program {name}; nothing was asked"
        raise ConfigurationError(message)
    try:
        if name in airflow.HEARTBEATS:
            airflow_ready.prove_healthy(settings.airflow_url, [airflow.HEARTBEATS[name]])
        else:
            part.prove()
    except NOT_WORKING as error:
        message = f"{name} does not work yet: {error}"
        raise StackFailed(message) from error


def prepare(settings: Settings) -> str:
    """Bucket, lakeFS's user, gated repository, every table: all that must be there before the first service; idempotent."""
    told = json.loads(LAKEFS_SECRET.read_text("utf-8"))
    _make_bucket(told["blockstore"]["s3"], urlsplit(settings.storage_namespace).netloc)
    user = told["installation"]
    _set_up(settings.lakefs_endpoint, user["access_key_id"], user["secret_access_key"])
    lake = wiring.bootstrap_lake(settings)
    wiring.platform_db_of(settings).lease.frozen()
    root = StackRoot(settings.home)
    env = airflow.environment(root, keys_given(root), settings, WISHED["airflow"])
    airflow.migrate(root, env, airflow.database_url(root, settings))
    return lake


def furnish(settings: Settings) -> str:
    """What the DAGs ask Airflow for, and the webhook of the registry; says in a sentence what came of the latter."""
    airflow_ready.furnish(settings, airflow.slack_inbox(settings.alerts_url))
    return mlflow.furnish(settings)


class SparkKeeper:
    """Runs Spark below this process; when Spark ends by itself, so does this, and the engine starts both anew."""

    def __init__(self, program: Program, env: dict[str, str]) -> None:
        self._program, self._env = program, env
        self._process: subprocess.Popen[bytes] | None = None
        self.start_program("spark")

    def state(self, name: str) -> ProgramState:
        """This process's own: Spark and what it forked are below it."""
        return ProgramState(name, "RUNNING" if self._process else "STOPPED", os.getpid(), 0, "")

    def stop_programs(self, names: Sequence[str]) -> None:
        """Asks Spark to end, and insists."""
        if self._process:
            self._process.terminate()
            try:
                self._process.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None

    def start_program(self, name: str) -> None:
        """Starts it."""
        self._process = subprocess.Popen(self._program.argv, env=self._env, stdin=subprocess.DEVNULL)

    def end(self, _signum: int, _frame: FrameType | None) -> NoReturn:
        """The engine's wish: Spark first, then this process."""
        self.stop_programs(["spark"])
        raise SystemExit(0)

    def pause(self, seconds: float) -> None:
        """The time between two looks, cut short by Spark's end."""
        if self._process is None:
            return
        try:
            code = self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return
        raise SystemExit(code or 1)


def _program(name: str, settings: Settings) -> tuple[Program, dict[str, str]]:
    root = StackRoot(settings.home)
    found = parts.program(name, root, keys_given(root), settings, WISHED)
    identity = str(read_json(root.home / "airflow" / "database.json").get("id", ""))
    env = {**inherited(), "LAKELOOP_HOME": str(root.home), "LAKELOOP_AIRFLOW_DATABASE_ID": identity, **found.env}
    direct = ",".join([env["NO_PROXY"], *_neighbours(settings)])  # an engine may hand a proxy to every container
    return found, env | {"NO_PROXY": direct, "no_proxy": direct}


def _neighbours(settings: Settings) -> list[str]:
    addresses = (settings.lakefs_endpoint, settings.mlflow_tracking_uri)
    return [host for address in addresses if (host := urlsplit(address).hostname)]


@retry(retry=retry_if_exception_type(OSError), wait=wait_fixed(1), stop=stop_after_delay(PREPARE_SECONDS), reraise=True)
def _make_bucket(s3: dict[str, object], bucket: str) -> None:
    from pyarrow.fs import S3FileSystem

    keys = s3["credentials"]
    assert isinstance(keys, dict)
    address = urlsplit(str(s3["endpoint"]))
    S3FileSystem(
        access_key=keys["access_key_id"], secret_key=keys["secret_access_key"], region=s3["region"],
        endpoint_override=address.netloc, scheme=address.scheme, allow_bucket_creation=True,
    ).create_dir(bucket)  # fmt: skip


@retry(retry=retry_if_exception_type(NOT_WORKING), wait=wait_fixed(1), stop=stop_after_delay(PREPARE_SECONDS), reraise=True)
def _set_up(endpoint: str, access_key_id: str, secret_access_key: str) -> None:
    lakefs.set_up(endpoint, access_key_id, secret_access_key)
    lakefs.prove(endpoint, access_key_id, secret_access_key)
