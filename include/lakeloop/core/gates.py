"""Gates: whether what was measured lets a challenger become champion; pure, and closed when in doubt."""

import math
from collections.abc import Callable, Sequence
from typing import Any, Literal

from lakeloop.core.evaluation import CHALLENGER, CHAMPION, Evaluation, SliceMetrics, calibration_error
from lakeloop.core.gain_interval import gain_interval
from lakeloop.core.gate_policy import (
    BeatsBaseline,
    BeatsChampion,
    Calibrated,
    FitsSignature,
    Fresh,
    Gate,
    HoldsInSlices,
    LeaksNothing,
    ReadNothingWithdrawn,
    WithinBudget,
)
from lakeloop.core.signature import TEXT, described, differences, names
from lakeloop.core.value import Value

Outcome = Literal["pass", "warn", "fail"]


class GateResult(Value):
    """One gate's answer, with the numbers behind it and the sentence a person reads."""

    name: str
    outcome: Outcome
    words: str
    evidence: dict[str, float | int | str | None] = {}


def judge_gates(gates: Sequence[Gate], measured: Evaluation) -> tuple[GateResult, ...]:
    """One result a gate; a case without gates gets one that fails, since nothing was proved."""
    if not gates:
        return (GateResult(name="no-gate", outcome="fail", words="the case names no gate, so no challenger can pass"),)
    return tuple(_JUDGES[gate.kind](gate, measured) for gate in gates)


def may_promote(results: Sequence[GateResult]) -> bool:
    """True when there were gates and none failed; one that warns is for a person to answer."""
    return bool(results) and all(result.outcome != "fail" for result in results)


def warns(results: Sequence[GateResult]) -> bool:
    """Whether a person has to look before the promotion."""
    return any(result.outcome == "warn" for result in results)


def _baseline(gate: BeatsBaseline, measured: Evaluation) -> GateResult:
    ours, theirs = measured.mean(CHALLENGER, gate.metric), measured.mean(gate.baseline, gate.metric)
    if ours is None or theirs is None:
        return _unknown(gate.name, f"{gate.metric} of the challenger is {ours}, of {gate.baseline} {theirs}: not comparable")
    gain = ours - theirs if gate.metric == "auc" else theirs - ours
    passed = gain > 0 and gain >= gate.margin
    words = f"{gate.metric} {ours:.4f} against {theirs:.4f} of {gate.baseline}: gain {gain:+.4f}, needed {gate.margin:.4f}"
    evidence = {"challenger": ours, "baseline": theirs, "gain": gain, "needed": gate.margin}
    return GateResult(name=gate.name, outcome="pass" if passed else "fail", words=words, evidence=evidence)


def _champion(gate: BeatsChampion, measured: Evaluation) -> GateResult:
    if measured.champion_gap:
        words = f"{measured.champion_gap}: the two cannot be compared on the same days, so a person decides"
        return GateResult(name=gate.name, outcome="warn", words=words)
    if measured.champion is None:
        words = "there is no champion to compare with: a first model is a person's choice"
        return GateResult(name=gate.name, outcome="warn", words=words)
    gains = measured.pairs(CHALLENGER, CHAMPION, gate.metric)
    if len(gains) < gate.fewest_days:
        return _unknown(gate.name, f"{len(gains)} days have {gate.metric} of both models, {gate.fewest_days} are needed")
    found = gain_interval(gains, gate.confidence)
    outcome: Outcome = "pass" if found.low > gate.margin else "warn" if found.mean > gate.margin else "fail"
    told = {"pass": "better", "warn": "better, but it may be chance", "fail": "not better"}[outcome]
    words = (
        f"{gate.metric} gain over the champion, version {measured.champion}, {found.mean:+.4f} "
        f"[{found.low:+.4f}, {found.high:+.4f}] a day over {len(gains)} days: {told}"
    )
    evidence = {"gain": found.mean, "low": found.low, "high": found.high, "days": len(gains), "confidence": gate.confidence}
    return GateResult(name=gate.name, outcome=outcome, words=words, evidence=evidence)


def _calibrated(gate: Calibrated, measured: Evaluation) -> GateResult:
    error = calibration_error(measured.calibration)
    if error is None or not math.isfinite(error):
        return _unknown(gate.name, "the calibration was not measured")
    words = f"scores are off by {error:.4f} on average, allowed {gate.bound:.4f}"
    return _bounded(gate.name, error <= gate.bound, words, {"error": error, "bound": gate.bound})


def _slices(gate: HoldsInSlices, measured: Evaluation) -> GateResult:
    large = [one for one in measured.slices if one.rows >= gate.fewest_rows]
    judged = [one for one in large if one.column in gate.by] if gate.by else large
    if missing := sorted(set(gate.by) - {one.column for one in judged}):
        return _unknown(gate.name, f"no slice of {', '.join(missing)} has {gate.fewest_rows} rows")
    if not judged:
        words = f"no group of the entity or of a category has {gate.fewest_rows} rows: name columns in `HoldsInSlices(by=…)`"
        return _unknown(gate.name, f"{words}, or drop it in `without_gates`")
    worst = max(judged, key=behind)
    gap = behind(worst)
    words = (
        f"worst of {len(judged)} slices is {worst.column} {worst.value} ({worst.rows} rows): "
        f"log loss {gap:+.4f} against the better of champion and base rate, allowed {gate.worse_by:+.4f}"
    )
    evidence = {"slice": f"{worst.column}={worst.value}", "behind": gap, "allowed": gate.worse_by, "slices": len(judged)}
    return _bounded(gate.name, gap <= gate.worse_by, words, evidence)


def behind(one: SliceMetrics) -> float:
    """How much worse a slice's log loss is than the better of the champion's and its own base rate's; infinite when unknown."""
    others = [one.base_rate] if one.champion is None else [one.base_rate, one.champion]
    gap = one.challenger - min(others)
    return gap if math.isfinite(gap) else math.inf


def _leakage(gate: LeaksNothing, measured: Evaluation) -> GateResult:
    if not measured.feature_auc or set(measured.feature_auc) != set(names(measured.model_features)):
        return _unknown(gate.name, "not every feature was measured alone")
    name, value = max(measured.feature_auc.items(), key=lambda item: item[1])
    words = f"{name} alone ranks with AUC {value:.3f}, allowed {gate.auc:g}"
    return _bounded(gate.name, value <= gate.auc, words, {"feature": name, "auc": value, "bound": gate.auc})


def _signature(gate: FitsSignature, measured: Evaluation) -> GateResult:
    asked, live = measured.model_features, measured.live_features
    if not asked or not live:
        return _unknown(gate.name, f"{'the case' if asked else 'the model'} names no features")
    shares = {one.name: one.unseen for one in asked if one.kind == TEXT}
    evidence = {"features": len(asked), **{f"unseen_{name}": share for name, share in shares.items()}}
    if differing := differences(asked, live):
        words = f"the model's file asks for other features than the case computes: {', '.join(differing)}"
        return _bounded(gate.name, False, words, evidence)
    if strange := [name for name, share in shares.items() if share is None or share > gate.unseen]:
        told = ", ".join(f"{name} ({'not measured' if (share := shares[name]) is None else f'{share:.0%}'})" for name in strange)
        words = f"of the later values of {told} the model never learnt a number, allowed {gate.unseen:.0%}"
        return _bounded(gate.name, False, words, evidence)
    return _bounded(gate.name, True, f"{described(asked)}, as the case computes them", evidence)


def _budget(gate: WithinBudget, measured: Evaluation) -> GateResult:
    if measured.fit_seconds is None or measured.model_bytes is None:
        return _unknown(gate.name, "seconds or size were not measured")
    size = measured.model_bytes / 1e6
    passed = measured.fit_seconds <= gate.seconds and size <= gate.megabytes
    words = f"fitted in {measured.fit_seconds:.0f} s of {gate.seconds:.0f}, {size:.1f} MB of {gate.megabytes:g}"
    return _bounded(gate.name, passed, words, {"seconds": measured.fit_seconds, "megabytes": size})


def _fresh(gate: Fresh, measured: Evaluation) -> GateResult:
    if measured.newest_day is None or measured.business_day is None:
        return _unknown(gate.name, "the age of the newest day learnt from is not known")
    age = (measured.business_day - measured.newest_day).days
    words = f"the newest day learnt from is {measured.newest_day}, {age} days old, allowed {gate.days}"
    return _bounded(gate.name, age <= gate.days, words, {"age": age, "allowed": gate.days})


def _withdrawn(gate: ReadNothingWithdrawn, measured: Evaluation) -> GateResult:
    if measured.lost is None:
        return _unknown(gate.name, "nobody looked whether main still holds what it learnt from")
    if measured.lost:
        words = f"learnt from {measured.lost[0]} (and {len(measured.lost) - 1} more), which main does not hold any more"
        return _bounded(gate.name, False, words, {"lost": len(measured.lost)})
    return _bounded(gate.name, True, "everything it learnt from is what main holds", {"lost": 0})


def _bounded(name: str, passed: bool, words: str, evidence: dict[str, Any]) -> GateResult:
    return GateResult(name=name, outcome="pass" if passed else "fail", words=words, evidence=evidence)


def _unknown(name: str, words: str) -> GateResult:
    return GateResult(name=name, outcome="fail", words=words)


_JUDGES: dict[str, Callable[[Any, Evaluation], GateResult]] = {
    "baseline": _baseline,
    "champion": _champion,
    "calibration": _calibrated,
    "slices": _slices,
    "leakage": _leakage,
    "signature": _signature,
    "budget": _budget,
    "freshness": _fresh,
    "withdrawn": _withdrawn,
}
