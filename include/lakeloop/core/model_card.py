"""A model card: the facts of one version as Markdown, with links; nothing in it is opinion (Mitchell et al. 2019)."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from lakeloop.core.addresses import run_page, training_page, version_page
from lakeloop.core.evaluation import CHALLENGER, Evaluation
from lakeloop.core.gate_policy import Metric
from lakeloop.core.gates import GateResult
from lakeloop.core.lake import gates_page
from lakeloop.core.reports import SplitFacts
from lakeloop.core.resampling import day_bootstrap
from lakeloop.core.training import Fitted, TrainingSet
from lakeloop.core.use_case import UseCase

_MARKS = {"pass": "✅ pass", "warn": "⚠️ warn", "fail": "❌ fail"}
_METRICS: tuple[Metric, ...] = ("auc", "log_loss")
_TOP = 10


class Made(NamedTuple):
    """Which version of the registry it is, and the runs that made it; an id that nobody wrote down is empty."""

    version: int
    mlflow_run: str = ""
    airflow_run: str = ""


def model_card(
    case: UseCase, made: Made, known: TrainingSet, found: Fitted, results: Sequence[GateResult], sites: Mapping[str, str]
) -> str:
    """What a version is, what it learnt from, how good it was on later days, and what its gates said.

    `sites` are the addresses of mlflow, of airflow and of the lake's pages; what has none is named and not linked.
    """
    parts = [
        f"# {case.name} version {made.version}",
        _facts(case, made, known, found, sites),
        "## Data\n\n" + _splits(known),
        "## On days it never saw\n\n" + _measures(found.evaluation),
        "## Gates\n\n" + gate_table(results),
        *(["## Skew\n\n" + _skew(known)] if known.skew else []),
        "## What moves the scores\n\n" + _importance(found),
    ]
    return "\n\n".join(parts) + "\n"


def gate_table(results: Sequence[GateResult]) -> str:
    """One line a gate."""
    rows = [f"| {one.name} | {_MARKS[one.outcome]} | {_cell(one.words)} |" for one in results]
    return "\n".join(["| gate | | what was seen |", "|---|---|---|", *rows])


def _facts(case: UseCase, made: Made, known: TrainingSet, found: Fitted, sites: Mapping[str, str]) -> str:
    mlflow, airflow, lake = (sites.get(name, "") for name in ("mlflow", "airflow", "lake"))
    page = gates_page(case.name, made.version, known.run_key)
    model = ", ".join(f"{name} {value}" for name, value in (found.model or known.model).model_dump().items())
    rows = {
        "predicts": f"`{case.label.expression}` of `{case.label.table}`",
        "owner": case.owner,
        "data commit": _linked(f"`{known.data_commit[:12]}`", lake and f"{lake}{known.data_commit}/"),
        "page of the gates": _linked(f"`{page}`", lake and f"{lake}{page}"),
        "version in MLflow": _linked(f"version {made.version}", version_page(mlflow, case.name, made.version)),
        "MLflow run": _linked(_id(made.mlflow_run), run_page(mlflow, made.mlflow_run)),
        "Airflow run": _linked(_id(made.airflow_run), training_page(airflow, case.name, made.airflow_run)),
        "training set": f"`{found.matrix_commit[:12]}`, digest `{known.fit.digest.hash[:16]}`",
        "model bytes": f"sha256 `{found.sha256}`",
        "made because": known.cause,
        "code, contract, lock": f"`{known.code_version}`, `{known.contract_version}`, `{known.lock_digest}`",
        "parameters": f"{model}; {known.layout.files} file a split, {found.threads} thread a worker",
        "measured beside": found.evaluation.beside,
        "tuned": found.tuned.words if found.tuned else "no: the case's own parameters",
        "restated since": ", ".join(map(str, known.skewed)) or "no scored day of its data",
    }
    return "\n".join(["| | |", "|---|---|", *(f"| {name} | {_cell(value)} |" for name, value in rows.items())])


def _splits(known: TrainingSet) -> str:
    rows = ["| split | days | rows with a label | positive | without a label |", "|---|---|---|---|---|"]
    return "\n".join([*rows, _split("learnt from", known.fit), _split("held out", known.holdout)])


def _split(name: str, one: SplitFacts) -> str:
    return f"| {name} | {one.first} to {one.last} ({one.days}) | {one.rows:,} | {one.base_rate:.1%} | {one.unlabelled:,} |"


def _measures(measured: Evaluation) -> str:
    models = sorted({one.model for one in measured.days}, key=lambda name: (name != CHALLENGER, name))
    rows = [
        f"| {model} | " + " | ".join(_interval([*measured.daily(model, metric).values()]) for metric in _METRICS) + " |"
        for model in models
    ]
    note = "Means over days with 90 % intervals from resampled days."
    return "\n".join(["| model | AUC | log loss |", "|---|---|---|", *rows, "", note])


def _interval(values: list[float]) -> str:
    if not values:
        return "not known"
    found = day_bootstrap(values)
    return f"{found.mean:.4f} [{found.low:.4f}, {found.high:.4f}]"


def _skew(known: TrainingSet) -> str:
    return "\n".join(f"- {one.words}" for one in known.skew)


def _importance(found: Fitted) -> str:
    rows = [f"| {name} | {value:.4f} |" for name, value in list(found.importance.items())[:_TOP]]
    return "\n".join([f"| feature | mean SHAP value over {found.sampled} rows, log odds |", "|---|---|", *rows])


def _id(name: str) -> str:
    return f"`{name}`" if name else "not known"


def _linked(words: str, address: str) -> str:
    return f"[{words}]({address})" if address else words


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
