"""The gate: the files that lakeFS itself runs before main moves."""

import hashlib
from functools import cache
from importlib.resources import files

from lakeloop.core.lake import ACTIONS, HOOKS

# Every gate that ever judged a merge, and the set of rules it judged by; `verify` judges each merge by its own.
# A changed gate is a new line here, with a new number if a merge could pass the old rules and not the new ones.
GROWING_LOGS = 2  # from here on a Delta log may not be shortened or rewritten
_RULES = {
    "d1be7d57da5e": 1,
    "d0a3039367ba": GROWING_LOGS,
    "2f3b3e0d2199": GROWING_LOGS,
    "e89b6bf056e9": GROWING_LOGS,
}
LATEST_RULES = max(_RULES.values())


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


def rules_of(version: str) -> int | None:
    """The set of rules of a gate's version, or None for a gate that this code never heard of."""
    return _RULES.get(version)
