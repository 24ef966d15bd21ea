"""The Assets that wake DAGs; no run reads what to do from them, so they carry no partition key."""

from typing import Any

from airflow.sdk import Asset, AssetAlias, get_current_context

from lakeloop.core.use_case import UseCase
from lakeloop.wiring import load_case


def published(case: UseCase) -> Asset:
    """Touched when clean tables of a case moved on main."""
    return Asset(name=f"{case.name}_published", uri=f"x-lakeloop://main/clean/{case.name}", group="lakeloop")


def scored(case: UseCase) -> Asset:
    """Touched when new scores of a case wait for their verdict."""
    return Asset(name=f"{case.name}_scored", uri=f"x-lakeloop://candidates/scores/{case.name}", group="lakeloop")


def worn(case: UseCase) -> Asset:
    """Touched when a verdict on a case's scores asks for a training."""
    return Asset(name=f"{case.name}_worn", uri=f"x-lakeloop://main/verdicts/{case.name}", group="lakeloop")


def may_be_worn(case: UseCase) -> AssetAlias:
    """The outlet of the task that touches `worn`, or does not."""
    return AssetAlias(name=f"{case.name}_may_be_worn", group="lakeloop")


def waking_training(case_ref: str, done: dict[str, Any]) -> dict[str, Any]:
    """Wakes the case's training where a verdict asks for it (what it trains for, it reads from main); the answer as it was."""
    if done.get("retrains"):
        case = load_case(case_ref)
        get_current_context()["outlet_events"][may_be_worn(case)].add(worn(case))
    return done
