"""Everything outside, seen from inside."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import date, datetime
from typing import Literal, NamedTuple, Protocol

from lakeloop.core.contract import TableContract
from lakeloop.core.curves import Point
from lakeloop.core.evaluation import CalibrationBin
from lakeloop.core.files import FileShape
from lakeloop.core.jobs import AnyJob, Slice
from lakeloop.core.lake import Stored
from lakeloop.core.receipts import LandedRecord
from lakeloop.core.reports import Fingerprint, Refusal, Report
from lakeloop.core.retraining import Cause
from lakeloop.core.tuning import Trial
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


class At(NamedTuple):
    """An object as it is at a commit: it never changes."""

    commit: str
    path: str


class Lake(Protocol):
    """The versioned lake; every failure is one of `lakeloop.core.errors.LakeError`."""

    repository: str

    def head(self, branch: str) -> str:
        """The commit id at the head of a branch."""

    def commit_of(self, ref: str) -> Commit:
        """The commit a ref points to."""

    def log(self, ref: str) -> Iterator[Commit]:
        """First-parent history, newest first."""

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

    def gather(self, wanted: Sequence[At]) -> dict[At, bytes]:
        """Small objects at commits, side by side; what is not there is left out."""

    def kept_state(self, of: str, commits: Sequence[str]) -> tuple[str, bytes] | None:
        """One of the commits at which a state of something is kept, as this code folded it, and that state.

        It is the first of them that has one, or one that this process has read before. To lose it costs another fold and no more.
        """

    def keep_state(self, of: str, commit: str, state: bytes) -> None:
        """Keep the state of something at a commit, which all before that commit decides."""

    def tag(self, name: str, commit: str) -> None:
        """Give a commit a name that keeps it; the same name for another commit is refused."""

    def retag(self, name: str, commit: str) -> None:
        """Give a name to this commit, whichever had it before; what only the other one's name kept is not kept any more."""

    def exists(self, ref: str, path: str) -> bool:
        """Whether an object exists at a ref."""

    def put(self, branch: str, path: str, content: bytes) -> None:
        """Stage an object on a branch."""

    def remove(self, branch: str, paths: Sequence[str]) -> None:
        """Stage the removal of objects; a missing one is no error."""

    def list(self, ref: str, prefix: str) -> Iterator[str]:
        """Paths of the objects under a prefix."""

    def stored(self, ref: str, prefix: str) -> Iterator[Stored]:
        """The objects under a prefix with their bytes; of a branch also what is staged."""


class Taken(NamedTuple):
    """The bytes of a delivery, read once, and the record of exactly these bytes (its number is 0 still)."""

    record: LandedRecord
    contents: Mapping[str, bytes]  # by name, manifest.json among them
    rows: Mapping[str, int]  # by name, as its manifest promises them


class Arrival(Protocol):
    """One complete delivery in the source, not yet in the lake."""

    record: LandedRecord  # what its sender says of it, its bytes unread

    def size(self) -> int:
        """Bytes of it that stand in the source now, whatever its sender says."""

    def take(self) -> Taken:
        """Read it; whatever is wrong with it is damage on its record.

        Raises:
            StillArriving: a file of it changed meanwhile.
        """

    def seen(self) -> LandedRecord | None:
        """The record of its damage, where it was taken before and no file of it was touched since; None where it was not."""


class Memory(Protocol):
    """What was read of a source, by stamps that say how it stood there; to lose it costs another look and no more."""

    def recall(self, stamps: Sequence[str]) -> dict[str, bytes]:
        """What is kept under those of the stamps that there are."""

    def keep(self, seen: Mapping[str, bytes]) -> None:
        """Keep what was read, each under its stamp; nothing under an empty one."""


class Stray(NamedTuple):
    """Something that looks like a delivery and cannot be taken in, with the reason."""

    path: str
    why: str


class Feed(NamedTuple):
    """What stands in a source."""

    arrivals: Sequence[Arrival]  # every complete delivery of the case's tables; one without a manifest is not complete
    strays: Sequence[Stray]  # what looks like a delivery and is of none of its tables and dates, and folders that are no case's


class Source(Protocol):
    """Where deliveries arrive."""

    def walk(self, case: UseCase) -> Feed:
        """Go over what stands there for a case, once; what was not touched since another walk is not read again."""


class Inspection(NamedTuple):
    """What the files of a delivery turned out to be, and why none of them may be read as rows."""

    shapes: tuple[FileShape, ...]
    refusal: Refusal | None = None


class Inspector(Protocol):
    """Looks at a delivery's bytes before a job opens them."""

    def inspect(self, contract: TableContract, contents: Mapping[str, bytes], rows: Mapping[str, int]) -> Inspection:
        """Compare data files, by name, with their contract and with the rows that are promised of each."""


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


class TableFiles(Protocol):
    """Delta tables of the lake by their data files, whoever wrote them."""

    def files(self, ref: str, table: str) -> frozenset[str]:
        """What the newest version at a ref holds, by path below the table; nothing for an absent table."""

    def drop(self, branch: str, piece: Slice) -> None:
        """Take a slice of whole partitions out of a table by one entry of its log that does nothing else."""


class SparkRunner(Protocol):
    """Runs a job on the one Spark, in a session of its own with a deterministic id."""

    def run(self, job: AnyJob, heard: Callable[[Trial], None] | None = None) -> Report:
        """Run to the end; SparkFailed says what, on which branch and what was not done. A tuning tells `heard` each trial."""


class ModelVersion(NamedTuple):
    """One registered version."""

    name: str
    version: int
    sha256: str
    run_id: str
    tags: Mapping[str, str]


class OpenRun(NamedTuple):
    """A training run, its tuning or a trial of one that nobody has ended."""

    id: str
    name: str
    airflow_run: str  # the run of Airflow that opened it; empty where it does not say
    started: datetime


class LearntFrom(NamedTuple):
    """One split of a training set, as the run that used it names it."""

    name: str
    uri: str  # lakefs://repository@commit/path
    digest: str
    rows: int
    context: str  # training or evaluation


class Pictures(NamedTuple):
    """What a model's pictures are drawn from."""

    title: str
    points: Sequence[Point]
    calibration: Sequence[CalibrationBin]
    importance: Mapping[str, float]


class TrainingRuns(Protocol):
    """Where fits are written down; every failure is RegistryFailed."""

    def made(self, model: str, run_key: str) -> ModelVersion | None:
        """The version that a piece of work registered before, its run then finished; or None."""

    def causes(self, model: str, besides: str = "") -> Sequence[Cause]:
        """The causes (a tag) of finished runs, one a run, without those of Airflow's run `besides`."""

    def running(
        self, model: str, run_key: str, params: Mapping[str, str], tags: Mapping[str, str]
    ) -> AbstractContextManager[str]:
        """A run that is open while the block runs, and failed when it raises; gives its id."""

    def record(
        self,
        run_id: str,
        *,
        model: str,
        model_file: str,
        sha256: str,
        metrics: Mapping[str, float],
        daily: Mapping[str, Mapping[date, float]],
        learnt: Sequence[LearntFrom],
        pictures: Pictures,
        tags: Mapping[str, str],
    ) -> ModelVersion:
        """Log what was measured and register the UBJ once per `run_key` (a tag)."""

    def tuning(self, model: str, run_key: str, params: Mapping[str, str], tags: Mapping[str, str]) -> AbstractContextManager[str]:
        """As `running`, for the run that the trials of a tuning stand below; it counts as no fit."""

    def tried(self, parent: str, trial: Trial, metric: str) -> None:
        """Write down a trial that ended, as a run below its parent: parameters, the metric, state and times."""

    def tag(self, run_id: str, tags: Mapping[str, str]) -> None:
        """Say more of a run that is open."""

    def unended(self, model: str) -> list[OpenRun]:
        """The platform's own runs of a model that are open, oldest first."""

    def close(self, model: str, run_id: str, why: str) -> bool:
        """End a run that its try left open, as killed and with a word why, or as finished where it made a version.

        False when it was ended meanwhile.
        """

    def fail_unfinished(self, model: str, why: str) -> list[str]:
        """Mark half uploaded models as failed, with a word why, whose run is over; their ids."""

    def describe(self, version: ModelVersion, words: str, files: Mapping[str, str]) -> None:
        """Give a version its model card, and its run small text files."""


class ModelRegistry(Protocol):
    """Model versions; every failure is RegistryFailed."""

    def version(self, model: str, version: int) -> ModelVersion:
        """One registered version."""

    def versions(self, model: str) -> list[ModelVersion]:
        """Every version that a training run registered, oldest first."""

    def metrics(self, model: str, version: int) -> Mapping[str, float]:
        """What the run of a version measured, by name."""

    def download(self, model: str, version: int, sha256: str, folder: str) -> str:
        """Fetch the UBJ file of a version into a folder; its path, or OtherBytes when it has another sha256."""

    def aliases(self, model: str) -> dict[str, int]:
        """Each alias and the version it points to; none of a model nobody registered."""

    def point(self, model: str, alias: str, version: int | None) -> None:
        """Give an alias to a version, or take it away; idempotent."""

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
