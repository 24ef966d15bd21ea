"""Reports: what a Spark job answers; small, typed, JSON."""

from datetime import date
from typing import Self

from pydantic import Field, model_validator

from lakeloop.core.use_case import Value


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


class UnitWritten(Value):
    """One unit after the write; with a refusal nothing of it stands in clean/ of the branch."""

    table: str
    data_date: date
    delivery: int
    account: RowAccount
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


class UnitAudit(Value):
    """The audit of one unit."""

    table: str
    data_date: date
    checks: tuple[Check, ...]
    fingerprint: Fingerprint

    @property
    def passed(self) -> bool:
        """True when every check passed; a unit without checks has not passed."""
        return bool(self.checks) and all(check.passed for check in self.checks)


class AuditReport(Value):
    """The audit of a run's units, with the pages to keep as evidence (file name -> text)."""

    units: tuple[UnitAudit, ...]
    pages: dict[str, str] = Field(default_factory=dict)


class FingerprintReport(Value):
    """Fingerprints by table path, then by value of the slice column; absent values are absent."""

    tables: dict[str, dict[str, Fingerprint]]


class DoneReport(Value):
    """A job that only writes: rows written."""

    rows: int = 0


class TrainReport(Value):
    """A fitted challenger: the file, its digest, and metrics of model and baselines."""

    model_file: str
    sha256: str
    train_rows: int
    holdout_rows: int
    unlabelled_rows: int
    metrics: dict[str, float]  # e.g. auc, log_loss, baseline_carrier_auc
    feature_gain: dict[str, float] = Field(default_factory=dict)


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


class EvidenceReport(Value):
    """Evidence date by date."""

    dates: tuple[DateEvidence, ...]


Report = (
    WriteReport | AuditReport | FingerprintReport | DoneReport | TrainReport | ScoreReport | EvidenceReport
)  # fmt: skip
