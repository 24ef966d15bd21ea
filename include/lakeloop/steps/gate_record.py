"""What the gates said of a version: on the version in the registry, and as a file of the lake."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from lakeloop.core.aliases import GATE_RESULTS, GATES
from lakeloop.core.errors import NotFound, NothingToDo
from lakeloop.core.gates import GateResult
from lakeloop.core.lake import evidence_path, gates_tag
from lakeloop.core.runs import Run
from lakeloop.ports import ModelRegistry
from lakeloop.steps.platform import Platform
from lakeloop.steps.training.record import FITTED

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


def keep_gates(p: Platform, run: Run, judged: Mapping[str, Any], files: Mapping[str, bytes]) -> str:
    """The commit that has the files beside what they speak of, under a tag: run branches are swept, whatever the gates say."""
    tag, branch = gates_tag(p.case.name, judged["version"]), run.branch(p.case.name)
    before = _judged_before(p, judged)
    p.lake.create_branch(branch, before)
    for name, content in files.items():
        p.lake.put(branch, evidence_path(judged["run_key"], name), content)
    try:
        done = p.lake.commit(branch, f"the gates of {p.case.name} version {judged['version']}", {})
    except NothingToDo:  # a try before this kept the same
        done = before
    p.lake.retag(tag, done)
    p.lake.delete_branch(branch)
    return done


def said_last(p: Platform, version: int) -> str:
    """The commit that has what a version's gates said last; empty where they said nothing yet."""
    try:
        return p.lake.commit_of(gates_tag(p.case.name, version)).id
    except NotFound:
        return ""


def _judged_before(p: Platform, judged: Mapping[str, Any]) -> str:
    """What the gates said of it last, so that this comes after it; the record of the fit where they say it for the first time."""
    last = said_last(p, judged["version"])
    is_of_it = last and p.lake.exists(last, evidence_path(judged["run_key"], FITTED))  # a registry that was lost counts anew
    return last if is_of_it else str(judged["commit"])
