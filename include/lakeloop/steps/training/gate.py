"""Gate: what was measured against the case's policy; the verdict is kept with the version, and shown."""

from collections.abc import Sequence
from typing import Any

from lakeloop.core.addresses import run_page, training_page, version_page
from lakeloop.core.aliases import GATES_PAGE
from lakeloop.core.errors import PromotionRefused
from lakeloop.core.gates import GateResult, judge_gates, may_promote
from lakeloop.core.lake import evidence_path, gates_page
from lakeloop.core.model_card import Made, model_card
from lakeloop.core.runs import Run
from lakeloop.core.training import TrainingSet
from lakeloop.ports import ModelVersion
from lakeloop.steps.gate_record import SAID, gates_file, keep_gates, record_gates
from lakeloop.steps.history import read_ledger
from lakeloop.steps.platform import Platform
from lakeloop.steps.reconcile import copy_challenger
from lakeloop.steps.training.fit import metrics_of
from lakeloop.steps.training.gate_page import PAGE, gate_page
from lakeloop.steps.training.judging import as_of, asks_why
from lakeloop.steps.training.record import read_fitted, read_training


def gate(p: Platform, run: Run, fitted: dict[str, Any]) -> dict[str, Any]:
    """Put the challenger through the case's gates; write what they said beside the version, whatever it is.

    Raises:
        PromotionRefused: a gate said no; the champion is unchanged.
    """
    key, commit = fitted["run_key"], fitted["commit"]
    known, found = read_training(p.lake, commit, key), read_fitted(p.lake, commit, key)
    ledger = read_ledger(p.lake, p.case.name)
    results = judge_gates(p.case.gates, as_of(found.evaluation, known.fit.last, known.reads, ledger, p))
    version = p.registry.version(p.case.name, fitted["version"])
    asks = asks_why(results, ledger, p.case, known.narrowed)
    made = Made(version.version, version.run_id, version.tags.get("airflow_run_id", ""))
    card = model_card(p.case, made, known, found, results, p.links | p.sites)
    page = gate_page(p.case.name, version.version, known, found, results, asks, _links(p, version, known))
    measured = metrics_of(found, known)
    files = {PAGE: page.encode(), SAID: gates_file(version.version, measured, results)}
    gated = {
        **fitted, "commit": keep_gates(p, run, fitted, files), "page": PAGE, "ask": bool(asks), "ask_why": asks,
        "gates": [one.model_dump(mode="json") for one in results],
        "metrics": measured,
        "summary": f"{len(results)} gates: {_told(results)}" + (f"; a person is asked: {asks}" if asks else ""),
    }  # fmt: skip
    p.runs.describe(version, card, {SAID: files[SAID].decode(), "model_card.md": card, PAGE: page})
    kept = f"lakefs://{p.lake.repository}/{gates_page(p.case.name, version.version, key)}"
    p.registry.flag(p.case.name, version.version, GATES_PAGE, kept)
    record_gates(p.registry, p.case.name, gated)  # last: it says that the version was judged, which answers its cause
    copy_challenger(p.lake, p.registry, p.case.name)
    if not may_promote(results):
        raise PromotionRefused(_refusal(p, version, results, gated))
    return gated


def _links(p: Platform, version: ModelVersion, known: TrainingSet) -> dict[str, str]:
    """Where to look on: the version, its runs, and the lake as it was read; none of a place that nobody configured."""
    mlflow, lake = p.sites.get("mlflow", ""), p.sites.get("lake", "")
    return {
        "version in MLflow": version_page(mlflow, version.name, version.version),
        "MLflow run": run_page(mlflow, version.run_id),
        "Airflow run": training_page(p.links.get("airflow", ""), version.name, version.tags.get("airflow_run_id", "")),
        "data commit": lake and f"{lake}{known.data_commit}/",
    }


def _refusal(p: Platform, version: ModelVersion, results: Sequence[GateResult], gated: dict[str, Any]) -> str:
    failed = "; ".join(f"{one.name}: {one.words}" for one in results if one.outcome == "fail")
    return (
        f"{version.name} version {version.version}: {failed}; the champion is unchanged, the version stays registered. "
        f"Next: `lakeloop models show {version.name} {version.version}`, or the page of its gates: "
        f"{p.sites.get('lake', '')}{gated['commit']}/{evidence_path(gated['run_key'], PAGE)}"
    )


def _told(results: Sequence[GateResult]) -> str:
    warned = [f"{one.name} warns ({one.words})" for one in results if one.outcome == "warn"]
    passed = sum(one.outcome == "pass" for one in results)
    return "; ".join([f"{passed} passed", *warned])
