"""Airflow's scheduler with the libraries that its tasks need: each task is a fork of it, and finds them imported.

By themselves they take seconds of every task. Nothing of the project is among them, so that an edit is what the next run does;
and none of them leaves a Python thread, which a fork would lose.
"""

from importlib import import_module
from runpy import run_module

SHARED = ("lakefs_sdk", "pandas", "great_expectations")  # MLflow would bring code of ours, by its entry points


def share() -> None:
    """Import what tasks share."""
    for name in SHARED:
        import_module(name)


if __name__ == "__main__":
    share()  # before Airflow sets up what logs: Great Expectations has 200 lines to say on import
    run_module("airflow", run_name="__main__", alter_sys=True)  # as `python -m airflow` with this process's arguments
