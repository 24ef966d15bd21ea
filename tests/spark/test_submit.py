"""Submit mode: the same job in a session of its own, a spec file in and a report file out."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from lakeloop.adapters.lakefs_lake import LakeFSLake
from lakeloop.core.jobs import AppendJob, FingerprintJob, Slice
from lakeloop.core.reports import FingerprintReport
from lakeloop.core.runs import SessionKey
from lakeloop.settings import REPO_ROOT, Settings
from lakeloop.spark.connect import ConnectRunner

TINY = REPO_ROOT / "tests" / "use_cases" / "tiny"
MAINS = sorted((REPO_ROOT / "spark_jobs").glob("*.py"))


@pytest.mark.parametrize("path", MAINS, ids=lambda path: path.stem)
def test_a_main_is_short_and_there_is_one_a_kind(path: Path) -> None:
    assert len(path.read_text("utf-8").splitlines()) <= 12


def test_no_main_hides_a_standard_module() -> None:
    assert not {path.stem for path in MAINS} & sys.stdlib_module_names


@pytest.mark.more
def test_a_submitted_job_answers_as_one_through_connect(
    stack: Settings, lake: LakeFSLake, new_key: Callable[[], SessionKey], tmp_path: Path
) -> None:
    lake.create_branch("rows", "main")
    names = {"repository": lake.repository, "case": "use_cases.tiny:TINY"}
    asked = FingerprintJob(ref="rows", slices=(Slice(table="watch/tiny/verdicts", values=("a", "b"), column="name"),), **names)
    with ConnectRunner(stack, new_key()) as runner:
        runner.run(AppendJob(branch="rows", table="watch/tiny/verdicts", rows=({"name": "a", "n": 1},), **names))
        wanted = runner.run(asked)
    spec, report = tmp_path / "spec.json", tmp_path / "report.json"
    spec.write_text(asked.model_dump_json(), encoding="utf-8")
    plain = {name: value for name, value in os.environ.items() if name != "SPARK_CONNECT_MODE_ENABLED"}  # this process's own
    env = plain | {
        "PYTHONPATH": os.pathsep.join([str(REPO_ROOT / "include"), str(TINY / "include")]),
        "SPARK_CONF_DIR": str(stack.home / "spark" / "conf"),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "PYSPARK_PYTHON": sys.executable,
    }
    main = REPO_ROOT / "spark_jobs" / "fingerprint.py"
    subprocess.run([sys.executable, str(main), str(spec), str(report)], env=env, check=True, timeout=180)
    assert FingerprintReport.model_validate_json(report.read_bytes()) == wanted
