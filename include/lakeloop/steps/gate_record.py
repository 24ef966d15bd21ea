"""What the gates said of a version: on the version in the registry, and as a file of the lake."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from lakeloop.core.aliases import GATE_RESULTS, GATES
from lakeloop.core.gates import GateResult
from lakeloop.ports import ModelRegistry

SAID = "gates.json"


def gates_file(version: int, metrics: Mapping[str, float], gates: Sequence[GateResult]) -> bytes:
    """What was measured of a version and what its gates said of it, as it stands beside their page."""
    return json.dumps(
        {"version": version, "metrics": dict(metrics), "gates": [one.model_dump(mode="json") for one in gates]}, indent=1
    ).encode()


def record_gates(registry: ModelRegistry, model: str, gated: Mapping[str, Any]) -> None:
    """Write each gate's answer, and their sum, on a version: passed, asks or refused."""
    failed = not gated["gates"] or any(one["outcome"] == "fail" for one in gated["gates"])
    word = "refused" if failed else "asks" if gated["ask"] else "passed"
    registry.flag(model, gated["version"], GATE_RESULTS, json.dumps(gated["gates"]))
    registry.flag(model, gated["version"], GATES, word)
