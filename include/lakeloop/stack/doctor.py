"""Is this machine fit for the stack? Standard library only, since it answers before anything is installed; writes nothing."""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from lakeloop.stack.artifacts import REPO_ROOT, cache_root, lakefs_binary
from lakeloop.stack.ports import WISHED, is_free

GIB = 1024**3
DISK_NEEDED = 5 * GIB
MEMORY_NEEDED = 6 * GIB
JAVA_FITS = (17, 21)
GO_NEEDED = (1, 26, 4)
WRITTEN_AT = 1_793_000_000  # seconds; a clock before this code was written (October 2026) is wrong
SUBPROCESS_SECONDS = 20


@dataclass(frozen=True)
class Check:
    """One thing looked at: what was found, and what to do when it does not fit."""

    name: str
    ok: bool
    found: str
    fix: str = ""


def examine(home: Path, repo: Path = REPO_ROOT) -> list[Check]:
    """Every check, in the order a person would mend them."""
    return [_python(), _java(), _go(repo), _memory(), _disk(home), _ports(), _clock()]


def find_java() -> str | None:
    """The Java the stack runs on: `JAVA_HOME`'s, else the one on PATH."""
    home = os.environ.get("JAVA_HOME")
    named = Path(home) / "bin" / "java" if home else None
    return str(named) if named and named.is_file() else shutil.which("java")


def _python() -> Check:
    found = ".".join(map(str, sys.version_info[:3]))
    fix = "Install Python 3.12: `uv python install 3.12`, `pyenv install 3.12`, or your system's python3.12"
    return Check("python", sys.version_info[:2] == (3, 12), found, fix)


def _java() -> Check:
    fix = "Install it: sudo apt-get install -y openjdk-17-jre-headless (or set JAVA_HOME to a Java 17 or 21)"
    java = find_java()
    if java is None:
        return Check("java", False, "none found, Spark needs Java 17 or 21", fix)
    words = _answer([java, "-version"])
    version = re.search(r'version "(\d+)', words)
    found = f"{version.group(1) if version else 'unknown version'} at {java}"
    fits = version is not None and int(version.group(1)) in JAVA_FITS
    return Check("java", fits, found if fits else f"{found}, Spark needs Java 17 or 21", fix)


def _go(repo: Path) -> Check:
    binary = lakefs_binary(repo)
    if binary.is_file():
        return Check("go", True, f"not needed, lakeFS is built: {binary}")
    if os.environ.get("LAKELOOP_LAKEFS_BIN"):
        return Check("go", False, f"LAKELOOP_LAKEFS_BIN={binary} is no file", "Name a lakeFS server binary, or unset it")
    for go in (shutil.which("go"), "/usr/local/go/bin/go"):
        if go and Path(go).exists():
            version = re.search(r"go(\d+)\.(\d+)(?:\.(\d+))?", _answer([go, "version"]))
            if version and tuple(int(part or 0) for part in version.groups()) >= GO_NEEDED:
                return Check("go", True, f"{version.group()} at {go}")
    return Check("go", True, "none recent enough; set-up takes the one packaged for Python")


def _memory() -> Check:
    if not Path("/proc/meminfo").is_file():
        return Check("memory", False, "this system does not say", "lakeloop runs on Linux: use a Linux machine, or WSL 2")
    words = dict(re.findall(r"^(\w+):\s+(\d+) kB", Path("/proc/meminfo").read_text("utf-8"), re.MULTILINE))
    total, free = (int(words[name]) * 1024 for name in ("MemTotal", "MemAvailable"))
    fix = f"Give the machine {MEMORY_NEEDED // GIB} GiB or more: the stack takes 4 when idle"
    return Check("memory", total >= MEMORY_NEEDED, f"{total / GIB:.1f} GiB, {free / GIB:.1f} available", fix)


def _disk(home: Path) -> Check:
    least = min((home, cache_root()), key=lambda path: shutil.disk_usage(_existing(path)).free)
    free = shutil.disk_usage(_existing(least)).free
    fix = f"Free {DISK_NEEDED // GIB} GiB there, or put LAKELOOP_HOME and LAKELOOP_CACHE on another disk"
    return Check("disk", free >= DISK_NEEDED, f"{free / GIB:.1f} GiB free for {least}", fix)


def _ports() -> Check:
    taken = [f"{port} ({service})" for service, port in WISHED.items() if not is_free(port)]
    moved = f"taken: {', '.join(taken)}; by this stack itself, or it takes free ones instead"
    return Check("ports", True, moved if taken else f"free: {', '.join(map(str, WISHED.values()))}")


def _clock() -> Check:
    fix = "Set the clock: sudo timedatectl set-ntp true"
    return Check("clock", time.time() > WRITTEN_AT, time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime()), fix)


def _existing(path: Path) -> Path:
    return path if path.exists() else _existing(path.parent)


def _answer(command: list[str]) -> str:
    try:
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=SUBPROCESS_SECONDS)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout + done.stderr


def main(argv: list[str] | None = None) -> int:
    """The doctor before there is an environment; `lakeloop doctor` shows the same checks."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    as_json = parser.parse_args(argv if argv is not None else []).json
    checks = examine(REPO_ROOT / ".lakeloop")
    if as_json:
        sys.stdout.write(json.dumps([asdict(check) for check in checks], indent=2) + "\n")
    else:
        for check in checks:
            sys.stdout.write(f"{'ok ' if check.ok else 'FIX'} {check.name:7} {check.found}\n")
            if not check.ok:
                sys.stdout.write(f"    -> {check.fix}\n")
    return int(any(not check.ok for check in checks))
