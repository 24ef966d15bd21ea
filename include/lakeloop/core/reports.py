"""Reports: what a Spark job answers; small, typed, JSON."""

from datetime import date
from typing import Self

from pydantic import Field, model_validator

from lakeloop.core.contract import Severity
from lakeloop.core.evaluation import DayMetrics, Evaluation
from lakeloop.core.metrics import ScoreBin
from lakeloop.core.score_moves import ScoreMovesReport
from lakeloop.core.skew import FeatureSkewReport
from lakeloop.core.tuning import Stopped, Trial
from lakeloop.core.value import Value
from lakeloop.core.words import counted


class RowAccount(Value):
    """Where the rows of one delivery went; rows are conserved or the value cannot be built."""

    rows_in: int
    published: int
    quarantined: int = 0
    deduplicated: int = 0
    by_first_reason: dict[str, int] = Field(default_factory=dict)
    by_any_reason: dict[str, int] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _conserved(self) -> Self:
        out = self.published + self.quarantined + self.deduplicated
        if out != self.rows_in:
            msg = f"{self.rows_in} rows came in but {out} are accounted for"
            raise ValueError(msg)
        if sum(self.by_first_reason.values()) != self.quarantined:
            msg = f"first reasons {self.by_first_reason} do not add up to {self.quarantined}"
            raise ValueError(msg)
        return self


class Refusal(Value):
    """Why a unit was refused: a code for machines, a sentence for people."""

    code: str
    message: str


class Fingerprint(Value):
    """Row count and order-free 128-bit hash (hex) of some rows."""

    rows: int
    hash: str


class RowChange(Value):
    """What a restatement made of a partition, row by row under the table's key."""

    added: int = 0
    removed: int = 0
    changed: int = 0
    same: int = 0

    @property
    def is_none(self) -> bool:
        """Whether every row is what it was."""
        return not (self.added or self.removed or self.changed)

    @property
    def words(self) -> str:
        """`2 rows added, 1 row changed, 57 rows the same`."""
        counts = {"added": self.added, "removed": self.removed, "changed": self.changed, "the same": self.same}
        return ", ".join(f"{counted(number, 'row')} {what}" for what, number in counts.items() if number)


class UnitWritten(Value):
    """One unit after the write; with a refusal nothing of it stands in clean/ of the branch."""

    table: str
    data_date: date
    delivery: int
    account: RowAccount
    cells: int = 0  # that its published rows came with, counted as texts
    refusal: Refusal | None = None


class WriteReport(Value):
    """What a write did, unit by unit."""

    units: tuple[UnitWritten, ...]


class Check(Value):
    """One expectation on one date: what was asked and what was seen."""

    name: str
    observed: float | str | None
    expected: str
    passed: bool
    severity: Severity = "critical"
    words: str = ""  # the same as a sentence, where there is one better than the numbers

    @property
    def told(self) -> str:
        """What is said of a check that did not pass."""
        return self.words or f"{self.name} is {self.observed}, expected {self.expected}"


SUSPECT = "personal:"  # a check that ends in the name of a column nobody marked


class UnitAudit(Value):
    """The audit of one unit."""

    table: str
    data_date: date
    checks: tuple[Check, ...]
    fingerprint: Fingerprint

    @property
    def passed(self) -> bool:
        """True when every critical check passed; a unit without checks has not passed."""
        return bool(self.checks) and not self.failed("critical")

    @property
    def suspected(self) -> tuple[str, ...]:
        """The columns that look personal, though nobody marked them."""
        return tuple(check.name.removeprefix(SUSPECT) for check in self.checks if check.name.startswith(SUSPECT))

    def failed(self, severity: Severity) -> list[Check]:
        """The checks of a severity that did not pass."""
        return [check for check in self.checks if not check.passed and check.severity == severity]


class AuditReport(Value):
    """The audit of a run's units, with the pages to keep as evidence (file name -> text)."""

    units: tuple[UnitAudit, ...]
    pages: dict[str, str] = Field(default_factory=dict)


class FingerprintReport(Value):
    """Fingerprints by table path, then by value of the slice column; absent values are absent."""

    tables: dict[str, dict[str, Fingerprint]]


class UnitChange(Value):
    """What changed in one unit."""

    table: str
    data_date: date
    change: RowChange


class ChangeReport(Value):
    """What changed, unit by unit."""

    units: tuple[UnitChange, ...]


class DoneReport(Value):
    """A job that only writes: rows written."""

    rows: int = 0


class SplitFacts(Value):
    """One split of a training set as it was written."""

    first: date
    last: date
    days: int
    rows: int  # with a label
    positives: int
    unlabelled: int  # left out of everything: cancelled and diverted flights, say
    digest: Fingerprint  # of the rows with a label, whatever their order

    @property
    def base_rate(self) -> float:
        """The share of positives."""
        return self.positives / self.rows


class MatrixReport(Value):
    """The two splits of a training set."""

    fit: SplitFacts
    holdout: SplitFacts


class MatrixChangeReport(Value):
    """What differs between two training sets."""

    rows: RowChange
    columns: dict[str, int]  # of the rows that both have: how many differ in each column, those that differ in none left out
    largest: dict[str, float] = {}  # of those columns that are numbers on both sides: by how much a row differs at most


class TrainReport(Value):
    """A fitted challenger: the file, its digest, and what was measured of it."""

    model_file: str
    sha256: str
    evaluation: Evaluation
    fit_days: tuple[DayMetrics, ...]  # of the challenger on the days it learnt from
    histogram: tuple[ScoreBin, ...]  # of the challenger's scores on the hold-out, CURVE_BINS wide
    importance: dict[str, float]  # mean absolute SHAP value of each feature, in log odds, largest first
    sampled: int  # rows of the hold-out that it was taken over
    threads: int  # of each worker
    libraries: dict[str, str] = {}  # versions of what decides the bytes beside the lock, by name
    seconds: dict[str, float]  # of each part


class TuneReport(Value):
    """Every trial of a tuning, in the order they were made."""

    trials: tuple[Trial, ...]
    stopped: Stopped  # what ended it
    fit_rows: int
    validation_rows: int
    seconds: float


class ScoreReport(Value):
    """Scored rows per date, with their fingerprint apart from trust."""

    dates: dict[date, Fingerprint]


class DateEvidence(Value):
    """What was measured of one date: facts by name, each with its value, bound and words."""

    data_date: date
    rows: int
    history_days: int
    facts: tuple["Fact", ...]
    profile: dict[str, float] = Field(default_factory=dict)


class Fact(Value):
    """One measured fact about one table of a date; `broken` makes it a hard fault of that table."""

    name: str  # e.g. identity:relative_humidity, ratio:schedule.distance, partial, stale
    table: str
    value: float | None
    bound: str
    broken: bool
    words: str
    severity: Severity = "critical"


class EvidenceReport(Value):
    """Evidence date by date: of candidates, of dates that later tables speak of, and how well published scores ranked."""

    dates: tuple[DateEvidence, ...]
    settled: tuple[DateEvidence, ...] = ()
    aucs: dict[date, float] = Field(default_factory=dict)  # of published scores, by date; none where a class is absent


Report = (
    WriteReport | AuditReport | FingerprintReport | ChangeReport | DoneReport
    | MatrixReport | MatrixChangeReport | TuneReport | TrainReport | ScoreMovesReport | FeatureSkewReport | ScoreReport
    | EvidenceReport
)  # fmt: skip
