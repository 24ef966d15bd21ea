"""The flights case's own gates stand as they were agreed: a bound that is loosened or dropped is seen here."""

from __future__ import annotations

from lakeloop.core.gate_policy import DEFAULTS, BeatsBaseline, HoldsInSlices
from use_cases.flights import FLIGHTS


def test_a_challenger_has_to_beat_both_baselines_and_hold_in_slices() -> None:
    own = [gate for gate in FLIGHTS.gates if gate not in DEFAULTS]
    assert [(one.baseline, one.metric, one.margin) for one in own if isinstance(one, BeatsBaseline)] == [
        ("carrier", "auc", 0.02), ("carrier", "log_loss", 0.0), ("logistic", "auc", 0.0),
    ]  # fmt: skip
    assert [(one.by, one.fewest_rows, one.worse_by) for one in own if isinstance(one, HoldsInSlices)] == [
        (("carrier", "origin"), 200, 0.02)
    ]
    assert FLIGHTS.without_gates == ()
    assert {gate.kind for gate in DEFAULTS} == {gate.kind for gate in FLIGHTS.gates}
