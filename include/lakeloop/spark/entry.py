"""The door of every Spark job: a spec in, the function of its kind, a report out."""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, cast

from pyspark.sql import SparkSession

from lakeloop.core.errors import ConfigurationError
from lakeloop.core.jobs import JOB, AnyJob
from lakeloop.core.reports import Report
from lakeloop.core.tuning import Trial
from lakeloop.core.use_case import UseCase

SUITES = Path(__file__).resolve().parents[3] / "expectations"
_FUNCTIONS = {
    "write": "lakeloop.spark.write:write",
    "audit": "lakeloop.spark.audit:audit",
    "audit_scores": "lakeloop.spark.audit_scores:audit_scores",
    "fingerprint": "lakeloop.spark.slices:fingerprint",
    "change": "lakeloop.spark.changes:changes",
    "copy": "lakeloop.spark.slices:copy",
    "update": "lakeloop.spark.slices:update",
    "append": "lakeloop.spark.slices:append",
    "matrix": "lakeloop.spark.training.matrix:write_matrix",
    "matrix_change": "lakeloop.spark.training.changes:matrix_changes",
    "tune": "lakeloop.spark.training.tune:tune",
    "train": "lakeloop.spark.training.train:train",
    "score_moves": "lakeloop.spark.training.score_moves:score_moves",
    "feature_skew": "lakeloop.spark.skew:feature_skew",
    "score": "lakeloop.spark.score:score",
    "evidence": "lakeloop.spark.evidence:evidence",
}


def run(job: AnyJob, spark: SparkSession, suites: Path = SUITES, heard: Callable[[Trial], None] | None = None) -> Report:
    """Do a job in a session; the audit looks at `suites`, the expectations' folder, and a tuning tells `heard` each trial."""
    function = cast(Callable[..., Report], _named(_FUNCTIONS[job.kind]))
    case = load_case(job.case)
    if job.kind == "audit":
        return function(job, spark, case, suites)
    if job.kind == "tune":
        return function(job, spark, case, heard or _unheard)
    return function(job, spark, case)


def load_case(name: str) -> UseCase:
    """The use case that "module:NAME" names; ConfigurationError when there is none."""
    found = _named(name)
    if not isinstance(found, UseCase):
        message = f"{name!r} is a {type(found).__name__}, not a UseCase; nothing was done"
        raise ConfigurationError(message)
    return found


def main(arguments: list[str]) -> None:
    """Submit mode: the spec's path and the report's path, in a classic session of this driver."""
    spec, report = (Path(argument) for argument in arguments[1:3])
    job = JOB.validate_json(spec.read_bytes())
    spark = SparkSession.builder.appName(f"lakeloop {job.kind}").getOrCreate()
    spark.conf.set("spark.sql.session.timeZone", "UTC")
    try:
        report.write_text(run(job, spark).model_dump_json(), encoding="utf-8")
    finally:
        spark.stop()


def _unheard(_trial: Trial) -> None:
    """Submit mode: the log has each trial, the report all of them."""


def _named(name: str) -> Any:
    module, _, attribute = name.partition(":")
    try:
        return getattr(import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        message = f"{name!r} names nothing that can be imported: {error}; nothing was done"
        raise ConfigurationError(message) from error
