"""Addresses as they may be shown; pure."""

import re
from urllib.parse import quote

_LOGIN = re.compile(r"(https?://)[^/?#\s]*@")  # `lakefs://lake@commit` names a repository there


def without_login(words: str) -> str:
    """An address, or words with addresses in them, without anybody's `user:password@`."""
    return _LOGIN.sub(r"\1", words)


def version_page(mlflow: str, model: str, version: int) -> str:
    """Where MLflow shows a version; empty where nobody configured its address."""
    return f"{mlflow}/#/models/{model}/versions/{version}" if mlflow else ""


def run_page(mlflow: str, run_id: str) -> str:
    """Where MLflow shows a run; empty where there is none, or no address."""
    return f"{mlflow}/#/runs/{run_id}" if mlflow and run_id else ""


def training_page(airflow: str, case: str, run_id: str) -> str:
    """Where Airflow shows a run that trained; empty where nobody wrote down which, or no address is configured."""
    return f"{airflow}/dags/{case}__train/runs/{quote(run_id)}" if airflow and run_id else ""
