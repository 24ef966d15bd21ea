"""What tasks find imported, and what they must not: each of them is a fork of the scheduler."""

from __future__ import annotations

import json
import subprocess
import sys

from lakeloop.stack.warm_scheduler import SHARED

LOOK = """
import json, sys, threading
from lakeloop.stack.warm_scheduler import share
share()
print(json.dumps({"modules": list(sys.modules), "threads": threading.active_count()}))
"""


def test_a_fork_inherits_libraries_and_neither_code_of_the_project_nor_a_thread() -> None:
    told = subprocess.run([sys.executable, "-c", LOOK], check=True, capture_output=True, text=True, timeout=120)
    found = json.loads(told.stdout.splitlines()[-1])
    modules = set(found["modules"])
    assert set(SHARED) <= modules
    ours = {name for name in modules if name.partition(".")[0] in {"lakeloop", "use_cases", "lakeloop_airflow"}}
    assert ours == {"lakeloop", "lakeloop.stack", "lakeloop.stack.warm_scheduler"}
    assert found["threads"] == 1


def test_it_is_airflows_own_command() -> None:
    told = subprocess.run(
        [sys.executable, "-m", "lakeloop.stack.warm_scheduler", "scheduler", "--help"],
        check=True, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert "--skip-serve-logs" in told.stdout
