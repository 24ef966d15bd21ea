"""What parsing costs, touches and depends on, seen in fresh interpreters."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
DAGS = HERE.parents[1] / "dags"
HEAVY = {"pyspark", "mlflow", "great_expectations", "xgboost", "pandas", "lakefs_sdk", "slack_sdk", "deltalake", "duckdb", "grpc"}
BUDGET_SECONDS = 1


def _parse(folder: Path, **env: str) -> dict[str, Any]:
    command = [sys.executable, str(HERE / "parse_guarded.py"), str(folder)]
    done = subprocess.run(command, env={**os.environ, **env}, capture_output=True, text=True, timeout=120, check=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


@pytest.fixture(scope="module")
def parsed() -> dict[str, Any]:
    return _parse(DAGS, PYTHONHASHSEED="1")


def test_parsing_opens_no_socket_and_starts_no_process(parsed: dict[str, Any]) -> None:
    assert parsed["errors"] == {}


def test_a_dag_file_that_opens_a_socket_would_be_seen(tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_text("# airflow dag\nimport socket\nsocket.socket().connect(('127.0.0.1', 9))\n")
    (error,) = _parse(tmp_path)["errors"].values()
    assert "no socket" in error


def test_parsing_stays_inside_its_budget(parsed: dict[str, Any]) -> None:
    assert parsed["seconds"]
    assert max(parsed["seconds"].values()) < BUDGET_SECONDS


def test_parsing_loads_no_heavy_library(parsed: dict[str, Any]) -> None:
    assert set(parsed["modules"]) & HEAVY == set()


def test_a_dag_is_the_same_version_in_another_process(parsed: dict[str, Any]) -> None:
    assert _parse(DAGS, PYTHONHASHSEED="2", TZ="Asia/Tokyo")["hashes"] == parsed["hashes"]


def test_a_second_case_gets_its_dags_by_one_file_of_its_own() -> None:
    case = HERE.parent / "use_cases" / "tiny"
    path = os.pathsep.join([str(case / "include"), "include", "plugins"])
    seen = _parse(case / "dags", PYTHONPATH=path)
    assert seen["errors"] == {}
    assert sorted(seen["hashes"]) == ["tiny__ingest", "tiny__score", "tiny__train", "tiny__watch"]
