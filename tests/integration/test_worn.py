"""A champion whose predictions later labels contradict: the watch says decay, and that alone wakes a training which says why.

Last of its folder by name: what it delivers is wrong on purpose, and stays in the history of every later night.
"""

from __future__ import annotations

from datetime import timedelta

import pytest

from lakeloop import wiring
from lakeloop.adapters.mlflow_server.client import client_of
from lakeloop.settings import Settings
from lakeloop.story.stage import now
from tests.integration.nights import CASE, Nights, until

pytestmark = [pytest.mark.stack, pytest.mark.timeout(1800)]


def test_decay_is_published_as_degraded_and_trained_for_by_its_verdict(nights: Nights, stack: Settings) -> None:
    needed = wiring.load_case(wiring.case_ref(CASE)).drift.quality
    lag = wiring.load_case(wiring.case_ref(CASE)).table("outcomes").lag_days
    for _ in range(needed.days + lag):  # so many that every labelled date before the last night is a wrong one
        wrong = nights.next(faults={"outcomes": "turned_round"})
    nights.play_to(wrong)
    last, since = nights.next(faults={"outcomes": "turned_round"}), now()
    nights.play_to(last)
    assert nights.trust(last) == "degraded"
    assert nights.stage.ledger().scores[last].record.verdict == "decay"
    assert nights.trust(wrong - timedelta(days=lag)) == "trusted", "whose scores were published before anybody could know"
    training = nights.woken("train", since)
    until(lambda: nights.task("train", training, "fit").state, {"success"}.__contains__, "the challenger is fitted")
    client = client_of(stack.mlflow_tracking_uri)
    experiment = client.get_experiment_by_name(CASE)
    assert experiment is not None
    causes = {one.data.tags.get("cause") for one in client.search_runs([experiment.experiment_id])}
    assert f"verdict|{last}" in causes
    assert nights.attests()
