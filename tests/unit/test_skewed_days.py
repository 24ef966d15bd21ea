"""Skewed days: of those that a challenger learns from, the ones whose published scores had read what is not so any more."""

from lakeloop.steps.training.skew import skewed_days
from tests.unit.test_ledger import D, act, after, data, intake, landed


def test_a_day_whose_scores_had_read_what_was_restated_since_is_skewed_and_no_other() -> None:
    first, other, again = landed(D[0]), landed(D[1]), landed(D[0], 2, "b", hour=1)
    reads = {D[0]: {"inputs": {"d1": [D[0]]}}, D[1]: {"inputs": {"d2": [D[1]]}}}
    scored = (intake("i", first, other, again), data("d1", first), data("d2", other), act("c", D[0], D[1], reads=reads))
    assert skewed_days(after(*scored), D[:3]) == ()
    assert skewed_days(after(*scored, data("d3", again)), [D[2], D[1], D[0]]) == (D[0],)
    assert skewed_days(after(*scored, data("d3", again)), D[1:3]) == (), "of days that are not learnt from nothing is said"
