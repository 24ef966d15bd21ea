"""One lock: what is declared is in it, what runs is exported from it, and twins in it are equal."""

from __future__ import annotations

import importlib.util
import re
import tomllib
from types import ModuleType

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from lakeloop.settings import REPO_ROOT

LOCK = REPO_ROOT / "requirements.lock"


def pins(name: str = "requirements.lock") -> dict[str, str]:
    found = re.findall(r"^([\w.-]+)(?:\[[\w,-]+\])?==(\S+)", (REPO_ROOT / name).read_text("utf-8"), re.MULTILINE)
    return {canonicalize_name(name): version for name, version in found}


def exporter() -> ModuleType:
    spec = importlib.util.spec_from_file_location("exporter", REPO_ROOT / "tools/requirements.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_everything_declared_is_locked_within_its_bounds() -> None:
    project = tomllib.loads((REPO_ROOT / "pyproject.toml").read_text("utf-8"))
    declared = [Requirement(line) for line in (*project["project"]["dependencies"], *project["dependency-groups"]["dev"])]
    locked = pins()
    assert [str(each) for each in declared if not each.specifier.contains(locked[canonicalize_name(each.name)])] == []


def test_every_pin_has_a_hash_and_no_index_is_named() -> None:
    blocks = re.findall(r"^\S.*?(?=^\S|\Z)", LOCK.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    assert [block.split()[0] for block in blocks if "--hash=sha256:" not in block] == []
    assert "://" not in LOCK.read_text("utf-8")


def test_requirements_txt_is_what_the_lock_exports() -> None:
    module = exporter()
    wanted = module.exported(LOCK, module.runtime_names(REPO_ROOT / "pyproject.toml"))
    assert (REPO_ROOT / "requirements.txt").read_text("utf-8") == wanted


def test_tools_of_development_are_not_in_production() -> None:
    assert not pins("requirements.txt").keys() & {"pytest", "ruff", "mypy", "import-linter", "hypothesis", "uv"}


def test_spark_and_its_client_are_one_version() -> None:
    assert pins()["pyspark"] == pins()["pyspark-client"]


def test_the_delta_jar_is_the_delta_wheel() -> None:
    jars = (REPO_ROOT / "tools/jars/jars.txt").read_text("utf-8")
    assert f"io.delta:delta-spark_4.2_2.13:{pins()['delta-spark']} " in jars


def test_the_lakefs_client_is_the_server() -> None:
    module = (REPO_ROOT / "tools/lakefs/go.mod").read_text("utf-8")
    assert f"github.com/treeverse/lakefs v{pins()['lakefs-sdk']}" in module
