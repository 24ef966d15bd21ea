"""What `lakeloop models` shows of versions, as rows of tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from lakeloop.core.addresses import run_page, training_page, version_page
from lakeloop.core.lake import evidence_path, gates_page
from lakeloop.core.model_facts import VersionFacts

Metrics = Mapping[str, float]
LISTED = ("version", "state", "learnt from", "AUC", "gates", "approval", "promoted (UTC)", "by")


def listed(one: VersionFacts) -> tuple[str, ...]:
    """One line of the list."""
    return (
        str(one.version), one.state, _days(one), _auc(one), _gates(one), one.approval, _when(one), one.promoted_by,
    )  # fmt: skip


def facts(one: VersionFacts, links: Mapping[str, str]) -> list[tuple[str, str]]:
    """Everything known of one version but its gates and metrics; nothing that is empty."""
    told = {
        "state": one.state, "learnt from": _days(one),
        "read": ", ".join(f"{dates} dates of {table}" for table, dates in one.read.items()),
        "AUC": _auc(one), "features": ", ".join(one.features), "data commit": one.data_commit, "sha256": one.sha256,
        **one.made_by,
        "approval": " ".join(filter(None, (one.approval, one.approval_by, one.approval_why))),
        "promoted": _when(one), "by": one.promoted_by, "reason": one.reason,
        "withdrawn data": "it learnt from some: as champion its scores are degraded" if one.read_withdrawn else "",
        "registry": "" if one.registered else "the registry lost it", **links,
    }  # fmt: skip
    return [(name, value) for name, value in told.items() if value]


def pages(case: str, one: VersionFacts, run_id: str, sites: Mapping[str, str]) -> dict[str, str]:
    """Addresses of everything that tells of a version, by what they show; nothing that the version has not.

    `sites` are those of mlflow, of the lake's pages and of airflow; `run_id` is MLflow's, empty where it has none.
    """
    mlflow, lake, made = sites["mlflow"], sites["lake"], one.made_by
    key, commit, airflow_run = (made.get(name, "") for name in ("run_key", "training_commit", "airflow_run_id"))
    found = {
        "model card": one.registered and version_page(mlflow, case, one.version),
        "gates' page": key and bool(one.gates) and f"{lake}{gates_page(case, one.version, key)}",
        "MLflow run": run_page(mlflow, run_id),
        "data as it was read": one.data_commit and f"{lake}{one.data_commit}/",
        "record of the training": commit and key and f"{lake}{commit}/{evidence_path(key, '')}",
        "Airflow run": training_page(sites["airflow"], case, airflow_run),
    }
    return {name: address for name, address in found.items() if address}


def beside(one: VersionFacts, ours: Metrics, other: VersionFacts, theirs: Metrics) -> list[tuple[str, str, str, str]]:
    """Two versions side by side, with what differs: days, features, metrics, gates."""
    return [*_facts_beside(one, other), *_metrics_beside(ours, theirs), *_gates_beside(one, other)]


def _facts_beside(one: VersionFacts, other: VersionFacts) -> Iterator[tuple[str, str, str, str]]:
    yield ("state", one.state, other.state, "")
    yield ("learnt from", _days(one), _days(other), "" if _days(one) == _days(other) else "other days")
    yield ("AUC", _auc(one), _auc(other), "")
    lost, new = _only(one.features, other.features), _only(other.features, one.features)
    differing = " ".join([*(f"-{name}" for name in lost), *(f"+{name}" for name in new)])
    yield ("features", str(len(one.features)), str(len(other.features)), differing)


def _metrics_beside(ours: Metrics, theirs: Metrics) -> Iterator[tuple[str, str, str, str]]:
    for name in sorted({*ours, *theirs}):
        left, right = ours.get(name), theirs.get(name)
        gain = f"{right - left:+.4f}" if left is not None and right is not None else ""
        yield (name, _number(left), _number(right), gain)


def _gates_beside(one: VersionFacts, other: VersionFacts) -> Iterator[tuple[str, str, str, str]]:
    left, right = ({gate.name: gate.outcome for gate in each.gates} for each in (one, other))
    for name in sorted({*left, *right}):
        before, after = left.get(name, ""), right.get(name, "")
        yield (f"gate {name}", before, after, "" if before == after else "differs")


def _only(these: Sequence[str], those: Sequence[str]) -> list[str]:
    return [name for name in these if name not in those]


def _days(one: VersionFacts) -> str:
    return f"{one.trained_from} to {one.trained_to}" if one.trained_from else ""


def _auc(one: VersionFacts) -> str:
    if one.auc is None:
        return ""
    known = one.auc_low is not None and one.auc_high is not None
    return f"{one.auc:.3f}" + (f" [{one.auc_low:.3f}, {one.auc_high:.3f}]" if known else "")


def _gates(one: VersionFacts) -> str:
    outcomes = [gate.outcome for gate in one.gates]
    return ", ".join(f"{outcomes.count(word)} {word}" for word in dict.fromkeys(outcomes))


def _when(one: VersionFacts) -> str:
    return f"{one.promoted_at:%Y-%m-%d %H:%M}" if one.promoted_at else ""


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"
