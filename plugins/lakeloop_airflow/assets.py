"""The Assets that wake DAGs; no run reads what to do from them, so they carry no partition key."""

from airflow.sdk import Asset

from lakeloop.core.use_case import UseCase


def published(case: UseCase) -> Asset:
    """Touched when clean tables of a case moved on main."""
    return Asset(name=f"{case.name}_published", uri=f"x-lakeloop://main/clean/{case.name}", group="lakeloop")


def scored(case: UseCase) -> Asset:
    """Touched when new scores of a case wait for their verdict."""
    return Asset(name=f"{case.name}_scored", uri=f"x-lakeloop://candidates/scores/{case.name}", group="lakeloop")
