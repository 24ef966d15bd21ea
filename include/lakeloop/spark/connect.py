"""The one warm Spark as a port: a session with a deterministic id, which a retry finds again and interrupts."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Protocol, Self

import grpc
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession
from pyspark.sql.connect.client.retries import DefaultPolicy

from lakeloop.core.errors import SparkFailed
from lakeloop.core.jobs import AnyJob
from lakeloop.core.reports import Report
from lakeloop.core.runs import SessionKey
from lakeloop.core.tuning import Trial
from lakeloop.spark import entry

_PATIENCE = DefaultPolicy(max_retries=8, max_backoff=4000)  # 20 s; Spark's own waits ten minutes for a server that is gone


class ConnectSettings(Protocol):
    """What the runner must be told: lakeloop.settings.Settings is one."""

    @property
    def spark_connect_url(self) -> str:
        """The server's address with its token."""

    @property
    def expectations_root(self) -> Path:
        """The folder of the suites, one sub-folder a case."""


class ConnectRunner:
    """Runs jobs in one session that lives as long as this runner; `close` it, or use it in a `with` block."""

    def __init__(self, settings: ConnectSettings, session: SessionKey) -> None:
        self._settings = settings
        self._key = session
        self._spark: SparkSession | None = None

    def run(self, job: AnyJob, heard: Callable[[Trial], None] | None = None) -> Report:
        """Run a job to its end; SparkFailed says what, on which branch and what was not done."""
        try:
            return entry.run(job, self._session(), suites=self._settings.expectations_root, heard=heard)
        except (PySparkException, grpc.RpcError) as error:
            self._settle(error)
            raise _failed(job, error) from error

    def close(self) -> None:
        """Interrupt what still runs and stop the session; the next job of this key cannot open it again."""
        if self._spark is not None:
            _end(self._spark)
            self._spark = None

    def _settle(self, error: Exception) -> None:
        """After a failure nothing of the job runs on; a session that the server lost is forgotten."""
        if isinstance(error, grpc.RpcError) or "INVALID_HANDLE" in str(error):
            self.close()
        elif self._spark is not None:
            try:
                self._spark.interruptAll()
            except (PySparkException, grpc.RpcError):  # nobody answers, and MLflow asks the active session at each call
                self._spark.stop()
                self._spark = None

    def __enter__(self) -> Self:
        """The runner; its session is opened by its first job."""
        return self

    def __exit__(self, *_: object) -> None:
        """Stops the session."""
        self.close()

    def _session(self) -> SparkSession:
        if self._spark is None:
            for earlier in self._key.earlier():
                interrupt(self._settings, earlier)
            self._spark = open_session(self._settings, self._key)
        return self._spark


def interrupt(settings: ConnectSettings, key: SessionKey) -> bool:
    """End everything the session of a dead or late task still does; False when the server had closed it before."""
    try:
        spark = open_session(settings, key)
    except (PySparkException, grpc.RpcError) as error:
        if _is_closed(error):
            return False
        message = f"the session of {_named(key)} could not be interrupted: {_cause(error)}; what it runs, runs on"
        raise SparkFailed(message) from error
    _end(spark)
    return True


def open_session(settings: ConnectSettings, key: SessionKey) -> SparkSession:
    """The session of a key: a new one, or the one that a try left; a session that was ended cannot be opened again."""
    url = f"{settings.spark_connect_url};session_id={key.id};user_id=lakeloop"
    spark = SparkSession.builder.remote(url).create()
    spark.client.set_retry_policies([_PATIENCE])
    try:
        spark.conf.set("spark.sql.session.timeZone", "UTC")  # the first word: opens the session or says it is closed
    except (PySparkException, grpc.RpcError):
        spark.stop()  # or it stays the active one of this process, and every function that asks for that finds it closed
        raise
    return spark


def _end(spark: SparkSession) -> None:
    with suppress(PySparkException, grpc.RpcError):  # the session may be gone already, which is what is wanted
        spark.interruptAll()
    spark.stop()


def _failed(job: AnyJob, error: Exception) -> SparkFailed:
    branch = getattr(job, "branch", "")
    where = f"on {branch}" if branch else "(it reads only)"
    undone = f"{branch} is kept and was not committed" if branch else "nothing was written"
    what = f"{job.kind} of {job.case} {where} failed: {_cause(error)}"
    return SparkFailed(f"{what}; {undone}, main is as it was. Next: clear the task")


def _is_closed(error: Exception) -> bool:
    return "SESSION_CLOSED" in str(error)


def _cause(error: Exception) -> str:
    text = error.details() if isinstance(error, grpc.Call) else str(error)
    lines = [line.strip() for line in str(text).splitlines() if line.strip()]
    return lines[0][:400] if lines else type(error).__name__


def _named(key: SessionKey) -> str:
    return f"{key.dag}/{key.run}/{key.task} try {key.attempt}"
