"""What the gates said of a version, on the version itself, so that a later promotion by hand can ask it."""

import json
from collections.abc import Mapping
from typing import Any

from lakeloop.core.aliases import GATE_RESULTS, GATES
from lakeloop.ports import ModelRegistry


def record_gates(registry: ModelRegistry, model: str, gated: Mapping[str, Any]) -> None:
    """Write each gate's answer, and their sum, on a version: passed, asks or refused."""
    failed = not gated["gates"] or any(one["outcome"] == "fail" for one in gated["gates"])
    word = "refused" if failed else "asks" if gated["ask"] else "passed"
    registry.flag(model, gated["version"], GATE_RESULTS, json.dumps(gated["gates"]))
    registry.flag(model, gated["version"], GATES, word)
