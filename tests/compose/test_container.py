"""What runs in a container: the embedded program with the container's own keys, and Spark under a parent that replaces it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import psutil
import pytest

from lakeloop.core.errors import ConfigurationError
from lakeloop.settings import Settings
from lakeloop.stack import container, recycler
from lakeloop.stack.program import Program
from tests.compose.test_file import FILE

KEYS = {
    "spark_token": "hidden-token",
    "airflow_fernet_key": "hidden-key",
    "airflow_db_url": "postgresql+psycopg2://a:hidden@postgres/a",
}


class Replaced(Exception):
    """Stands for the end of this process as it was."""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "airflow").mkdir()
    (tmp_path / "airflow" / "database.json").write_text(json.dumps({"id": "this-database"}))
    (tmp_path / "keys.json").write_text(json.dumps(KEYS))
    for name, value in FILE["x-settings"].items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(os, "umask", lambda _mask: 0)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def become(name: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[tuple[str, ...], dict[str, str]]:
    seen: list[Any] = []

    def replace(_file: str, argv: tuple[str, ...], env: dict[str, str]) -> None:
        seen.extend((argv, env))
        raise Replaced

    monkeypatch.setattr(os, "execvpe", replace)
    with pytest.raises(Replaced):
        container.run(name, Settings.load(home))
    return seen[0], seen[1]


def test_a_program_has_its_keys_in_its_environment_and_none_in_its_command(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    argv, env = become("airflow-scheduler", home, monkeypatch)
    assert argv[-2:] == ("scheduler", "--skip-serve-logs")
    assert env["AIRFLOW__CORE__FERNET_KEY"] == "hidden-key"
    assert env["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] == KEYS["airflow_db_url"]
    assert env["LAKELOOP_AIRFLOW_DATABASE_ID"] == "this-database"
    assert "hidden" not in " ".join(argv)


def test_neighbours_are_never_asked_through_a_proxy(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://proxy:3128")
    _, env = become("airflow-api", home, monkeypatch)
    assert {"127.0.0.1", "localhost", "lakefs", "mlflow"} <= set(env["NO_PROXY"].split(","))


def test_no_key_is_made_in_a_container(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    become("mlflow", home, monkeypatch)
    assert json.loads((home / "keys.json").read_text()) == KEYS


def test_a_program_that_nobody_knows_is_named(home: Path) -> None:
    with pytest.raises(ConfigurationError, match="no program sparc"):
        container.prove("sparc", Settings.load(home))


def test_when_spark_ends_by_itself_its_parent_ends_with_its_code() -> None:
    keeper = container.SparkKeeper(Program("spark", ("sh", "-c", "exit 7")), dict(os.environ))
    with pytest.raises(SystemExit) as ended:
        keeper.pause(30)
    assert ended.value.code == 7


def test_spark_is_replaced_when_it_is_worn_and_idle(monkeypatch: pytest.MonkeyPatch) -> None:
    keeper = container.SparkKeeper(Program("spark", ("sleep", "60")), dict(os.environ))
    first = keeper._process
    worn = recycler.Look(pss=recycler.PSS_ALLOWED + 1, cpu_seconds=0.0, at=0.0, sessions=0)
    times = iter(range(100))
    monkeypatch.setattr(recycler, "take_a_look", lambda *_: recycler.Look(**{**vars(worn), "at": float(next(times))}))
    looks: list[float] = []

    def pause(seconds: float) -> None:
        looks.append(seconds)
        if keeper._process is not first:
            raise Replaced

    with pytest.raises(Replaced):
        recycler.watch(keeper, Settings(), pause)
    assert first is not None
    assert not psutil.pid_exists(first.pid)
    assert len(looks) == recycler.IDLE_LOOKS + 1
    with pytest.raises(SystemExit):
        keeper.end(15, None)
    assert keeper._process is None
