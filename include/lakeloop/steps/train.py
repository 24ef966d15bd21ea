"""Train: pin a commit, fit a challenger, put it through its gates, promote it."""

import json
from datetime import date
from typing import Any

from lakeloop.core.checkpoints import reached
from lakeloop.core.errors import PreconditionFailed, PromotionRefused
from lakeloop.core.gates import GateResult, judge_gates, may_promote
from lakeloop.core.jobs import TrainJob
from lakeloop.core.lake import MAIN, PROMOTIONS, UnitId, evidence_path, run_key
from lakeloop.core.ledger import Ledger
from lakeloop.core.reading import wanted
from lakeloop.core.receipts import PromotionReceipt, Reads
from lakeloop.core.reports import TrainReport
from lakeloop.core.runs import Run
from lakeloop.core.scoring import late_tables
from lakeloop.core.use_case import UseCase
from lakeloop.ports import ModelVersion
from lakeloop.steps.history import merged_as, read_ledger, receipt_on
from lakeloop.steps.platform import Platform
from lakeloop.steps.publish import Work, drop_branches, publish, seal
from lakeloop.steps.signing import about

_LEAST_DAYS = 7


def matured_dates(ledger: Ledger, case: UseCase, run: Run) -> list[date]:
    """Dates inside the run's range whose label and own tables are published, these in time to be predicted; oldest first."""
    tables = {case.label.table, *case.required_on_day()}
    days = sorted({unit.data_date for unit, owners in ledger.owners.items() if owners and unit.table in tables})
    whole = [day for day in days if run.selects(day) and all(ledger.owner(UnitId(table, day)) for table in tables)]
    return [day for day in whole if not late_tables(ledger, case, day)]


def training_reads(ledger: Ledger, case: UseCase, days: list[date]) -> Reads:
    """Every (table, receipt, date) that training on these days reads."""
    read = wanted(ledger, case, days)
    read[case.label.table] = sorted({*read.get(case.label.table, ()), *days})
    return ledger.reads_of(read)


def fit(p: Platform, run: Run) -> dict[str, Any]:
    """Fit on all but the newest matured days, evaluate on those, register the challenger.

    Raises:
        Frozen: whether the platform is frozen could not be read; nothing was trained.
    """
    reason = p.lease.frozen()
    if reason is not None:
        summary = f"training is frozen: {reason}; nothing was trained; `lakeloop unfreeze` lifts it"
        return {"nothing_to_do": True, "summary": summary}
    head = p.lake.head(MAIN)
    ledger = read_ledger(p.lake, p.case.name, head)
    days = matured_dates(ledger, p.case, run)[-p.case.training_days :]
    held_out = max((gate.holdout_days for gate in p.case.gates), default=14)
    if len(days) < held_out + _LEAST_DAYS:
        summary = f"{len(days)} matured days, training needs {held_out + _LEAST_DAYS}"
        return {"nothing_to_do": True, "summary": summary}
    reads = training_reads(ledger, p.case, days)
    key = run_key(
        case=p.case.name, stage="train", works=[json.dumps(reads, sort_keys=True, default=str)],
        contract=p.case.contract_version(), code=p.code_version, model=p.case.model.model_dump_json(),
    )  # fmt: skip
    if key in ledger.entries:
        return {"nothing_to_do": True, "summary": "the champion was trained on exactly this data and code"}
    report = _train(p, head, days[:-held_out], days[-held_out:], key)
    reached("train.fitted")
    version = _register(p, run, head, key, report, days)
    reached("train.registered")
    return {
        "nothing_to_do": False, "run_key": key, "data_commit": head, "version": version.version,
        "sha256": version.sha256, "report": report.model_dump(mode="json", exclude={"model_file"}),
        "days": [days[0].isoformat(), days[-1].isoformat()],
        "summary": f"version {version.version}: AUC {report.metrics.get('auc', 0):.3f} on {held_out} later days",
    }  # fmt: skip


def _train(p: Platform, head: str, train: list[date], holdout: list[date], key: str) -> TrainReport:
    workdir = p.workdir / key[:12]
    workdir.mkdir(parents=True, exist_ok=True)
    report = p.spark.run(
        TrainJob(
            repository=p.lake.repository, case=p.case_ref, snapshot=head, train_dates=tuple(train),
            holdout_dates=tuple(holdout), workdir=str(workdir),
        )
    )  # fmt: skip
    assert isinstance(report, TrainReport)  # noqa: S101  # a job answers with its own report
    return report


def _register(p: Platform, run: Run, head: str, key: str, report: TrainReport, days: list[date]) -> ModelVersion:
    params = {name: str(value) for name, value in p.case.model.model_dump().items()}
    tags = {
        "data_commit": head, "repository": p.lake.repository, "code_version": p.code_version,
        "contract_version": p.case.contract_version(), "airflow_run_id": run.run_id,
        "trained_from": days[0].isoformat(), "trained_to": days[-1].isoformat(),
    }  # fmt: skip
    return p.registry.record(
        model=p.case.name, run_key=key, model_file=report.model_file, sha256=report.sha256, params=params,
        metrics=report.metrics, tags=tags,
    )  # fmt: skip


def gate(p: Platform, run: Run, fitted: dict[str, Any]) -> dict[str, Any]:
    """Put the challenger through the case's gates.

    Raises:
        PromotionRefused: a gate said no; the champion is unchanged.
    """
    report = TrainReport.model_validate({**fitted["report"], "model_file": ""})
    results = judge_gates(p.case.gates, report)
    words = [one.words for one in results]
    p.registry.flag(p.case.name, fitted["version"], "gates", "passed" if may_promote(results) else "refused")
    if not may_promote(results):
        msg = (
            f"{p.case.name} version {fitted['version']}: {_failed(results)}; the champion is unchanged, the "
            "version stays registered. Next: look at its run in MLflow."
        )
        raise PromotionRefused(msg)
    return {**fitted, "gates": words, "summary": "; ".join(words)}


def _failed(results: tuple[GateResult, ...]) -> str:
    return "; ".join(one.words for one in results if not one.passed)


def promote(p: Platform, run: Run, gated: dict[str, Any]) -> dict[str, Any]:
    """Write the promotion into the ledger by a gated merge, then copy it to the alias `champion`."""
    key = gated["run_key"]
    done = merged_as(p.lake, key)
    if done is None:
        done = _promote_once(p, run, gated)
    receipt = receipt_on(p.lake, done, key)
    assert isinstance(receipt, PromotionReceipt)  # noqa: S101  # the gate demanded it
    newest = read_ledger(p.lake, p.case.name).champion or receipt
    p.registry.point_champion(newest.model_name, newest.model_version)
    return {
        "nothing_to_do": False, "run_key": key, "commit": done, "version": receipt.model_version,
        "summary": f"version {newest.model_version} is champion (promotion {newest.seq})",
    }  # fmt: skip


def _promote_once(p: Platform, run: Run, gated: dict[str, Any]) -> str:
    head = p.lake.head(MAIN)
    ledger = read_ledger(p.lake, p.case.name, head)
    receipt = _receipt(p, run, gated, head, ledger)
    branch = run.branch(p.case.name)
    p.lake.create_branch(branch, head)
    path = f"{PROMOTIONS}{p.case.name}-{receipt.seq:06d}.json"
    p.lake.put(
        branch, path, receipt.model_dump_json(include={"seq", "model_name", "model_version", "model_sha256", "run_key"}).encode()
    )
    audited = p.lake.commit(branch, f"promote version {receipt.model_version}", {})
    p.lake.put(branch, evidence_path(receipt.run_key, "gates.json"), json.dumps(gated["gates"], indent=1).encode())
    receipt = receipt.model_copy(update={"audited_commit": audited})
    seal(p.lake, branch, receipt)
    reached("promote.sealed")
    done = publish(p.lake, p.tables, p.lease, Work(branch, receipt, lambda now: _still_next(now, receipt)))
    drop_branches(p.lake, branch)
    return done


def _receipt(p: Platform, run: Run, gated: dict[str, Any], head: str, ledger: Ledger) -> PromotionReceipt:
    first, last = (date.fromisoformat(day) for day in gated["days"])
    at_fit = read_ledger(p.lake, p.case.name, gated["data_commit"])
    days = [day for day in matured_dates(at_fit, p.case, run) if first <= day <= last]
    reads = training_reads(at_fit, p.case, days)
    lost = ledger.lost_reads(reads)
    if lost:
        msg = (
            f"version {gated['version']} was trained on {lost[0]} (and {len(lost) - 1} more), which main does not "
            "hold any more; nothing was promoted. Next: train again."
        )
        raise PreconditionFailed(msg)
    return PromotionReceipt(
        **about(p, run, key=gated["run_key"], base=head, audited=head),
        seq=(ledger.champion.seq if ledger.champion else 0) + 1,
        model_name=p.case.name, model_version=gated["version"], model_sha256=gated["sha256"],
        data_commit=gated["data_commit"], metrics=gated["report"]["metrics"], gates=tuple(gated["gates"]), reads=reads,
    )  # fmt: skip


def _still_next(ledger: Ledger, receipt: PromotionReceipt) -> None:
    last = ledger.champion.seq if ledger.champion else 0
    if receipt.seq != last + 1:
        msg = f"promotion {last} came first; version {receipt.model_version} was not promoted."
        raise PreconditionFailed(msg)
    lost = ledger.lost_reads(receipt.reads)
    if lost:
        msg = f"{lost[0]} was withdrawn or restated meanwhile; nothing was promoted."
        raise PreconditionFailed(msg)
