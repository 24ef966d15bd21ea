"""Whatever stands in a form or a configuration: refused with a sentence, or handed on as it came."""

from __future__ import annotations

from copy import copy
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import ParamValidationError

from lakeloop.adapters.platform_db import PlatformDb
from lakeloop.core.errors import InvalidInput
from lakeloop.core.runs import Run
from lakeloop_airflow.runs import run_of
from tests.dags.test_behaviour import Runner, Stage
from tests.dags.test_behaviour import database as database  # the fixtures
from tests.dags.test_behaviour import home as home
from tests.dags.test_behaviour import platform_db as platform_db
from tests.dags.test_behaviour import pytestmark as pytestmark  # what the server in this process warns of
from tests.dags.test_behaviour import run as run
from tests.dags.test_behaviour import stage as stage
from tests.naughty import NAUGHTY, NO_TEXT, REASON, is_plain

REASONS = {"flights__ingest": ("reinstate", "retry_refused", "replay"), "flights__watch": ("reason",)}
FIELDS = {
    "flights__ingest": ("date_from", "date_to", "table", *REASONS["flights__ingest"]),
    "flights__score": ("date_from", "date_to"),
    "flights__watch": ("date_from", "date_to", "decide", "reason"),
    "flights__train": ("date_from", "date_to"),
}
EVERY = [(dag, field) for dag, fields in FIELDS.items() for field in fields]
NIGHTS = {"date_from": "2013-07-01", "date_to": "2013-07-02"}
GIVEN = {name: words for name, words in NAUGHTY.items() if words}  # what is left empty is not asked


def test_every_field_of_every_form_is_tried(dags: dict[str, Any]) -> None:
    assert {dag_id: set(dag.params) for dag_id, dag in dags.items() if dag.params} == {
        dag_id: set(fields) for dag_id, fields in FIELDS.items()
    }


def asked(dag: Any, **conf: str) -> Run:
    """The run of a configuration; ParamValidationError is the form's own refusal, as the API answers it."""
    values = {name: copy(dag.params.get_param(name)).resolve(conf.get(name, "")) for name in dag.params}  # it keeps the value
    this = SimpleNamespace(conf=conf, run_type="manual", logical_date=None, run_id="manual__1", triggering_user_name="ann")
    context: Any = {"dag": dag, "dag_run": this, "params": values, "ti": SimpleNamespace(try_number=1)}
    return run_of(context, "use_cases.flights:FLIGHTS", dag.dag_id.partition("__")[2])


@pytest.mark.parametrize(("dag_id", "field"), EVERY)
@pytest.mark.parametrize("words", GIVEN.values(), ids=GIVEN)
def test_a_field_is_refused_or_handed_on_as_it_came(dags: dict[str, Any], dag_id: str, field: str, words: str) -> None:
    is_reason, said, got = field in REASONS.get(dag_id, ()), "", None
    try:
        got = asked(dags[dag_id], **(NIGHTS | {field: words}))
    except ParamValidationError:
        said = "nothing was done"  # by the form: there is no run yet
    except InvalidInput as error:
        said = str(error)
    if got is not None:
        assert (is_reason, getattr(got, field)) == (True, words)
    else:
        assert (is_plain(said), "nothing was done" in said) == (True, True)
        assert words in NO_TEXT.values() or not is_reason


@pytest.mark.parametrize("words", [*GIVEN.values(), "2013-07-01\n", "２０１３-07-01", "0001-01-01", "9999-12-31", "2013-W01-1"])
@pytest.mark.parametrize("field", ["date_from", "date_to"])
def test_what_is_no_night_is_none(dags: dict[str, Any], field: str, words: str) -> None:
    with pytest.raises((ParamValidationError, InvalidInput)):
        asked(dags["flights__ingest"], **(NIGHTS | {field: words}))


@pytest.mark.parametrize("words", NAUGHTY.values(), ids=NAUGHTY)
def test_an_unknown_key_is_named_so_that_a_log_can_show_it(dags: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidInput, match="the run's configuration has unknown keys") as refused:
        asked(dags["flights__score"], **{words: words})
    assert is_plain(str(refused.value))


@pytest.mark.parametrize(("dag_id", "field"), [(dag_id, field) for dag_id, fields in REASONS.items() for field in fields])
def test_a_blank_reason_starts_nothing(run: Runner, stage: Stage, platform_db: PlatformDb, dag_id: str, field: str) -> None:
    state, _ = run(dag_id, **NIGHTS, **{field: " \u200b"})
    assert (state, stage.played) == ("failed", [])
    (alert,) = platform_db.outbox.all()
    assert (
        f"{field}: a reason says why in words, and this one has no letter and no digit; nothing was done" in alert.body["cause"]
    )


@pytest.mark.parametrize(("dag_id", "field"), [(dag_id, field) for dag_id, fields in REASONS.items() for field in fields])
def test_a_reason_reaches_its_step_through_airflow_as_it_was_typed(run: Runner, stage: Stage, dag_id: str, field: str) -> None:
    state, _ = run(dag_id, **NIGHTS, **{field: REASON})
    assert (state, getattr(stage.asked[0][1], field)) == ("success", REASON)
