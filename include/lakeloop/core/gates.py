"""Gates: whether a challenger's metrics let it become champion; pure, and closed when in doubt."""

import math
from collections.abc import Sequence

from lakeloop.core.reports import TrainReport
from lakeloop.core.use_case import Gate, Value


class GateResult(Value):
    """One gate's answer: what was compared, and the sentence a person reads."""

    name: str
    passed: bool
    words: str
    challenger: float | None = None
    baseline: float | None = None


def baseline_metric(gate: Gate) -> str:
    """The name under which a training report carries the number this gate must beat."""
    return f"baseline_{gate.baseline}_{gate.metric}"


def judge_gates(gates: Sequence[Gate], report: TrainReport) -> tuple[GateResult, ...]:
    """One result a gate; a case without gates gets one that fails, since nothing was proved."""
    if not gates:
        return (GateResult(name="no-gate", passed=False, words="the case names no gate, so no challenger can pass"),)
    return tuple(_judge(gate, report) for gate in gates)


def may_promote(results: Sequence[GateResult]) -> bool:
    """True when there were gates and each one passed."""
    return bool(results) and all(result.passed for result in results)


def _judge(gate: Gate, report: TrainReport) -> GateResult:
    challenger, baseline = report.metrics.get(gate.metric), report.metrics.get(baseline_metric(gate))
    if challenger is None or baseline is None or not math.isfinite(challenger) or not math.isfinite(baseline):
        words = f"{gate.metric} of the challenger is {challenger}, of {gate.baseline} {baseline}: not comparable"
        return GateResult(name=gate.name, passed=False, words=words)
    gain = challenger - baseline if gate.metric == "auc" else baseline - challenger
    passed = gain > 0 and gain >= gate.margin
    words = (
        f"{gate.metric} {challenger:.4f} against {baseline:.4f} of the {gate.baseline}'s historical rate: "
        f"gain {gain:+.4f}, needed {gate.margin:.4f}, on {report.holdout_rows} later rows"
    )
    return GateResult(name=gate.name, passed=passed, words=words, challenger=challenger, baseline=baseline)
