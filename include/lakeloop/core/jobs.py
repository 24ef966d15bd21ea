"""Job specs: what a Spark job is asked, frozen, told apart by `kind`, without secrets."""

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from lakeloop.core.use_case import Value


class Job(Value):
    """What every job names: the repository and the case ("module:NAME" of its UseCase)."""

    repository: str
    case: str


class Slice(Value):
    """Rows of one Delta table where `column` is one of `values`; replaced and copied as a whole."""

    table: str  # path in the lake, e.g. clean/flights/weather
    values: tuple[str, ...]
    column: str = "data_date"


class LandedUnit(Value):
    """One landed delivery to be written: its files stand in `path` of the intake's commit."""

    table: str
    data_date: date
    delivery: int
    sha256: str
    path: str
    files: tuple[str, ...]
    manifest_rows: int
    delivered_at: datetime
    available_at: datetime  # the first delivery's time of this (table, data date)
    refused: str = ""  # code of a refusal that is certain already: every row of it goes to quarantine


class WriteJob(Job):
    """Read landed files strictly, keep good rows in clean/, bad ones in quarantine/, on a run branch."""

    kind: Literal["write"] = "write"
    landing_commit: str
    branch: str
    run_key: str
    units: tuple[LandedUnit, ...]


class AuditJob(Job):
    """Profile the units on a committed snapshot per date, and judge them with the GX suites."""

    kind: Literal["audit"] = "audit"
    snapshot: str
    run_key: str
    units: tuple[LandedUnit, ...]


class AuditScoresJob(Job):
    """Check the scores of some dates on a committed snapshot: range, keys, passport, coverage."""

    kind: Literal["audit_scores"] = "audit_scores"
    snapshot: str
    data_commit: str
    run_key: str
    dates: tuple[date, ...]


class FingerprintJob(Job):
    """Count and hash slices of a ref, order-free, per value of the slice column."""

    kind: Literal["fingerprint"] = "fingerprint"
    ref: str
    slices: tuple[Slice, ...]
    without: tuple[str, ...] = ()  # columns left out of the hash, e.g. trust


class CopyJob(Job):
    """Make slices on a branch equal to what they are at another ref, absence included."""

    kind: Literal["copy"] = "copy"
    source: str
    branch: str
    slices: tuple[Slice, ...]
    assign: dict[str, str] = Field(default_factory=dict)  # column -> constant, e.g. trust


class UpdateJob(Job):
    """Set one column to a constant on slices of a branch, e.g. trust to recalled."""

    kind: Literal["update"] = "update"
    branch: str
    slices: tuple[Slice, ...]
    column: str
    value: str


class AppendJob(Job):
    """Append a few rows (decisions, not data) to a small Delta table on a branch."""

    kind: Literal["append"] = "append"
    branch: str
    table: str
    rows: tuple[dict[str, str | int | float | None], ...]


class TrainJob(Job):
    """Fit on some dates of a snapshot, evaluate on later ones against the gates' baselines."""

    kind: Literal["train"] = "train"
    snapshot: str
    train_dates: tuple[date, ...]
    holdout_dates: tuple[date, ...]
    workdir: str  # where the job leaves model.ubj on the driver's machine


class Passport(Value):
    """The columns on each score row that lead back to what made it."""

    model_name: str
    model_version: int
    model_sha256: str
    data_commit: str
    code_version: str
    contract_version: str
    run_key: str


class ScoreJob(Job):
    """Score some dates of a snapshot with one model file, onto a run branch."""

    kind: Literal["score"] = "score"
    branch: str
    model_path: str  # local UBJ file, checked against the passport's sha256 before it is loaded
    passport: Passport
    dates: tuple[date, ...]
    trust: str = "candidate"


class EvidenceJob(Job):
    """Measure what the watch judges: per date, from clean tables and candidate scores."""

    kind: Literal["evidence"] = "evidence"
    data_commit: str
    candidates: dict[str, tuple[date, ...]]  # commit of a candidate -> its dates


AnyJob = (
    WriteJob | AuditJob | AuditScoresJob | FingerprintJob | CopyJob | UpdateJob
    | AppendJob | TrainJob | ScoreJob | EvidenceJob
)  # fmt: skip
JOB: TypeAdapter[AnyJob] = TypeAdapter(Annotated[AnyJob, Field(discriminator="kind")])
