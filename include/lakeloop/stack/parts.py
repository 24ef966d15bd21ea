"""The parts of the stack in order of start: each with its programs, its address, and the question that proves it."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from dataclasses import dataclass

import httpx

from lakeloop.settings import Settings
from lakeloop.stack import airflow, lakefs, mlflow, spark
from lakeloop.stack.airflow_ready import prove_healthy
from lakeloop.stack.keys import Keys
from lakeloop.stack.layout import StackRoot
from lakeloop.stack.program import Program

ALERTS_MODULE = "lakeloop_airflow.alerts_service"


@dataclass(frozen=True)
class Part:
    """A service: `prove` raises while it does not work; `patience` is how long it may take to come up, in seconds."""

    name: str
    programs: tuple[str, ...]
    address: str
    prove: Callable[[], None]
    patience: int

    @property
    def port(self) -> int | None:
        """The port in its address; some parts serve nobody and have none."""
        return int(self.address.rpartition(":")[2]) if self.address else None


def parts(settings: Settings) -> list[Part]:
    """Every part, in order of start."""
    key, secret = settings.lakefs_access_key_id, settings.lakefs_secret_access_key.get_secret_value()
    found = [
        Part("lakefs", ("lakefs",), settings.lakefs_endpoint, lambda: lakefs.prove(settings.lakefs_endpoint, key, secret), 60),
        Part("spark", ("spark",), settings.spark_remote, lambda: spark.prove(settings, whole=False), 180),
        Part("mlflow", ("mlflow",), settings.mlflow_tracking_uri, lambda: mlflow.prove(settings.mlflow_tracking_uri), 180),
        Part(
            "airflow",
            tuple(airflow.PROCESSES),
            settings.airflow_url,
            lambda: prove_healthy(settings.airflow_url, airflow.HEARTBEATS.values()),
            240,
        ),
        Part("recycler", ("recycler",), "", lambda: None, 10),
        Part("alerts", ("alerts",), settings.alerts_url, lambda: _prove_alerts(settings.alerts_url), 60),
    ]
    return found if _alerts_are_there() else found[:-1]


def programs(root: StackRoot, keys: Keys, settings: Settings, ports: dict[str, int]) -> list[Program]:
    """Every program of these parts, its files written; the same order."""
    return [program(name, root, keys, settings, ports) for part in parts(settings) for name in part.programs]


def program(name: str, root: StackRoot, keys: Keys, settings: Settings, ports: dict[str, int]) -> Program:
    """One program by name, its files written."""
    env = airflow.environment(root, keys, settings, ports["airflow"])
    match name:
        case "lakefs":
            return lakefs.program(root, keys, ports["lakefs"])
        case "spark":
            return spark.program(root, keys, settings, ports["spark"])
        case "mlflow":
            return mlflow.program(root, keys, settings, ports["mlflow"])
        case "recycler":
            return Program(name, (sys.executable, "-m", "lakeloop.stack.recycler"), {"PYTHONPATH": env["PYTHONPATH"]})
        case "alerts":
            return Program(name, (sys.executable, "-m", ALERTS_MODULE), env)
    return airflow.program(root, keys, settings, ports["airflow"], name)


def _alerts_are_there() -> bool:
    try:
        return importlib.util.find_spec(ALERTS_MODULE) is not None
    except ModuleNotFoundError:
        return False


def _prove_alerts(url: str) -> None:
    httpx.get(url, timeout=5, follow_redirects=True, trust_env=False).raise_for_status()
