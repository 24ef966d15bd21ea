"""The DAGs as Airflow sees them: without a database, a socket or a child process."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from airflow.sdk import AssetOrTimeSchedule
from airflow.sdk import dag as dag_of
from airflow.serialization.serialized_objects import DagSerialization

from lakeloop.core.use_case import UseCase
from lakeloop_airflow.case_dag import LONGEST_TRY, case_dag
from lakeloop_airflow.notify import alert_of_failed_run
from lakeloop_airflow.task_groups import train_and_promote
from use_cases.flights import FLIGHTS

CASE = "flights"
IDS = {f"{CASE}__ingest", f"{CASE}__score", f"{CASE}__watch", f"{CASE}__train", "platform__janitor", "platform__canary"}
POOLS = {"spark", "default_pool"}  # those that `lakeloop up` makes, and Airflow's own
STEPS = {
    f"{CASE}__ingest": ["intake", "write", "audit", "publish", "close_ingest"],
    f"{CASE}__score": ["score", "audit_scores", "close_score"],
    f"{CASE}__watch": ["judge", "act", "close_watch"],
    f"{CASE}__train": ["prepare", "fit", "gate", "approve", "promote", "close_train"],
}
ON_SPARK = {"write", "audit", "publish", "score", "audit_scores", "judge", "act", "prepare", "fit"}


def _tasks(dags: dict[str, Any]) -> list[Any]:
    return [task for dag in dags.values() for task in dag.tasks]


def _core_timetable(dag: Any) -> Any:
    return DagSerialization.from_dict(DagSerialization.to_dict(dag)).timetable


def test_every_file_is_read_without_an_error(bag: Any) -> None:
    assert bag.import_errors == {}


def test_the_ids_are_exactly_the_expected_ones(dags: dict[str, Any]) -> None:
    assert set(dags) == IDS


def test_no_dag_has_a_cycle_and_each_is_valid(dags: dict[str, Any]) -> None:
    for dag in dags.values():
        dag.check_cycle()
        dag.validate()


def test_each_dag_is_its_chain_of_steps(dags: dict[str, Any]) -> None:
    found = {dag_id: [task.task_id for task in dags[dag_id].topological_sort()] for dag_id in STEPS}
    assert found == STEPS


def test_a_dag_is_the_same_after_serialization(dags: dict[str, Any]) -> None:
    for dag in dags.values():
        again = DagSerialization.from_dict(DagSerialization.to_dict(dag))
        assert set(again.task_ids) == set(dag.task_ids)
        assert {task.task_id: task.pool for task in again.tasks} == {task.task_id: task.pool for task in dag.tasks}


def test_every_asset_that_wakes_a_dag_is_touched_by_a_task(dags: dict[str, Any]) -> None:
    touched = {asset.name.replace("may_be_", "") for task in _tasks(dags) for asset in task.outlets}
    scheduled = [dag for dag in dags.values() if isinstance(dag.timetable, AssetOrTimeSchedule)]
    waking = {key.name for dag in scheduled for key, _ in _core_timetable(dag).asset_condition.iter_assets()}
    assert waking == touched == {f"{CASE}_published", f"{CASE}_scored", f"{CASE}_worn"}


def test_only_the_last_step_of_a_chain_wakes_others(dags: dict[str, Any]) -> None:
    assert {task.task_id for task in _tasks(dags) if task.outlets} == {"publish", "audit_scores", "act"}


@pytest.mark.parametrize("dag_id", sorted(IDS - {"platform__canary"}))
def test_a_new_or_unpaused_dag_waits_for_its_next_tick(dags: dict[str, Any], dag_id: str) -> None:
    from airflow.timetables.base import TimeRestriction

    dag = dags[dag_id]
    assert dag.catchup is False
    assert dag.start_date is None, "with a start date Airflow runs the tick that has passed"
    timetable = _core_timetable(dag)
    timetable.validate()
    restriction = TimeRestriction(earliest=None, latest=None, catchup=False)
    first = timetable.next_dagrun_info(last_automated_data_interval=None, restriction=restriction)
    assert first.run_after > datetime.now(UTC)
    assert first.run_after < datetime.now(UTC) + timedelta(days=8)


def test_the_canary_runs_only_when_asked(dags: dict[str, Any]) -> None:
    assert dags["platform__canary"].timetable.can_be_scheduled is False


def test_the_nightly_tick_of_a_case_is_of_the_night_in_its_own_time_zone(dags: dict[str, Any]) -> None:
    assert str(_core_timetable(dags[f"{CASE}__ingest"])._timezone.name) == "America/New_York"


def test_every_dag_says_what_it_is_and_whose(dags: dict[str, Any]) -> None:
    for dag in dags.values():
        assert dag.doc_md, dag.dag_id
        assert "lakeloop" in dag.tags, dag.dag_id
        assert dag.max_active_runs == 1, dag.dag_id
        assert all(task.owner not in {"", "airflow"} for task in dag.tasks), dag.dag_id
        assert all(task.doc_md or task.python_callable.__doc__ for task in dag.tasks), dag.dag_id


def test_every_task_ends_some_day_and_the_run_long_after(dags: dict[str, Any]) -> None:
    for dag in dags.values():
        assert all(task.execution_timeout for task in dag.tasks), dag.dag_id
        longest = sum((task.execution_timeout * (task.retries + 1) for task in dag.tasks), timedelta())
        assert dag.dagrun_timeout > longest, f"{dag.dag_id}: the net would skip the teardown of a run that only retries"


def test_tasks_that_use_spark_queue_in_its_pool_and_no_other_pool_is_named(dags: dict[str, Any]) -> None:
    assert {task.task_id for task in _tasks(dags) if task.pool == "spark"} == ON_SPARK
    assert {task.pool for task in _tasks(dags)} <= POOLS


def test_tasks_are_tried_again_where_that_can_help(dags: dict[str, Any]) -> None:
    for task in _tasks(dags):
        if task.task_id != "canary":
            assert task.retries == 2, task.task_id
            assert task.retry_policy is not None, task.task_id


def test_the_form_has_a_range_and_empty_means_a_sweep(dags: dict[str, Any]) -> None:
    for dag_id in STEPS:
        params = dags[dag_id].params
        params.validate()
        assert {name: params[name] for name in ("date_from", "date_to")} == {"date_from": "", "date_to": ""}
    for reopens in ("reinstate", "retry_refused"):
        assert [dag_id for dag_id in STEPS if reopens in dags[dag_id].params] == [f"{CASE}__ingest"]
    assert [dag_id for dag_id in STEPS if "decide" in dags[dag_id].params] == [f"{CASE}__watch"]


@pytest.mark.parametrize("wrong", ["2013-7-1", "yesterday", "2013-07-01T00:00", 20130701, None])
def test_the_form_refuses_what_is_no_date(dags: dict[str, Any], wrong: object) -> None:
    from airflow.sdk.exceptions import ParamValidationError

    with pytest.raises(ParamValidationError):
        dags[f"{CASE}__ingest"].params.get_param("date_from").resolve(wrong)


def test_each_chain_ends_in_a_teardown_that_can_fail_the_run(dags: dict[str, Any]) -> None:
    for dag_id, steps in STEPS.items():
        dag = dags[dag_id]
        (leaf,) = [task for task in dag.tasks if not task.downstream_task_ids]
        assert (leaf.task_id, leaf.is_teardown, leaf.on_failure_fail_dagrun) == (steps[-1], True, True)
        others = {task.task_id for task in dag.tasks if task.trigger_rule.value != "all_success"}
        assert others == {leaf.task_id} | ({"promote"} & set(steps))


def test_a_merge_into_main_stands_behind_its_audit(dags: dict[str, Any]) -> None:
    for dag_id, merge, gates in ((f"{CASE}__ingest", "publish", {"audit"}), (f"{CASE}__train", "promote", {"gate", "approve"})):
        assert dags[dag_id].get_task(merge).upstream_task_ids == gates


def test_a_promotion_is_asked_of_named_users_with_a_deadline_inside_the_run(dags: dict[str, Any]) -> None:
    dag = dags[f"{CASE}__train"]
    approve, promote = dag.get_task("approve"), dag.get_task("promote")
    assert [user["id"] for user in approve.assigned_users] == list(FLIGHTS.approvers) != []
    assert (approve.defaults, approve.response_timeout) == (None, timedelta(hours=FLIGHTS.approval_hours))
    assert dag.dagrun_timeout > approve.response_timeout + timedelta(hours=12)
    assert promote.trigger_rule.value == "none_failed_min_one_success"


def test_every_dag_alerts_when_a_run_fails(dags: dict[str, Any]) -> None:
    for dag in dags.values():
        callbacks = dag.on_failure_callback
        assert callbacks == [alert_of_failed_run], f"{dag.dag_id}: the policy's entry point is missing; run the set-up again"
        assert dag.has_on_failure_callback


def test_every_step_links_to_what_it_made(dags: dict[str, Any]) -> None:
    for dag_id, steps in STEPS.items():
        for step in steps[:-1]:
            names = [link.name for link in dags[dag_id].get_task(step).operator_extra_links]
            assert names == ["lakeFS branch", "Receipt", "Audit page"]


def training_of(case: UseCase) -> Any:
    """The training DAG of a case that has no file."""

    @dag_of(schedule=None, **case_dag(case, "train"))
    def tuned__train() -> None:
        """A training that tunes."""
        train_and_promote(case)

    return tuned__train()


def test_no_try_may_take_so_long_that_the_janitor_thinks_it_was_left(dags: dict[str, Any], tuning_flights: UseCase) -> None:
    tasks = [*_tasks(dags), *training_of(tuning_flights).tasks]
    assert "tune" in {task.task_id for task in tasks}
    assert {task.task_id for task in tasks if task.execution_timeout >= LONGEST_TRY} == set()


def test_a_case_that_tunes_has_a_task_of_it_between_its_training_set_and_the_fit(tuning_flights: UseCase) -> None:
    made = training_of(tuning_flights)
    assert [task.task_id for task in made.topological_sort()] == [
        "prepare", "tune", "fit", "gate", "approve", "promote", "close_train",
    ]  # fmt: skip
    tune, fit = made.get_task("tune"), made.get_task("fit")
    assert (tune.pool, fit.upstream_task_ids, fit.trigger_rule.value) == ("spark", {"tune"}, "all_success")
    assert tune.execution_timeout == timedelta(minutes=240 + 60), "its budget, and a trial begun at the end of it"
    assert made.dagrun_timeout > sum((task.execution_timeout * (task.retries + 1) for task in made.tasks), timedelta())
