"""Airflow on a Postgres that a setting names: migrated, and a task ran on it."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from lakeloop.settings import Settings
from lakeloop.stack import guard
from lakeloop.stack.lifecycle import Lifecycle, no_bootstrap
from lakeloop.stack.ports import LOOPBACK, free_port
from lakeloop.stack.status import status
from tests.stack.waiting import eventually

BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
pytestmark = [
    pytest.mark.more,
    pytest.mark.stack,
    pytest.mark.timeout(600),
    pytest.mark.skipif(not BINARIES, reason="no Postgres on this machine"),
]


@pytest.fixture
def postgres_url() -> Iterator[str]:
    """A server of its own on loopback; it refuses to run as root, so it gets another user there."""
    folder = Path(tempfile.mkdtemp(prefix="lakeloop-postgres-"))
    other = {"user": "nobody"} if os.geteuid() == 0 else {}
    if other:
        shutil.chown(folder, "nobody")
    initdb = [str(BINARIES[-1] / "initdb"), "-D", str(folder / "data"), "-U", "airflow", "--auth=trust", "-E", "UTF8"]
    subprocess.run(initdb, check=True, capture_output=True, cwd=folder, **other)  # type: ignore[call-overload]
    port = free_port()
    serve = [str(BINARIES[-1] / "postgres"), "-D", str(folder / "data"), "-h", LOOPBACK, "-p", str(port), "-k", str(folder)]
    server = subprocess.Popen(serve, cwd=folder, stderr=subprocess.DEVNULL, **other)  # type: ignore[call-overload]
    try:
        create = ["createdb", "-h", LOOPBACK, "-p", str(port), "-U", "airflow", "airflow"]
        create[0] = str(BINARIES[-1] / create[0])
        eventually(lambda: subprocess.run(create, check=False, capture_output=True).returncode == 0)
        yield f"postgresql+psycopg2://airflow:unused@{LOOPBACK}:{port}/airflow"
    finally:
        server.terminate()
        server.wait(30)
        shutil.rmtree(folder, ignore_errors=True)


def test_airflow_runs_its_tasks_on_the_postgres_that_is_named(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAKELOOP_AIRFLOW_DB_URL", postgres_url)
    lifecycle = Lifecycle(Settings(home=tmp_path / "home", tied_to=os.getpid(), any_port=True), no_bootstrap)
    try:
        lifecycle.up()
        assert status(tmp_path / "home").ok
        assert not (tmp_path / "home/airflow/airflow.db").exists()
    finally:
        lifecycle.down()
    assert guard.strays(lifecycle.root.mark) == []
