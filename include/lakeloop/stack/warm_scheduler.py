"""Airflow's scheduler with the libraries that its tasks need: each task is a fork below it, and finds them imported.

By themselves they take seconds of every task. None of them leaves a thread, which a fork would lose.
"""

import os
import random
import sys
from importlib import import_module
from runpy import run_module

SHARED = ("lakefs_sdk", "pandas", "great_expectations")  # MLflow would bring code of ours, by its entry points


def share() -> list[str]:
    """Import what tasks share; the names of what could not be, which tasks then import for themselves."""
    failed = []
    for name in SHARED:
        try:
            import_module(name)
        except Exception as error:  # noqa: BLE001  # a library that one task needs must not keep all of them from running
            sys.stderr.write(f"{name} is not shared with tasks: {type(error).__name__}: {error}\n")
            failed.append(name)
    os.register_at_fork(after_in_child=_reseed)
    return failed


def _reseed() -> None:
    """NumPy's global generator anew, as Python does with its own: or all tasks, and all tries of one, would draw the same."""
    if numpy := sys.modules.get("numpy"):
        numpy.random.seed(random.SystemRandom().getrandbits(32))


if __name__ == "__main__":
    share()  # before Airflow sets up what logs: Great Expectations has 200 lines to say on import
    run_module("airflow", run_name="__main__", alter_sys=True)  # as `python -m airflow` with this process's arguments
