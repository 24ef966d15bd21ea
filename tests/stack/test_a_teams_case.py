"""A team's own case in a tree of theirs, through the real Airflow: its personal cells are known to landing/ alone."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from shutil import copytree, ignore_patterns
from typing import Any

import pytest
from deltalake import DeltaTable

from lakeloop.adapters.platform_db import PlatformDb
from lakeloop.settings import REPO_ROOT, Settings
from lakeloop.stack import guard
from lakeloop.stack.layout import StackRoot
from lakeloop.story.stage import Stage
from tests.spark.small_flights import options
from tests.spark.small_people import csv_of, deliver
from tests.spark.test_personal_data import canaries_in, objects, spelt

pytestmark = [pytest.mark.more, pytest.mark.stack, pytest.mark.timeout(1800)]
NIGHTS = [date(2024, 5, 1) + timedelta(days=n) for n in range(2)]
SHOPS = ("harbour", "market", "station")
NAMES = ("shop", "celsius", "visitors", "opens", "keeper")
LAST_COLUMN = 'Column(name="opens", type="timestamp"),'
KEEPER = 'Column(name="keeper", type="string", personal=True),'
MAY_KNOW = {"feed", "lakefs"}  # folders of the stack's root: what was delivered, and where the lake keeps landing/


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository as a team has it: with a case of its own, one column of which is about people."""
    root = tmp_path_factory.mktemp("team") / "lakeloop"
    copytree(REPO_ROOT, root, ignore=ignore_patterns(".*", "__pycache__", "docs", "tests"))
    copytree(REPO_ROOT / "tests" / "use_cases" / "tiny", root, dirs_exist_ok=True, ignore=ignore_patterns("__pycache__"))
    case = root / "include" / "use_cases" / "tiny" / "__init__.py"
    text = case.read_text("utf-8")
    assert LAST_COLUMN in text
    case.write_text(text.replace(LAST_COLUMN, f"{LAST_COLUMN}\n{KEEPER}"), "utf-8")
    return root


@pytest.fixture(scope="module")
def stack(tree: Path) -> Iterator[Settings]:
    """Everything up by that tree's own command; it ends with the tests, also when they are killed."""
    home = tree / ".lakeloop"
    try:
        lakeloop(tree, "up")
        yield Settings.load(home)
    finally:
        lakeloop(tree, "down")
    assert guard.strays(StackRoot(home).mark) == []


def lakeloop(tree: Path, command: str) -> None:
    """A command as that tree has it."""
    path = os.pathsep.join(str(tree / folder) for folder in ("include", "plugins"))
    env = os.environ | {"PYTHONPATH": path, "LAKELOOP_TIED_TO": str(os.getpid()), "LAKELOOP_ANY_PORT": "1"}
    python = [sys.executable, "-c", "from lakeloop.cli.main import main; main()", command, "--json"]
    done = subprocess.run(python, check=False, capture_output=True, text=True, env=env, timeout=600)
    assert done.returncode == 0, done.stderr


def sent(home: Path, table: str, day: date, rows: list[list[Any]], names: tuple[str, ...]) -> None:
    deliver(home, table, day, f"{table}.csv", csv_of(*rows, names=names), len(rows), case="tiny")


def forecasts(*more: list[Any]) -> list[list[Any]]:
    """A row a shop, each with its keeper; `more` are what a supplier gets wrong."""
    return [[shop, 12, 100, "", f"canary.{shop}@nest.example"] for shop in SHOPS] + list(more)


def known_to(home: Path) -> set[str]:
    """The folders of a stack's root with a file that knows a keeper's address; a DAG has the word canary in its name."""
    forms, scratch = spelt("@nest.example"), home / "spark" / "local"  # which docs/personal-data.md speaks of
    files = (path for path in home.rglob("*") if path.is_file() and not path.is_symlink() and scratch not in path.parents)
    return {path.relative_to(home).parts[0] for path in files if any(form in path.read_bytes() for form in forms)}


def test_a_personal_cell_of_a_teams_case_is_known_to_landing_alone(stack: Settings) -> None:
    good, bad = NIGHTS
    wrong_type, too_short = ["pier", "hot", 1, "", "canary.type@nest.example"], ["canary.short@nest.example"]
    sent(stack.home, "forecasts", good, forecasts(wrong_type, too_short), NAMES)
    sent(stack.home, "sales", good, [[shop, 1] for shop in SHOPS], ("shop", "sold_out"))
    sent(stack.home, "forecasts", bad, forecasts(), (*NAMES[:-1], "canary.header@nest.example"))
    stage = Stage(stack, "tiny", lambda _words: None)
    record = stage.trigger("ingest")
    assert record.state == "success", stage.failure(record)
    told = str([alert.body for alert in PlatformDb(stack.platform_db_url).outbox.all()])
    assert "1 name not in the contract (column 5)" in told
    rows = DeltaTable(f"s3://{stack.repository}/main/clean/tiny/forecasts", storage_options=options(stack)).to_pyarrow_table()
    assert rows.select(["shop", "keeper"]).sort_by("shop").to_pylist() == [{"shop": shop, "keeper": "***"} for shop in SHOPS]
    knows = {path.partition("/")[0] for path, content in objects(stage.lake) if canaries_in(content)}
    assert knows == {"landing"}
    assert known_to(stack.home) == MAY_KNOW
