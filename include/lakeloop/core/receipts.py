"""Receipts: what a merge into main attests; one JSON object a piece of work."""

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter, field_validator

from lakeloop.core.files import FileShape
from lakeloop.core.gates import GateResult
from lakeloop.core.lake import ACTIONS, EVIDENCE, HOOKS, PROMOTIONS, Delivery, UnitId, landing, said_by
from lakeloop.core.reports import Fingerprint, Refusal, RowAccount, RowChange
from lakeloop.core.value import Value

# What a file can be refused for under one contract and fit under another; every other damage is for good.
_BY_CONTRACT = frozenset({"file_name", "format", "delimiter", "header", "file_limits"})
_BROKEN = "damaged"

Reads = dict[str, dict[str, list[date]]]  # table -> receipt (run key) -> data dates


class UnitRecord(Value):
    """A delivery of one (table, data date), as receipts write it down."""

    table: str
    data_date: date
    delivery: int
    sha256: str

    @property
    def unit(self) -> UnitId:
        """The (table, data date)."""
        return UnitId(self.table, self.data_date)

    @property
    def id(self) -> Delivery:
        """The delivery."""
        return Delivery(self.unit, self.delivery, self.sha256)


class LandedRecord(UnitRecord):
    """A delivery whose bytes are in landing/."""

    files: tuple[str, ...]
    rows: int
    source: str
    delivered_at: datetime
    folder: str = ""  # its own in the feed: of two deliveries sent at one time it says which is the newer
    damage: str = ""  # why nothing of it may be read; such a delivery is refused
    damage_code: str = _BROKEN  # the same for machines, e.g. not_utf8; says nothing while there is no damage
    shapes: tuple[FileShape, ...] = ()  # of its data files, as the intake found them; none on receipts of before

    @property
    def refusal(self) -> Refusal | None:
        """Its damage as a refusal."""
        return Refusal(code=self.damage_code, message=self.damage) if self.damage else None

    @property
    def is_broken(self) -> bool:
        """Whether its bytes are not what its manifest promised."""
        return bool(self.damage) and self.damage_code == _BROKEN

    @property
    def is_lost(self) -> bool:
        """Whether it is damaged in a way that no contract mends."""
        return bool(self.damage) and self.damage_code not in _BY_CONTRACT

    def path(self, case: str) -> str:
        """The folder of its bytes."""
        return landing(case, self.id)


class PublishedRecord(UnitRecord):
    """A delivery that main holds from this merge on."""

    account: RowAccount
    fingerprint: Fingerprint
    delivered_at: datetime
    available_at: datetime
    restates: str = ""  # run key of the receipt whose rows it replaced
    reinstated: str = ""  # who let withdrawn bytes back, and why; empty where these bytes were never withdrawn
    retried: str = ""  # who had a refused delivery tried again, and why
    replayed: str = ""  # who had a published delivery written again, and why
    change: RowChange | None = None  # of a restatement, against the rows it replaced
    read_by: tuple[date, ...] = ()  # of a restatement: dates whose published scores had read the rows it replaced
    warnings: tuple[str, ...] = ()  # what its audit did not like and let pass


class BackdatedRecord(UnitRecord):
    """A delivery that main holds, and whose unit was available earlier than its rows said; all else of them is as it was."""

    owner: str  # run key of the data receipt that its rows belong to
    available_at: datetime
    fingerprint: Fingerprint


class RefusedRecord(UnitRecord):
    """A delivery that was refused; not tried again until something changes."""

    refusal: Refusal
    account: RowAccount | None = None
    retried: str = ""  # who had it tried again, and why
    replayed: str = ""  # who had it written again while main holds it, and why


class ScoredRecord(Value):
    """One scored date: what it holds and what it read."""

    data_date: date
    fingerprint: Fingerprint
    reads: Reads


class JudgedRecord(Value):
    """One judged date: the verdict, its trust, and the scores published with it."""

    data_date: date
    verdict: str
    trust: str
    words: str = ""
    fingerprint: Fingerprint | None = None
    reads: Reads = Field(default_factory=dict)


class SettledRecord(Value):
    """A date that a later table spoke of: which receipts were compared, and what came of it."""

    data_date: date
    sources: dict[str, str]  # table -> receipt (run key) of that date
    words: str
    trust: str = ""  # of scores that read what a person accepted at fault; empty: nobody had to
    tables: tuple[str, ...] = ()  # whose rows are at fault, and were accepted; none on receipts of before, which meant all

    def degrades(self, reads: Reads) -> bool:
        """Whether scores that read these had rows of the date that a person accepted at fault."""
        faulty = {table: self.sources.get(table, "") for table in self.tables or self.sources}
        return bool(self.trust) and any(self.data_date in reads.get(table, {}).get(key, ()) for table, key in faulty.items())


class WithdrawnRecord(UnitRecord):
    """A delivery taken back: the merge condemned and what stands there now."""

    condemned: str  # run key of the data receipt
    condemned_commit: str
    back_to: str = ""  # run key of the receipt that owns the rows again; empty = absence
    fingerprint: Fingerprint | None = None
    verdict: str = "data_fault"
    words: str = ""


class Receipt(Value):
    """What every receipt says of its work."""

    run_key: str
    case: str
    stage: str
    base_commit: str
    audited_commit: str
    gate_version: str
    code_version: str
    actor: str
    run_id: str
    created_at: datetime

    def allows(self, path: str) -> bool:
        """Whether this kind of work may change an object of main, beside its receipt and evidence."""
        return path.startswith(self.prefixes())

    def prefixes(self) -> tuple[str, ...]:
        """The prefixes this kind of work may change."""
        return ()


class BootstrapReceipt(Receipt):
    """The gate's own arrival."""

    kind: Literal["bootstrap"] = "bootstrap"

    def prefixes(self) -> tuple[str, ...]:
        """Hook files."""
        return (ACTIONS, HOOKS)


class MaintenanceReceipt(Receipt):
    """A newer gate."""

    kind: Literal["maintenance"] = "maintenance"

    def prefixes(self) -> tuple[str, ...]:
        """Hook files only."""
        return (ACTIONS, HOOKS)


class IntakeReceipt(Receipt):
    """Bytes that arrived."""

    kind: Literal["intake"] = "intake"
    landed: tuple[LandedRecord, ...]

    def prefixes(self) -> tuple[str, ...]:
        """landing/ of the case."""
        return (f"landing/{self.case}/",)


class DataReceipt(Receipt):
    """Units published, and those of the same run that were refused."""

    kind: Literal["data"] = "data"
    contract_version: str
    published: tuple[PublishedRecord, ...]
    refused: tuple[RefusedRecord, ...] = ()

    def prefixes(self) -> tuple[str, ...]:
        """clean/ and quarantine/ of the case."""
        return (f"clean/{self.case}/", f"quarantine/{self.case}/")


class RefusalReceipt(Receipt):
    """A run all of whose units were refused."""

    kind: Literal["refusal"] = "refusal"
    contract_version: str
    refused: tuple[RefusedRecord, ...]

    def prefixes(self) -> tuple[str, ...]:
        """quarantine/ of the case."""
        return (f"quarantine/{self.case}/",)


class BackdatingReceipt(Receipt):
    """Units of which an older delivery arrived late: nothing but `available_at` of main's rows is another."""

    kind: Literal["backdating"] = "backdating"
    backdated: tuple[BackdatedRecord, ...]

    def prefixes(self) -> tuple[str, ...]:
        """clean/ of the case."""
        return (f"clean/{self.case}/",)


class ScoresReceipt(Receipt):
    """A candidate: scores of some dates on a branch of their own, never merged itself."""

    kind: Literal["scores"] = "scores"
    data_commit: str
    model_name: str
    model_version: int
    model_sha256: str
    contract_version: str
    dates: tuple[ScoredRecord, ...]


class ActReceipt(Receipt):
    """Candidate dates that were judged and published with their trust, or dates that are settled."""

    kind: Literal["act"] = "act"
    candidate: str  # run key of the scores receipt; empty where dates are settled
    candidate_branch: str
    candidate_commit: str
    model_version: int
    judged: tuple[JudgedRecord, ...]
    settled: tuple[SettledRecord, ...] = ()

    def prefixes(self) -> tuple[str, ...]:
        """scores/ and watch/ of the case, and what the candidate said of itself."""
        return (f"scores/{self.case}/", f"watch/{self.case}/", *said_by(self.candidate))


class RecalledRecord(Value):
    """Published scores of a date that had read withdrawn data."""

    data_date: date
    scores: str  # run key of the scores receipt
    rows: int


class WithdrawalReceipt(Receipt):
    """Units taken back, with the recall of every published score that had read them."""

    kind: Literal["withdrawal"] = "withdrawal"
    withdrawn: tuple[WithdrawnRecord, ...]
    recalled: tuple[RecalledRecord, ...] = ()
    dropped: tuple[str, ...] = ()  # run keys of candidates that read them
    flagged_models: tuple[int, ...] = ()
    incident: str = ""

    def prefixes(self) -> tuple[str, ...]:
        """clean/, scores/ and watch/ of the case."""
        return (f"clean/{self.case}/", f"scores/{self.case}/", f"watch/{self.case}/")


class PromotionReceipt(Receipt):
    """A model version that became champion, or came back as champion."""

    kind: Literal["promotion"] = "promotion"
    seq: int
    model_name: str
    model_version: int
    model_sha256: str
    data_commit: str
    metrics: dict[str, float]
    gates: tuple[GateResult, ...]
    reads: Reads
    trained_to: date | None = None  # the last day it learnt from
    action: Literal["promote", "rollback"] = "promote"
    previous: int | None = None  # the version that was champion until then
    reason: str = ""  # why a person asked for it; empty: its training run did
    approved_by: str = ""  # who answered for it; empty: its gates left nothing to ask
    approved_why: str = ""
    evaluation: str = ""  # sha256 of its evidence, gates.json

    @field_validator("gates", mode="before")
    @classmethod
    def _in_records(cls, gates: Any) -> Any:
        """Receipts of before hold a sentence a gate, and none of a gate that failed."""
        return [{"name": "", "outcome": "pass", "words": one} if isinstance(one, str) else one for one in gates]

    def prefixes(self) -> tuple[str, ...]:
        """The promotion ledger."""
        return (PROMOTIONS,)


class RemovedRecord(Value):
    """What a retention took from one folder."""

    what: Literal["landing", "evidence", "quarantine", "versions"]
    path: str  # the folder of a delivery, of some work's evidence, or of a Delta table; with a closing slash
    objects: int
    size: int
    digest: str  # sha256 over the sorted paths of what went, one a line
    because: str


class RetentionReceipt(Receipt):
    """What was past its time by contract, taken from main's head; old commits hold it still."""

    kind: Literal["retention"] = "retention"
    reason: str
    removed: tuple[RemovedRecord, ...]
    deliveries: tuple[UnitRecord, ...] = ()  # whose bytes went

    def prefixes(self) -> tuple[str, ...]:
        """Everything of the case but its receipts, and evidence; of these it may only take away."""
        return (*(f"{folder}/{self.case}/" for folder in ("landing", "clean", "quarantine", "scores", "watch")), EVIDENCE)


AnyReceipt = (
    BootstrapReceipt | MaintenanceReceipt | IntakeReceipt | DataReceipt | RefusalReceipt
    | BackdatingReceipt | ScoresReceipt | ActReceipt | WithdrawalReceipt | PromotionReceipt | RetentionReceipt
)  # fmt: skip
RECEIPT: TypeAdapter[AnyReceipt] = TypeAdapter(Annotated[AnyReceipt, Field(discriminator="kind")])
