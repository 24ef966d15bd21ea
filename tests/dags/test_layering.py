"""The source of DAG files and plugin: short, without Airflow's insides, every step it names there."""

from __future__ import annotations

import ast
import importlib
import inspect
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lakeloop.core.lake import run_branch

ROOT = Path(__file__).resolve().parents[2]
DAG_FILES = sorted((ROOT / "dags").glob("*.py"))
PLUGIN_FILES = sorted((ROOT / "plugins").rglob("*.py"))
FORBIDDEN = ("airflow.models", "airflow.settings", "airflow.utils.session", "airflow.utils.db")
TASK_LINES, DAG_FILE_LINES = 3, 40


def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def _imports(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


@pytest.mark.parametrize("path", [*DAG_FILES, *PLUGIN_FILES], ids=lambda path: path.stem)
def test_nothing_reaches_into_airflows_database(path: Path) -> None:
    assert [name for name in _imports(_tree(path)) if name.startswith(FORBIDDEN)] == []


@pytest.mark.parametrize("path", DAG_FILES, ids=lambda path: path.stem)
def test_a_dag_file_is_a_sentence(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= DAG_FILE_LINES
    assert "airflow" in text, "Airflow's safe mode skips a file without this word"
    assert "dag" in text
    tops = {name.partition(".")[0] for name in _imports(_tree(path))}
    assert tops <= {"airflow", "lakeloop_airflow", "use_cases"}


@pytest.mark.parametrize("path", [*DAG_FILES, *ROOT.glob("plugins/*")], ids=lambda path: path.stem)
def test_no_name_on_the_path_that_imports_are_looked_for_on_is_that_of_a_module_of_python(path: Path) -> None:
    assert path.stem not in sys.stdlib_module_names, "whoever has the folder on PYTHONPATH would import it in the other's place"


@pytest.mark.parametrize("path", [*DAG_FILES, *PLUGIN_FILES], ids=lambda path: path.stem)
def test_a_task_is_a_few_lines(path: Path) -> None:
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.FunctionDef) and any("task" in ast.unparse(each).split("(")[0] for each in node.decorator_list):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            assert body[-1].end_lineno is not None
            assert body[-1].end_lineno - body[0].lineno < TASK_LINES, node.name


def _performed() -> list[tuple[str, str]]:
    from lakeloop_airflow import approval, task_groups

    trees = [ast.parse(inspect.getsource(module)) for module in (task_groups, approval)]
    calls = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call)]
    named = [call.args[:2] for call in calls if isinstance(call.func, ast.Name) and call.func.id == "perform"]
    return [(stage.value, step.value) for stage, step in named]  # type: ignore[attr-defined]


@pytest.mark.parametrize(("stage", "step"), _performed())
def test_every_step_that_a_task_names_is_there(stage: str, step: str) -> None:
    module, _, function = step.rpartition(".")
    parameters = list(inspect.signature(getattr(importlib.import_module(f"lakeloop.steps.{module}"), function)).parameters)
    assert parameters[:2] == ["p", "run"]
    run_branch("flights", stage, "slug", 1)


def test_the_words_perform_every_stage() -> None:
    assert {stage for stage, _ in _performed()} == {"ingest", "score", "watch", "train"}
