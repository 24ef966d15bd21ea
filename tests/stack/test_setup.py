"""Set-up's own parts: which Python, which Go, which jars, and what it says where something is missing."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from lakeloop.settings import REPO_ROOT
from lakeloop.stack import artifacts, doctor


def load(path: str) -> ModuleType:
    name = f"under_test_{Path(path).stem}"
    spec = importlib.util.spec_from_file_location(name, REPO_ROOT / "tools" / path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    folder.mkdir()
    monkeypatch.setenv("LAKELOOP_CACHE", str(folder))
    monkeypatch.delenv("LAKELOOP_LAKEFS_BIN", raising=False)
    return folder


@pytest.fixture
def tool(tmp_path: Path) -> Callable[[str, str], Path]:
    """Puts a shell script under a name into a folder that can be a whole PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("sh", "dirname", "cat", "ls"):
        (folder / name).symlink_to(shutil.which(name) or name)

    def put(name: str, script: str) -> Path:
        path = folder / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return path

    return put


def find_python(path: Path, **env: str) -> subprocess.CompletedProcess[str]:
    named = {"PATH": str(path), "HOME": "/nonexistent", "PYENV_ROOT": "/nonexistent"} | env
    return subprocess.run([str(REPO_ROOT / "tools/python.sh")], check=False, capture_output=True, text=True, env=named)


def test_python_is_found_by_uv(tool: Callable[[str, str], Path]) -> None:
    folder = tool("uv", f'[ "$2" = find ] && echo {sys.executable}').parent
    assert find_python(folder).stdout.strip() == sys.executable


def test_python_is_found_by_pyenv(tool: Callable[[str, str], Path], tmp_path: Path) -> None:
    versions = tmp_path / "pyenv/versions/3.12.1/bin"
    versions.mkdir(parents=True)
    (versions / "python3.12").symlink_to(Path(sys.executable).resolve())
    folder = tool("pyenv", f"echo {tmp_path / 'pyenv'}").parent
    assert find_python(folder).stdout.strip() == str(versions / "python3.12")


def test_python_is_found_on_the_path(tool: Callable[[str, str], Path]) -> None:
    python = tool("python3.12", f'exec {sys.executable} "$@"')
    assert find_python(python.parent).stdout.strip() == str(python)


def test_another_python_is_passed_over_and_said_so(tool: Callable[[str, str], Path]) -> None:
    folder = tool("python3", "exit 1").parent
    done = find_python(folder)
    assert done.returncode == 1
    assert done.stdout == ""
    assert "needs Python 3.12" in done.stderr
    assert "uv python install 3.12" in done.stderr


def test_the_cache_is_keyed_by_what_its_parts_are_made_from(tmp_path: Path, cache: Path) -> None:
    for folder, name in (("lakefs", "go.sum"), ("jars", "jars.txt")):
        (tmp_path / "tools" / folder).mkdir(parents=True)
        (tmp_path / "tools" / folder / name).write_text("one")
    before = artifacts.lakefs_binary(tmp_path), artifacts.jar_folder(tmp_path)
    (tmp_path / "tools/lakefs/go.sum").write_text("two")
    assert artifacts.lakefs_binary(tmp_path) != before[0]
    assert artifacts.jar_folder(tmp_path) == before[1]
    assert all(path.is_relative_to(cache) for path in before)


def test_a_binary_named_by_the_user_wins_and_must_run(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build = load("lakefs/build.py")
    monkeypatch.setenv("LAKELOOP_LAKEFS_BIN", shutil.which("true") or "true")
    build.build_lakefs(REPO_ROOT, lambda words: pytest.fail(words))
    monkeypatch.setenv("LAKELOOP_LAKEFS_BIN", shutil.which("false") or "false")
    with pytest.raises(SystemExit, match="does not run"):
        build.build_lakefs(REPO_ROOT, lambda words: pytest.fail(words))
    assert list(cache.iterdir()) == []


def test_a_failed_build_leaves_nothing_behind(
    cache: Path, tool: Callable[[str, str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    build = load("lakefs/build.py")
    folder = tool("go", '[ "$1" = env ] && echo go1.99.0 || { echo broken >&2; exit 1; }').parent
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    with pytest.raises(SystemExit, match="nothing was kept"):
        build.build_lakefs(REPO_ROOT, lambda _words: None)
    assert list(cache.iterdir()) == []


def test_a_jar_with_another_sum_is_refused(cache: Path, tmp_path: Path, tool: Callable[[str, str], Path]) -> None:
    fetch = load("jars/fetch.py")
    maven = tool("mvn", 'for a; do case $a in -DoutputDirectory=*) echo evil > "${a#*=}/a-1.jar";; esac; done')
    wanted = hashlib.sha256(b"good\n").hexdigest()
    (tmp_path / "tools/jars").mkdir(parents=True)
    (tmp_path / "tools/jars/jars.txt").write_text(f"# jars\ng:a:1  sha256:{wanted}\n")
    with pytest.raises(SystemExit, match="a-1.jar has sha256 .*; no jar was kept"):
        fetch.fetch_jars(tmp_path, tmp_path, lambda _words: None, str(maven))
    assert list(cache.iterdir()) == []


@pytest.mark.more
@pytest.mark.parametrize("maven", [shutil.which("mvn"), None], ids=["maven", "ivy"])
def test_both_fetchers_bring_the_same_jars(cache: Path, maven: str | None) -> None:
    fetch = load("jars/fetch.py")
    fetch.fetch_jars(REPO_ROOT, REPO_ROOT / ".venv", lambda _words: None, maven)
    assert len(list(artifacts.jar_folder(REPO_ROOT).iterdir())) == len(fetch.listed(REPO_ROOT))


def test_a_machine_without_java_is_told_the_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    java = next(check for check in doctor.examine(tmp_path) if check.name == "java")
    assert not java.ok
    assert "apt-get install -y openjdk-17-jre-headless" in java.fix


def test_a_wrong_java_is_named(monkeypatch: pytest.MonkeyPatch, tool: Callable[[str, str], Path], tmp_path: Path) -> None:
    java = tool("java", "echo 'openjdk version \"11.0.2\"' >&2")
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(java.parent))
    check = next(check for check in doctor.examine(tmp_path) if check.name == "java")
    assert not check.ok
    assert check.found.startswith("11 at ")


def test_the_doctor_looks_at_everything_and_writes_nothing(tmp_path: Path) -> None:
    checks = doctor.examine(tmp_path / "home")
    assert [check.name for check in checks] == ["python", "java", "go", "memory", "disk", "ports", "clock"]
    assert all(check.ok or check.fix for check in checks)
    assert not (tmp_path / "home").exists()


def test_the_doctor_runs_before_anything_is_installed() -> None:
    question = (
        "import sys; sys.path.insert(0, 'include'); from lakeloop.stack import doctor; sys.exit(doctor.main(['--json']) > 1)"
    )
    done = subprocess.run([sys.executable, "-I", "-S", "-c", question], check=False, capture_output=True, cwd=REPO_ROOT)
    assert done.returncode == 0, done.stderr


def test_make_help_is_read_from_the_targets_own_comments() -> None:
    done = subprocess.run(["make", "help"], check=True, capture_output=True, text=True, cwd=REPO_ROOT)
    for target in ("demo", "test", "up", "down", "status", "lint", "bench"):
        assert f"make {target} " in done.stdout
