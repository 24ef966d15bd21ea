"""The gate: the files that lakeFS itself runs before main moves."""

import hashlib
from functools import cache
from importlib.resources import files

from lakeloop.core.lake import ACTIONS, HOOKS


@cache
def gate_files() -> dict[str, bytes]:
    """Path in the lake to content, as this code wants them."""
    folder = files(__package__)
    return {
        f"{HOOKS if item.name.endswith('.lua') else ACTIONS}{item.name}": item.read_bytes()
        for item in sorted(folder.iterdir(), key=lambda item: item.name)
        if item.name.endswith((".lua", ".yaml"))
    }


@cache
def gate_version() -> str:
    """Twelve hex digits that change with any byte of the gate."""
    digest = hashlib.sha256()
    for path, content in sorted(gate_files().items()):
        digest.update(path.encode() + b"\0" + content + b"\0")
    return digest.hexdigest()[:12]
