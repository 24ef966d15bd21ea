"""The command line: quick to start, plain without colours, one sentence for what went wrong."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lakeloop.cli.main import app
from lakeloop.cli.stack import client_environment
from lakeloop.settings import Settings


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LAKELOOP_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from lakeloop.cli.main import main; main()", *arguments]
    return subprocess.run(command, check=False, capture_output=True, text=True, env=os.environ | {"NO_COLOR": "1"}, timeout=60)


def test_help_loads_nothing_heavy() -> None:
    heavy = "{'airflow', 'pyspark', 'mlflow', 'pandas', 'great_expectations', 'xgboost', 'sqlalchemy', 'lakefs_sdk', 'duckdb'}"
    question = f"import sys, lakeloop.cli.main; sys.exit(' '.join({heavy} & set(sys.modules)) or 0)"
    done = subprocess.run([sys.executable, "-c", question], check=False, capture_output=True, text=True)
    assert done.stderr == ""


def test_every_command_explains_itself() -> None:
    shown = CliRunner().invoke(app, ["--help"], env={"COLUMNS": "200"}).output
    for command in ("up", "down", "status", "logs", "env", "backup", "restore", "doctor"):
        assert f" {command} " in shown


def test_a_mistake_is_one_sentence_and_not_a_traceback() -> None:
    done = run("logs", "nothing")
    assert done.returncode == 1
    assert done.stderr.startswith("lakeloop: no log of nothing in ")
    assert "Traceback" not in done.stderr


def test_no_color_is_honoured() -> None:
    assert "\x1b[" not in run("status").stdout


def test_status_of_a_stack_that_is_down_is_not_well() -> None:
    done = run("status", "--json")
    assert done.returncode == 1
    found = json.loads(done.stdout)
    assert found["ok"] is False
    assert {program["state"] for program in found["programs"]} == {"DOWN"}


def test_asking_writes_nothing(home: Path) -> None:
    for question in (("status",), ("env", "--json"), ("doctor", "--json")):
        run(*question)
    assert not home.exists()


def test_clients_are_told_where_and_with_which_keys() -> None:
    settings = Settings(lakefs_access_key_id="id", lakefs_secret_access_key="key", spark_token="token", airflow_password="word")  # type: ignore[arg-type]
    found = client_environment(settings)
    assert {part: set(values) for part, values in found.items()} == {
        "lakefs": {"endpoint", "access_key_id", "secret_access_key", "repository"},
        "mlflow": {"tracking_uri"},
        "spark": {"remote"},
        "airflow": {"url", "username", "password"},
    }
    assert found["spark"]["remote"].endswith("/;token=token")
    assert found["lakefs"]["secret_access_key"] == "key"
