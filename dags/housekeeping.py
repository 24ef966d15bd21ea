"""The platform's own DAGs in Airflow: it cleans up after itself, and shows that tasks run."""

from airflow.sdk import dag

from lakeloop_airflow.case_dag import platform_dag
from lakeloop_airflow.housekeeping import canary, clean_up, every_hour


@dag(schedule=every_hour(), **platform_dag())
def platform__janitor() -> None:
    """Drops expired run branches, ends orphaned Spark sessions and runs left open in MLflow; a candidate that waits alerts."""
    clean_up()


@dag(schedule=None, **platform_dag())
def platform__canary() -> None:
    """One task that does nothing, started by `lakeloop up` to see that tasks run."""
    canary()


platform__janitor(), platform__canary()
