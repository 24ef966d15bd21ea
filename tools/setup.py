"""Set-up: environment from the lock, project, lakeFS and jars; standard library only, and quick when nothing changed."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "include"), str(ROOT / "tools")]

from jars.fetch import fetch_jars  # noqa: E402  the path above comes first
from lakefs.build import build_lakefs  # noqa: E402
from lakeloop.stack import doctor  # noqa: E402
from lakeloop.stack.artifacts import cache_root  # noqa: E402

VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
LOCK = ROOT / "requirements.lock"
STAMP = VENV / ".lakeloop-stamp"


def say(words: str) -> None:
    """One line of progress."""
    sys.stdout.write(f"setup: {words}\n")
    sys.stdout.flush()


def wanted_stamp() -> str:
    """Changes when the environment has to be made again."""
    made_from = (LOCK, ROOT / "pyproject.toml", Path(__file__))
    return hashlib.sha256(b"".join(path.read_bytes() for path in made_from) + str(ROOT).encode()).hexdigest()


def make_environment() -> None:
    """The environment of the lock, byte-compiled, with the project in it; nothing to do when its stamp fits."""
    if STAMP.is_file() and STAMP.read_text("utf-8") == wanted_stamp():
        return
    if not _works(PYTHON):
        say(f"making {VENV.relative_to(ROOT)} with Python {sys.version.split()[0]}")
        venv.create(VENV, with_pip=True, clear=True)
    STAMP.unlink(missing_ok=True)
    _install_uv()
    say("installing the lock, 1.9 GB (about a minute where the network is good)")
    env = os.environ | _index_of_pip()
    uv = [str(VENV / "bin" / "uv"), "pip"]
    sync = [*uv, "sync", "--quiet", "--python", str(PYTHON), "--require-hashes", "--compile-bytecode", str(LOCK)]
    _run(sync, env)
    project = ["install", "--quiet", "--python", str(PYTHON), "--no-build-isolation", "--no-deps", "--editable", str(ROOT)]
    _run([*uv, *project], env)
    STAMP.write_text(wanted_stamp(), "utf-8")


def _works(python: Path) -> bool:
    probe = "import pip, sys; sys.exit(sys.version_info[:2] != (3, 12))"
    return python.exists() and subprocess.run([str(python), "-c", probe], check=False, capture_output=True).returncode == 0


def _install_uv() -> None:
    block = re.search(r"^uv==.*?(?=^\S|\Z)", LOCK.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    if block is None:
        msg = "requirements.lock names no uv; nothing was installed; make the lock again with `make lock`"
        raise SystemExit(msg)
    with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as file:
        file.write(block.group())
        file.flush()
        pip = [
            str(PYTHON),
            "-m",
            "pip",
            "install",
            "--quiet",
            "--root-user-action=ignore",
            "--disable-pip-version-check",
            "--no-deps",
            "--require-hashes",
        ]
        _run([*pip, "-r", file.name], dict(os.environ))


def _index_of_pip() -> dict[str, str]:
    """A mirror or a certificate the user gave to pip holds for uv as well."""
    answer = subprocess.run([str(PYTHON), "-m", "pip", "config", "list"], check=False, capture_output=True, text=True)
    kept = dict(re.findall(r"^(?:global|install|:env:)\.([a-z-]+)='(.*)'$", answer.stdout, re.MULTILINE))
    names = {"index-url": "UV_DEFAULT_INDEX", "extra-index-url": "UV_INDEX", "cert": "SSL_CERT_FILE"}
    return {ours: kept[theirs] for theirs, ours in names.items() if theirs in kept and ours not in os.environ}


def _run(command: list[str], env: dict[str, str]) -> None:
    if subprocess.run(command, check=False, env=env, cwd=ROOT).returncode:
        msg = f"setup: `{' '.join(command[:4])} ...` failed, see above; run `make setup` again when it is mended"
        raise SystemExit(msg)


@contextmanager
def _alone() -> Iterator[None]:
    """Two set-ups at once, of one checkout or two, take turns."""
    cache_root().mkdir(mode=0o700, parents=True, exist_ok=True)
    with (cache_root() / "setup.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another set-up is running; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def main() -> int:
    """Checks the machine, then makes what is missing."""
    checks = doctor.examine(ROOT / ".lakeloop")
    failed = [check for check in checks if not check.ok]
    for check in failed:
        sys.stderr.write(f"setup: {check.name}: {check.found}. {check.fix}\n")
    if failed:
        sys.stderr.write("setup: nothing was installed; `make doctor` shows every check\n")
        return 1
    began = time.monotonic()
    with _alone():
        make_environment()
        build_lakefs(ROOT, say)
        fetch_jars(ROOT, VENV, say)
    say(f"ready ({time.monotonic() - began:.0f} s)")
    return 0


if __name__ == "__main__":
    if sys.argv[1:] == ["--doctor"]:
        sys.exit(doctor.main())
    if sys.argv[1:]:
        sys.exit(f"setup.py knows only --doctor, not {json.dumps(sys.argv[1:])}")
    sys.exit(main())
