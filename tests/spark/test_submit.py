"""Submit mode: the same job in a session of its own, a spec file in and a report file out."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from lakeloop.adapters.lakefs_lake import LakeFSLake
from lakeloop.core.jobs import AnyJob, AppendJob, FingerprintJob, Slice
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
    answer = submitted("fingerprint", asked, stack.home, tmp_path)
    assert FingerprintReport.model_validate_json(answer) == wanted


def submitted(name: str, job: AnyJob, spark_root: Path, folder: Path, options: str = "--master local[2]") -> bytes:
    """What a main answers to a job, in a driver of its own with the configuration of a server of this root."""
    spec, report = folder / "spec.json", folder / "report.json"
    spec.write_text(job.model_dump_json(), encoding="utf-8")
    plain = {name: value for name, value in os.environ.items() if name != "SPARK_CONNECT_MODE_ENABLED"}  # this process's own
    env = plain | {
        "PYTHONPATH": os.pathsep.join([str(REPO_ROOT / "include"), str(TINY / "include")]),
        "SPARK_CONF_DIR": str(spark_root / "spark" / "conf"),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "PYSPARK_PYTHON": sys.executable,
        "PYSPARK_SUBMIT_ARGS": f"{options} pyspark-shell",
    }
    main = REPO_ROOT / "spark_jobs" / f"{name}.py"
    subprocess.run([sys.executable, str(main), str(spec), str(report)], env=env, check=True, timeout=180)
    return report.read_bytes()
