"""Airflow's cluster policy: every DAG alerts when a run fails, whether or not its author thought of it."""

from typing import Any

from airflow.policies import hookimpl

from lakeloop_airflow.notify import alert_of_failed_run


@hookimpl
def dag_policy(dag: Any) -> None:
    """Adds our failure callback to a DAG's own; task-level callbacks would miss killed tasks."""
    own = dag.on_failure_callback or []
    callbacks = list(own) if isinstance(own, list | tuple) else [own]
    if alert_of_failed_run not in callbacks:
        dag.on_failure_callback = [*callbacks, alert_of_failed_run]
        dag.has_on_failure_callback = True
