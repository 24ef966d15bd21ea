"""A training asked for with a parameter that nobody knows."""

from __future__ import annotations

from lakeloop.adapters.platform_db import PlatformDb
from tests.dags.test_behaviour import Runner, Stage
from tests.dags.test_behaviour import database as database  # the fixtures
from tests.dags.test_behaviour import home as home
from tests.dags.test_behaviour import platform_db as platform_db
from tests.dags.test_behaviour import pytestmark as pytestmark  # what the server in this process warns of
from tests.dags.test_behaviour import run as run
from tests.dags.test_behaviour import stage as stage


def test_nothing_is_fitted_and_the_words_name_the_parameters_there_are(
    run: Runner, stage: Stage, platform_db: PlatformDb
) -> None:
    state, tasks = run("flights__train", max_depth="9")
    assert (stage.played, state, tasks["prepare"], tasks["fit"]) == ([], "failed", "failed", "upstream_failed")
    (alert,) = platform_db.outbox.all()
    assert "unknown keys ['max_depth'], known are ['date_from', 'date_to']; nothing was done" in alert.body["cause"]
