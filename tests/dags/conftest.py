"""An Airflow of the tests' own: its home is set before anything imports Airflow, and no database is made unless asked for."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from lakeloop.core.tuning import MOST_MINUTES, Space, Tuning, Whole
from lakeloop.core.use_case import UseCase
from use_cases import flights

ROOT = Path(__file__).resolve().parents[2]
DAGS = ROOT / "dags"
AIRFLOW_HOME = Path(tempfile.mkdtemp(prefix="lakeloop-dags-"))

if "airflow" in sys.modules:
    pytest.exit("airflow was imported before its home was set")
os.environ.update(
    {
        "AIRFLOW_HOME": str(AIRFLOW_HOME),
        "AIRFLOW__CORE__DAGS_FOLDER": str(DAGS),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__UNIT_TEST_MODE": "False",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{AIRFLOW_HOME / 'airflow.db'}",
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(AIRFLOW_HOME / "logs"),
        "LAKELOOP_HOME": str(AIRFLOW_HOME / "lakeloop"),
    }
)


@pytest.fixture(scope="session")
def bag() -> Any:
    """Every DAG of the repository, parsed once as Airflow's dag-processor does."""
    from airflow.dag_processing.dagbag import DagBag

    return DagBag(dag_folder=str(DAGS), bundle_path=DAGS, bundle_name="dags-folder")


@pytest.fixture
def tuning_flights(monkeypatch: pytest.MonkeyPatch) -> UseCase:
    """The flights case as it would be with the longest tuning there may be, where DAGs find it."""
    tuning = Tuning(space=Space(max_depth=Whole(low=2, high=8)), minutes=MOST_MINUTES)
    case = flights.FLIGHTS.model_copy(update={"tuning": tuning, "approval_hours": 0.1})
    monkeypatch.setattr(flights, "FLIGHTS", case)
    return case


@pytest.fixture(scope="session")
def dags(bag: Any) -> dict[str, Any]:
    """The DAGs by id."""
    return dict(bag.dags)
