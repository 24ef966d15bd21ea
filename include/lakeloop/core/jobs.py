"""Job specs: what a Spark job is asked, frozen, told apart by `kind`, without secrets."""

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from lakeloop.core.files import FileShape
from lakeloop.core.reports import UnitWritten
from lakeloop.core.tuning import Tuning
from lakeloop.core.use_case import XGBoost
from lakeloop.core.value import Value


class Job(Value):
    """What every job names: the repository and the case ("module:NAME" of its UseCase)."""

    repository: str
    case: str


class Slice(Value):
    """Rows of one Delta table where `column` is one of `values`; replaced and copied as a whole."""

    table: str  # path in the lake, e.g. clean/flights/weather
    values: tuple[str, ...]
    column: str = "data_date"
    dates: tuple[date, ...] = ()  # only the rows of these data dates; of all where none is named


class LandedUnit(Value):
    """One landed delivery to be written: its files stand in `path` of the intake's commit."""

    table: str
    data_date: date
    delivery: int
    sha256: str
    path: str
    files: tuple[str, ...]
    shapes: tuple[FileShape, ...] = ()  # what the intake found of each; a file without one is what its name declares
    manifest_rows: int
    delivered_at: datetime
    available_at: datetime  # the first delivery's time of this (table, data date)
    restates: bool = False  # main holds rows of this (table, data date)
    refused: str = ""  # code of a refusal that is certain already: every row of it goes to quarantine
    suspected: tuple[str, ...] = ()  # columns masked there though their contract does not mark them


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
    base: str  # main as the run found it
    run_key: str
    units: tuple[LandedUnit, ...]
    written: tuple[UnitWritten, ...]  # what the write says of them, held against what stands there


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


class ChangeJob(Job):
    """Compare the clean partitions of some dates (by table) at a snapshot with what they were at an earlier one."""

    kind: Literal["change"] = "change"
    before: str
    snapshot: str
    units: dict[str, tuple[date, ...]]


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


class MatrixJob(Job):
    """Write the feature rows of some dates, with their labels, onto a branch: what a challenger learns from and is judged on."""

    kind: Literal["matrix"] = "matrix"
    snapshot: str
    branch: str
    fit_dates: tuple[date, ...]
    holdout_dates: tuple[date, ...]
    files: int = 1  # of each split


class MatrixChangeJob(Job):
    """Compare a training set on a branch with the one at a commit, row by row under the entity and its date."""

    kind: Literal["matrix_change"] = "matrix_change"
    before: str
    branch: str


class ModelFile(Value):
    """A model on the driver's machine, read only when its bytes are these."""

    path: str
    sha256: str


class ChampionFile(ModelFile):
    """The champion that a challenger is measured beside."""

    version: int


class TrainJob(Job):
    """Fit on a committed matrix, and measure on its hold-out beside the champion and the gates' baselines."""

    kind: Literal["train"] = "train"
    matrix: str  # commit, of this case's training set
    features: tuple[str, ...]
    model: XGBoost
    champion: ChampionFile | None = None
    workdir: str  # where the job leaves model.ubj on the driver's machine
    is_rebuild: bool = False  # of a record: what of today's case its rows have no column for is left out, nothing is judged


class TuneJob(Job):
    """Try parameters on the fit split of a committed matrix, validated on the last of its days; nothing reads the hold-out."""

    kind: Literal["tune"] = "tune"
    matrix: str  # commit, of this case's training set
    features: tuple[str, ...]
    model: XGBoost  # the case's own parameters: trial 0, and those that no range changes
    tuning: Tuning
    validation_dates: tuple[date, ...]  # of the fit split; the days before them are learnt from


class ScoredBy(Value):
    """The hold-out of a training set at a commit, and the model that scores it from these features."""

    matrix: str
    model: ModelFile
    features: tuple[str, ...]


class ScoreMovesJob(Job):
    """Score two hold-outs of the same days, each by its own model, and measure how far the scores of a row are apart."""

    kind: Literal["score_moves"] = "score_moves"
    before: ScoredBy
    after: ScoredBy


class FeatureSkewJob(Job):
    """Compare the features of some dates at two commits, e.g. before and after a restatement."""

    kind: Literal["feature_skew"] = "feature_skew"
    before: str
    after: str
    dates: tuple[date, ...]


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
    """Measure what the watch judges: per date, from clean tables, candidate scores, and what came later."""

    kind: Literal["evidence"] = "evidence"
    data_commit: str
    candidates: dict[str, tuple[date, ...]]  # commit of a candidate -> its dates
    settle: tuple[date, ...] = ()  # dates whose later tables are there now
    matured: tuple[date, ...] = ()  # published dates whose labels are there now


AnyJob = (
    WriteJob | AuditJob | AuditScoresJob | FingerprintJob | ChangeJob | CopyJob
    | UpdateJob | AppendJob | MatrixJob | MatrixChangeJob | TuneJob | TrainJob | ScoreMovesJob | FeatureSkewJob | ScoreJob
    | EvidenceJob
)  # fmt: skip
JOB: TypeAdapter[AnyJob] = TypeAdapter(Annotated[AnyJob, Field(discriminator="kind")])
