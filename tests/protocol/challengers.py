"""Challengers of the toy case on a real registry, as a training leaves them: registered, measured, through their gates."""

import hashlib
import tempfile
from contextlib import suppress
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import xgboost

from lakeloop.adapters.mlflow_server import MlflowRegistry, MlflowRuns
from lakeloop.adapters.mlflow_server.client import client_of
from lakeloop.core.errors import AlreadyExists
from lakeloop.core.evaluation import CHALLENGER, CHAMPION, DayMetrics, Evaluation
from lakeloop.core.gates import Outcome, judge_gates
from lakeloop.core.lake import MAIN, model_tag
from lakeloop.core.ledger import Ledger
from lakeloop.core.reports import Fingerprint, SplitFacts
from lakeloop.core.signature import NUMBER, Feature
from lakeloop.core.training import Fitted, Layout, TrainingSet
from lakeloop.ports import Pictures
from lakeloop.steps.gate_record import record_gates
from lakeloop.steps.history import read_ledger
from lakeloop.steps.platform import Platform
from lakeloop.steps.training.judging import as_of, asks_why
from lakeloop.steps.training.prepare import training_reads
from lakeloop.steps.training.record import FITTED, TRAINING, keep
from tests.protocol.world import run

# A champion's AUC on even and on odd hold-out days, beside which the challenger's .8 ends in this
CHAMPIONS: dict[Outcome, tuple[float, float]] = {"pass": (0.7, 0.72), "warn": (0.7, 0.89), "fail": (0.85, 0.87)}
FIRST = date(2024, 1, 1)


def on_registry(p: Platform, uri: str) -> Platform:
    """The same world with a real registry, in which nobody has registered anything yet."""
    registry, client = MlflowRegistry(uri), client_of(uri)
    if client.search_registered_models("name = 'toy'"):
        client.delete_registered_model("toy")
    return replace(p, registry=registry, runs=MlflowRuns(uri), case=p.case.model_copy(update={"approvers": ("ann",)}))


def booster(folder: Path, seed: int) -> Path:
    """A booster's UBJ file, another one for each seed."""
    rows = np.random.default_rng(seed).random((60, 1))
    data = xgboost.DMatrix(rows, label=rows[:, 0] > 0.4, feature_names=["value"])
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"model-{seed}.ubj"
    xgboost.train({"objective": "binary:logistic", "max_depth": 1}, data, num_boost_round=2).save_model(path)
    return path


def challenger(p: Platform, seed: int, outcome: Outcome = "pass", beside: int | None = None) -> dict[str, Any]:
    """A registered version and what its gates say, pinned to main as it is now; it learnt from every published day.

    Beside a champion its gates end in `outcome`; the first of all is better than the baseline and has no champion beside it.
    `beside` names another version than the champion of now.
    """
    head = p.lake.head(MAIN)
    ledger = read_ledger(p.lake, p.case.name, head)
    days = sorted({unit.data_date.isoformat() for unit, owners in ledger.owners.items() if owners})
    key = hashlib.sha256(f"train {seed}".encode()).hexdigest()
    evaluation = _evaluation(beside or (ledger.champion.model_version if ledger.champion else None), CHAMPIONS[outcome])
    tags = {
        "run_key": key, "airflow_run_id": "manual__2024-01-01T00:00:00+00:00", "data_commit": head,
        "trained_from": days[0], "trained_to": days[-1],
        "features": "value", "auc": "0.8", "auc_low": "0.78", "auc_high": "0.82",
    }  # fmt: skip
    with p.runs.running(p.case.name, key, {}, tags) as run_id, tempfile.TemporaryDirectory() as folder:
        model_file = booster(Path(folder), seed)
        sha256 = hashlib.sha256(model_file.read_bytes()).hexdigest()
        commit = _record(p, head, ledger, key, sha256, [date.fromisoformat(day) for day in days], evaluation)
        made = p.runs.record(
            run_id, model=p.case.name, model_file=str(model_file), sha256=sha256, metrics={"auc": 0.8}, daily={}, learnt=[],
            pictures=Pictures("toy", [], [], {}), tags={**tags, "training_commit": commit},
        )  # fmt: skip
    with suppress(AlreadyExists):  # a registry that was lost counts anew, which `fit` finds out
        p.lake.tag(model_tag(p.case.name, made.version), commit)
    learnt = training_reads(ledger, p.case, [date.fromisoformat(day) for day in days])
    gates = judge_gates(p.case.gates, as_of(evaluation, date.fromisoformat(days[-1]), learnt, ledger, p))
    asks = asks_why(gates, ledger, p.case)
    gated = {
        "run_key": key, "version": made.version, "sha256": sha256, "data_commit": head, "commit": commit,
        "gates": [one.model_dump(mode="json") for one in gates], "ask": bool(asks), "ask_why": asks,
        "metrics": {"auc": 0.8}, "summary": "",
    }  # fmt: skip
    record_gates(p.registry, p.case.name, gated)
    return gated


def _evaluation(champion: int | None, auc: tuple[float, float]) -> Evaluation:
    """Ten hold-out days on which the challenger ranks better than a baseline, beside the champion there is."""
    shown = {CHALLENGER: (0.8, 0.8), "id": (0.6, 0.6)} | ({CHAMPION: auc} if champion else {})
    days = tuple(
        DayMetrics(data_date=FIRST + timedelta(days=at), model=model, rows=100, positives=20, auc=each[at % 2], log_loss=0.4)
        for model, each in shown.items()
        for at in range(10)
    )
    return Evaluation(days=days, champion=champion, model_features=(Feature(name="value", kind=NUMBER),))


def _record(p: Platform, head: str, ledger: Ledger, key: str, sha256: str, days: list[date], evaluation: Evaluation) -> str:
    """The record of a training set and of its fit, committed on a branch of its own, as `prepare` and `fit` leave it."""
    branch = run("train").branch("toy")
    p.lake.create_branch(branch, head)
    facts = SplitFacts(
        first=days[0], last=days[-1], days=len(days), rows=1, positives=1, unlabelled=0, digest=Fingerprint(rows=1, hash="0"),
    )  # fmt: skip
    known = TrainingSet(
        run_key=key, repository=p.lake.repository, data_commit=head, fit_dates=tuple(days), holdout_dates=(), fit=facts,
        holdout=facts, reads=training_reads(ledger, p.case, days), features=("value",), model=p.case.model,
        layout=Layout(files=1, workers=2), code_version="c0de", contract_version=p.case.contract_version(), lock_digest="",
        cause="by hand",
    )  # fmt: skip
    fitted = Fitted(
        matrix_commit=head, sha256=sha256, evaluation=evaluation, fit_days=(), histogram=(), importance={}, sampled=0,
        threads=1, seconds={},
    )  # fmt: skip
    keep(p.lake, branch, key, {TRAINING: known, FITTED: fitted})
    return p.lake.commit(branch, "a training set", {})


def approval(gated: dict[str, Any], by: str = "ann", why: str = "looks right") -> dict[str, Any]:
    """A person's yes, as the task `approve` hands it on."""
    return {"version": gated["version"], "approved_by": by, "approved_why": why}
