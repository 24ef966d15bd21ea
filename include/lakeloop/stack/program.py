"""One program of the stack as data: what to run, with which environment, under the guard."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from pathlib import Path

from lakeloop.stack import guard
from lakeloop.stack.layout import StackRoot, write_private_json

# What a service may inherit; everything else of the caller's environment stays outside, so that two callers start one stack.
_INHERITED = (
    "PATH", "HOME", "USER", "LANG", "LC_ALL", "TMPDIR", "JAVA_HOME", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE",
    "HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "XDG_CACHE_HOME",
)  # fmt: skip
_ALWAYS = {
    "NO_PROXY": "127.0.0.1,localhost",
    "no_proxy": "127.0.0.1,localhost",
    "DO_NOT_TRACK": "true",
    "TZ": "UTC",
    "PYTHONUNBUFFERED": "1",
    "SPT_NOENV": "1",  # setproctitle must not overwrite the environment: the mark is read from there
}


def inherited() -> dict[str, str]:
    """What a service has from its starter, and what every service has."""
    named = {name: value for name, value in os.environ.items() if name in _INHERITED or _is_setting(name)}
    return named | _ALWAYS


def _is_setting(name: str) -> bool:
    """A platform setting of the caller holds for its tasks too, but for the stack's own affairs and its mark."""
    return name.startswith("LAKELOOP_") and name not in {"LAKELOOP_AIRFLOW_DB_URL", "LAKELOOP_TIED_TO", guard.MARK}


@dataclass(frozen=True)
class Program:
    """A service to be run under the guard; `env` may hold secrets, `argv` never."""

    name: str
    argv: tuple[str, ...]
    env: dict[str, str] = field(default_factory=dict)
    grace: int = 15

    def write(self, root: StackRoot) -> list[str]:
        """Keeps the program's file (0600) in the root and gives the command that runs it."""
        path = root.folder("run/programs") / f"{self.name}.json"
        content = {
            "mark": f"{root.mark}{self.name}",
            "argv": list(self.argv),
            "env": {**inherited(), "LAKELOOP_HOME": str(root.home), **self.env},
            "cwd": str(root.home),
            "grace": self.grace,
        }
        write_private_json(path, content)
        return [sys.executable, "-I", "-S", str(Path(guard.__file__)), str(path)]
