"""Platform: the ports a step works with, bundled once by the wiring."""

from dataclasses import dataclass, field
from pathlib import Path

from lakeloop.core.use_case import UseCase
from lakeloop.ports import AlertOutbox, Lake, Lease, ModelRegistry, Source, SparkRunner, Tables


@dataclass(frozen=True)
class Platform:
    """Everything a step may touch; `case` is the loaded use case, `case_ref` its name for jobs."""

    case: UseCase
    case_ref: str
    lake: Lake
    tables: Tables
    spark: SparkRunner
    registry: ModelRegistry
    lease: Lease
    outbox: AlertOutbox
    source: Source
    code_version: str
    workdir: Path
    links: dict[str, str] = field(default_factory=dict)  # name -> URL prefix, for alerts and summaries
