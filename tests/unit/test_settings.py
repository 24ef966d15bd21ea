"""Settings: one answer from the environment over the stack root's files."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from lakeloop.core.errors import ConfigurationError
from lakeloop.settings import REPO_ROOT, Settings


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "stack.json").write_text(json.dumps({"ports": {}, "lakefs_endpoint": "http://127.0.0.1:9", "unknown": 1}))
    (tmp_path / "keys.json").write_text(json.dumps({"lakefs_access_key_id": "AKIA", "spark_token": "word"}))
    monkeypatch.setenv("LAKELOOP_HOME", str(tmp_path))
    return tmp_path


def test_the_stack_root_says_where_things_are(home: Path) -> None:
    settings = Settings.load()
    assert settings.lakefs_endpoint == "http://127.0.0.1:9"
    assert settings.lakefs_access_key_id == "AKIA"
    assert settings.spark_connect_url == "sc://localhost:15002/;token=word"


def test_the_environment_wins_over_the_stack_root(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAKELOOP_LAKEFS_ENDPOINT", "https://lake.example")
    assert Settings.load().lakefs_endpoint == "https://lake.example"


def test_a_named_home_wins_over_the_environment(home: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    other = tmp_path_factory.mktemp("other")
    assert Settings.load(other).home == other
    assert Settings.load(other).lakefs_access_key_id == ""


def test_the_default_home_is_in_the_checkout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LAKELOOP_HOME", raising=False)
    assert Settings.load().home == REPO_ROOT / ".lakeloop"


def test_the_platform_database_is_under_the_home_unless_named(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert Settings.load().platform_db_url == f"sqlite:///{home}/platform.db"
    monkeypatch.setenv("LAKELOOP_PLATFORM_DB_URL", "postgresql://user:hidden@db/platform")
    assert Settings.load().platform_db_url == "postgresql://user:hidden@db/platform"


def test_no_secret_is_shown(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAKELOOP_PLATFORM_DB_URL", "postgresql://user:hidden@db/platform")
    shown = repr(Settings.load())
    assert "hidden" not in shown
    assert "word" not in shown.replace("password", "")


def test_settings_do_not_change(home: Path) -> None:
    settings = Settings.load()
    with pytest.raises(ValidationError):
        settings.repository = "another"  # type: ignore[misc]


def test_importing_settings_loads_nothing_heavy() -> None:
    heavy = "{'airflow', 'pyspark', 'mlflow', 'pandas', 'great_expectations', 'xgboost', 'sqlalchemy', 'lakefs_sdk'}"
    question = f"import sys, lakeloop.settings; sys.exit(' '.join({heavy} & set(sys.modules)) or 0)"
    done = subprocess.run([sys.executable, "-c", question], check=False, capture_output=True, text=True)
    assert done.stderr == ""


@pytest.mark.parametrize("torn", ['{"ports": {', "[]", "null", "[1]"])
@pytest.mark.parametrize(("name", "move"), [("stack.json", "delete it and run `lakeloop up`"), ("keys.json", "lakeloop backup")])
def test_a_torn_file_is_named_with_what_mends_it(home: Path, name: str, torn: str, move: str) -> None:
    (home / name).write_text(torn)
    with pytest.raises(ConfigurationError, match=f"{name} cannot be read as JSON.*nothing was done. Next: .*{move}"):
        Settings.load()


def test_a_value_that_does_not_fit_names_its_variable_and_not_the_value(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAKELOOP_TIED_TO", "secret-by-mistake")
    with pytest.raises(ConfigurationError, match="LAKELOOP_TIED_TO: Input should be a valid integer") as refused:
        Settings.load()
    assert "secret-by-mistake" not in str(refused.value)
