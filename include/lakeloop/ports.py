"""Everything outside, seen from inside."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Literal, NamedTuple, Protocol

from lakeloop.core.jobs import AnyJob, Slice
from lakeloop.core.receipts import LandedRecord
from lakeloop.core.reports import Fingerprint, Report
from lakeloop.core.use_case import UseCase


class Commit(NamedTuple):
    """One commit of the lake; a merge has two parents, the destination's first."""

    id: str
    parents: tuple[str, ...]
    metadata: Mapping[str, str]
    message: str
    created: datetime


class Branch(NamedTuple):
    """A branch and its head."""

    name: str
    head: str


class Change(NamedTuple):
    """One object that differs between two refs."""

    path: str
    type: Literal["added", "removed", "changed"]


class Lake(Protocol):
    """The versioned lake; every failure is one of `lakeloop.core.errors.LakeError`."""

    repository: str

    def head(self, branch: str) -> str:
        """The commit id at the head of a branch."""

    def commit_of(self, ref: str) -> Commit:
        """The commit a ref points to."""

    def log(self, ref: str, *, stop_at: str = "") -> Iterator[Commit]:
        """First-parent history, newest first, up to and including `stop_at`."""

    def branches(self, prefix: str) -> Iterator[Branch]:
        """Branches whose names begin with a prefix."""

    def create_branch(self, name: str, source: str) -> str:
        """Create a branch; returns its head."""

    def delete_branch(self, name: str) -> None:
        """Delete a branch; a missing one is no error."""

    def commit(self, branch: str, message: str, metadata: Mapping[str, str]) -> str:
        """Commit everything staged on a branch; returns the commit id."""

    def merge(self, source: str, into: str, message: str, metadata: Mapping[str, str]) -> str:
        """Merge a branch, never with a strategy or force; returns the merge commit's id."""

    def diff(self, left: str, right: str, prefix: str = "") -> Iterator[Change]:
        """Objects that differ between two commits (two-dot)."""

    def uncommitted(self, branch: str) -> Iterator[Change]:
        """Objects staged on a branch and not committed."""

    def get(self, ref: str, path: str) -> bytes:
        """A small object's bytes."""

    def exists(self, ref: str, path: str) -> bool:
        """Whether an object exists at a ref."""

    def put(self, branch: str, path: str, content: bytes) -> None:
        """Stage an object on a branch."""

    def list(self, ref: str, prefix: str) -> Iterator[str]:
        """Paths of the objects under a prefix."""


class Taken(NamedTuple):
    """The bytes of a delivery, read once, and the record of exactly these bytes (its number is 0 still)."""

    record: LandedRecord
    contents: Mapping[str, bytes]  # by name, manifest.json among them


class Arrival(Protocol):
    """One complete delivery in the source, not yet in the lake."""

    record: LandedRecord  # what its sender says of it, its bytes unread

    def take(self) -> Taken:
        """Read it; whatever is wrong with it is damage on its record, never an error."""


class Stray(NamedTuple):
    """Something that looks like a delivery and cannot be taken in, with the reason."""

    path: str
    why: str


class Source(Protocol):
    """Where deliveries arrive."""

    def arrivals(self, case: UseCase) -> Iterator[Arrival]:
        """Every complete delivery of the case's tables; one without a manifest is not complete."""

    def strays(self, case: UseCase) -> Iterator[Stray]:
        """What looks like a delivery of the case and belongs to none of its tables and dates."""


class Tables(Protocol):
    """Delta tables of the lake, written and compared by slices; `source` and `ref` are refs."""

    def fingerprints(self, ref: str, slices: Sequence[Slice], without: Sequence[str] = ()) -> dict[tuple[str, str], Fingerprint]:
        """(table path, value) to fingerprint; an absent slice is absent."""

    def copy(self, source: str, branch: str, slices: Sequence[Slice], assign: Mapping[str, str] | None = None) -> None:
        """Make slices on the branch equal to the source's, absence included."""

    def update(self, branch: str, slices: Sequence[Slice], column: str, value: str) -> None:
        """Set a column to a constant on slices."""

    def append(self, branch: str, table: str, rows: Sequence[Mapping[str, str | int | float | None]]) -> None:
        """Append a few rows to a small table, creating it when absent."""


class SparkRunner(Protocol):
    """Runs a job on the one Spark, in a session of its own with a deterministic id."""

    def run(self, job: AnyJob) -> Report:
        """Run to the end; SparkFailed says what, on which branch and what was not done."""


class ModelVersion(NamedTuple):
    """One registered version."""

    name: str
    version: int
    sha256: str
    run_id: str
    tags: Mapping[str, str]


class ModelRegistry(Protocol):
    """Runs and model versions; every failure is RegistryFailed."""

    def record(
        self,
        *,
        model: str,
        run_key: str,
        model_file: str,
        sha256: str,
        params: Mapping[str, str],
        metrics: Mapping[str, float],
        tags: Mapping[str, str],
    ) -> ModelVersion:
        """Log a run and register its UBJ once per run key: a retry finds the version made before."""

    def version(self, model: str, version: int) -> ModelVersion:
        """One registered version."""

    def download(self, model: str, version: int, folder: str) -> str:
        """Fetch the UBJ file of a version into a folder, checked against its sha256; its path."""

    def point_champion(self, model: str, version: int) -> None:
        """Copy the promotion ledger's word to the alias `champion`; idempotent."""

    def flag(self, model: str, version: int, key: str, value: str) -> None:
        """Put a tag on a version, e.g. that it read withdrawn data."""


class Lease(Protocol):
    """One publisher at a time, with an epoch that grows at every take-over."""

    def hold(self, name: str, holder: str) -> AbstractContextManager[int]:
        """Take the lease (waiting a bounded time) and give its epoch; LeaseLost otherwise."""

    def frozen(self) -> str | None:
        """Why publishing and retraining are frozen, or None; raises Frozen when that cannot be read."""

    def check_not_frozen(self) -> None:
        """Raise Frozen when publishing is frozen, or when that cannot be read."""


class AlertOutbox(Protocol):
    """Where alerts wait to be sent; enqueueing never fails a run."""

    def enqueue(self, *, key: str, severity: str, title: str, body: Mapping[str, str], channel: str) -> None:
        """Keep one message until it was sent; the same key is kept once."""
