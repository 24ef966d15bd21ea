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
from lakeloop.cli.output import show_table
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
    for command in ("up", "down", "status", "logs", "env", "backup", "restore", "doctor", "deliveries"):
        assert f" {command} " in shown


OF_MODELS = [
    "models list",
    "models show",
    "models compare",
    "models promote",
    "models rollback",
    "models reconcile",
    "reproduce",
    "try",
]


@pytest.mark.parametrize("command", OF_MODELS)
def test_the_help_of_every_command_about_models_has_an_example_and_its_exit_codes(command: str) -> None:
    told = CliRunner().invoke(app, [*command.split(), "--help"], env={"COLUMNS": "200", "NO_COLOR": "1"}).output
    assert f"Example: `lakeloop {command} " in told
    assert "Exit code 0: " in told
    assert "; 2 for an option or argument that does not fit." in told


@pytest.mark.parametrize(
    "command", [("reproduce", "toys/1"), ("try", "toys"), ("ingest", "toys", "--from", "2013-07-01")], ids=" ".join
)
def test_a_case_that_there_is_not_is_named_with_those_there_are(command: tuple[str, ...]) -> None:
    done = CliRunner().invoke(app, [*command])
    told = f"{done.exception} {done.output}"
    assert "there is no case 'toys', there are flights" in told
    assert "; nothing was " in told
    assert "Next: one of these names" in told


@pytest.mark.parametrize(
    "command",
    [
        ("contract", "show", "flights", "--table", "wether"),
        ("ingest", "flights", "--from", "2013-07-01", "--table", "wether"),
    ],
)
def test_a_table_that_there_is_not_is_one_sentence_and_exit_code_2(command: tuple[str, ...], home: Path) -> None:
    done = run(*command)
    assert (done.returncode, done.stdout, home.exists()) == (2, "", False)
    assert done.stderr.startswith("lakeloop: flights has no table 'wether'; it has schedule, weather, ")
    assert "; nothing was " in done.stderr


def test_a_mistake_is_one_sentence_and_not_a_traceback() -> None:
    done = run("logs", "nothing")
    assert done.returncode == 1
    assert done.stderr.startswith("lakeloop: no log of 'nothing' in ")
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
        "airflow": {"url", "username", "password", "approver", "approver_password"},
    }
    assert found["spark"]["remote"].endswith("/;token=token")
    assert found["lakefs"]["secret_access_key"] == "key"


QUESTIONS = [("freeze", "why"), ("unfreeze",), ("alerts", "list"), ("alerts", "flush", "--json")]


@pytest.mark.parametrize("command", QUESTIONS, ids=" ".join)
def test_a_platform_database_that_is_down_is_one_sentence(command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAKELOOP_PLATFORM_DB_URL", "postgresql+psycopg2://user:hidden@127.0.0.1:1/platform")
    done = run(*command)
    assert done.returncode == 1
    assert done.stderr.startswith("lakeloop: the platform database postgresql+psycopg2://user:***@127.0.0.1:1/platform failed")
    assert "Next: see that it is up" in done.stderr
    assert done.stderr.count("\n") == 1
    assert "hidden" not in done.stderr


@pytest.mark.parametrize("command", [("status", "--json"), ("env",), ("verify",), ("sql", "select 1"), ("down",)], ids=" ".join)
def test_settings_that_cannot_be_read_are_one_sentence(
    command: tuple[str, ...], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.mkdir()
    (home / "stack.json").write_text('{"ports": {"lakefs"')
    torn = run(*command)
    (home / "stack.json").unlink()
    monkeypatch.setenv("LAKELOOP_ANY_PORT", "perhaps")
    wrong = run(*command)
    assert (torn.returncode, wrong.returncode) == (1, 1)
    assert "stack.json cannot be read as JSON" in torn.stderr
    assert "LAKELOOP_ANY_PORT: Input should be a valid boolean" in wrong.stderr
    assert [done.stderr.count("\n") for done in (torn, wrong)] == [1, 1]


ANSWERED_FOR = [
    ("models", "promote", "flights", "1", "--reason"),
    ("models", "rollback", "flights", "--reason"),
    ("quarantine", "replay", "flights", "--from", "2013-07-01", "--reason"),
    ("ingest", "flights", "--from", "2013-07-01", "--reinstate"),
    ("retention", "--apply", "--reason"),
    ("freeze",),
]


@pytest.mark.parametrize("command", ANSWERED_FOR, ids=" ".join)
def test_a_reason_that_nobody_can_read_is_refused_before_anything_is_opened(command: tuple[str, ...], home: Path) -> None:
    done = run(*command, " \u200b")
    assert (done.returncode, done.stdout, home.exists()) == (2, "", False)
    shown = " ".join(done.stderr.replace("│", " ").split())
    assert "a reason says why in words, and this one has no letter and no digit; nothing was done" in shown


def test_status_shows_a_freeze_and_why(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert json.loads(run("status", "--json").stdout)["frozen"] is None
    run("freeze", "a bad week")
    assert json.loads(run("status", "--json").stdout)["frozen"] == "a bad week"
    assert "FROZEN: nothing is published or retrained: a bad week; `lakeloop unfreeze` ends it" in run("status").stderr
    run("unfreeze")
    assert "FROZEN" not in run("status").stderr
    (home / "platform.db").write_bytes(b"this is not a database, but it is long enough to look" * 50)
    unreadable = json.loads(run("status", "--json").stdout)
    assert unreadable["ok"] is False
    assert "counts as frozen" in unreadable["frozen"]


@pytest.mark.parametrize(
    ("cell", "shown"),
    [
        ("[/x]", "[/x]"),
        ("[bold]hi[/bold] 1", "[bold]hi[/bold] 1"),
        ("\x1b[31mred\x1b]0;title\x07", "\\x1b[31mred\\x1b]0;title\\x07"),
        ("\u202egpj.exe", "\\u202egpj.exe"),
    ],
)
def test_a_stranger_s_text_is_shown_and_neither_read_as_markup_nor_obeyed(
    cell: str, shown: str, capsys: pytest.CaptureFixture[str]
) -> None:
    show_table("rows", ("row",), [(cell,)])
    assert capsys.readouterr().out.splitlines() == ["rows".ljust(len(shown)), "row".ljust(len(shown)), shown]
