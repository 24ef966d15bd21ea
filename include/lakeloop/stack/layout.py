"""The stack root: what is kept where, and how it is written so that only its owner reads it."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lakeloop.settings import KEYS_FILE, STACK_FILE

_SOCKET_PATH_LIMIT = 100  # the kernel takes 107 bytes; Supervisor appends the pid while it binds


@dataclass(frozen=True)
class StackRoot:
    """Paths below one stack root; nothing of the stack is written anywhere else, but a socket whose path would be too long."""

    home: Path

    @property
    def mark(self) -> str:
        """What every process of this stack carries in its environment, before the program's name."""
        return f"{self.home}:"

    @property
    def stack_file(self) -> Path:
        """Ports and addresses as decided by the last `up`."""
        return self.home / STACK_FILE

    @property
    def keys_file(self) -> Path:
        """The keys made once for this root."""
        return self.home / KEYS_FILE

    def folder(self, name: str) -> Path:
        """A folder of the root, made if missing, closed to others."""
        path = self.home / name
        for each in (self.home, *reversed(path.relative_to(self.home).parents[:-1]), path):
            (self.home / each).mkdir(mode=0o700, parents=True, exist_ok=True)
        return path

    def log(self, program: str) -> Path:
        """The log file of one program, there before anything writes to it, so that its mode is ours."""
        path = self.folder("logs") / f"{program}.log"
        path.touch(mode=0o600)
        return path

    @property
    def socket(self) -> Path:
        """The process manager's socket: in the root, or in a short private folder when the root's path is too long."""
        path = self.home / "run" / "supervisor.sock"
        if len(os.fsencode(path)) <= _SOCKET_PATH_LIMIT:
            return path
        digest = hashlib.sha256(os.fsencode(self.home)).hexdigest()[:12]
        return Path(tempfile.gettempdir()) / f"lakeloop-{os.getuid()}-{digest}" / "supervisor.sock"


def write_private(path: Path, text: str) -> None:
    """Replaces a file at once, readable by its owner only, so that a killed writer leaves the old one."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    Path(name).replace(path)


def write_private_json(path: Path, content: Mapping[str, Any]) -> None:
    """A private file of JSON with one key a line."""
    write_private(path, json.dumps(content, indent=2) + "\n")


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file; an absent file is an empty one."""
    return dict(json.loads(path.read_text("utf-8"))) if path.is_file() else {}
