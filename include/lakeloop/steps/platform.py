"""Platform: the ports a step works with, bundled once by the wiring."""

from dataclasses import dataclass, field

from lakeloop.core.use_case import UseCase
from lakeloop.ports import AlertOutbox, Inspector, Lake, Lease, ModelRegistry, Source, SparkRunner, Tables, TrainingRuns


@dataclass(frozen=True)
class Platform:
    """Everything a step may touch; `case` is the loaded use case, `case_ref` its name for jobs."""

    case: UseCase
    case_ref: str
    lake: Lake
    tables: Tables
    spark: SparkRunner
    registry: ModelRegistry
    runs: TrainingRuns
    lease: Lease
    outbox: AlertOutbox
    source: Source
    inspector: Inspector
    code_version: str
    lock_digest: str  # of the locked versions of everything that is installed
    links: dict[str, str] = field(default_factory=dict)  # name -> URL prefix, for alerts and summaries
    sites: dict[str, str] = field(default_factory=dict)  # mlflow, lake -> URL prefix, for pages that are kept
