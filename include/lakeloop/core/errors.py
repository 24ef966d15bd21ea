"""The tree of failures: one root, one line per class saying when it is raised."""

from collections.abc import Sequence


class LakeloopError(Exception):
    """The root: every failure that the platform explains is one of these."""


class InvalidInput(LakeloopError):
    """A parameter, name, date or file at the border does not fit its pattern or schema."""


class NoSuchName(InvalidInput):
    """A case or a table is asked for that there is not; the words name those there are. A command ends with exit code 2."""


class BadFile(InvalidInput):
    """A delivered file is not what its name, its manifest or its contract says; the delivery is refused with this code."""

    def __init__(self, words: str, code: str, mend: str = "deliver it again, whole") -> None:
        super().__init__(f"{words}; nothing of the delivery was published. Next: {mend}.")
        self.words, self.code, self.mend = words, code, mend


class StillArriving(LakeloopError):
    """A file of a delivery changes while it is read: the delivery waits for the next run, nothing of it was taken in."""


class ConfigurationError(LakeloopError):
    """A setting or a key is missing or contradicts another; nothing was started."""


class LakeError(LakeloopError):
    """Something about the lake; the subclasses say what."""


class NotFound(LakeError):
    """A repository, ref, commit or object does not exist."""


class AlreadyExists(LakeError):
    """A branch, tag or repository of that name exists."""


class Protected(LakeError):
    """A write or commit was aimed straight at a protected branch."""


class DirtyBranch(LakeError):
    """A merge met uncommitted objects on the source or the destination."""


class NothingToDo(LakeError):
    """A commit or a merge would change nothing; never proof that the work was done."""


class Unavailable(LakeError):
    """The lake did not answer, or its answer was lost: the outcome is unknown and must be read."""


class MergeConflict(LakeError):
    """Both sides changed the same objects; nothing was merged."""

    def __init__(self, message: str, paths: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.paths = tuple(paths)


class RefusedByHook(LakeError):
    """The server's gate said no; `reason` holds its words, `run_id` its run."""

    def __init__(self, message: str, reason: str = "", run_id: str = "") -> None:
        super().__init__(message)
        self.reason = reason
        self.run_id = run_id


class StaleHead(RefusedByHook):
    """main moved since the work's preconditions were evaluated: evaluate them again."""


class AlreadyPublished(RefusedByHook):
    """The receipt of this work is on main already."""


class PreconditionFailed(LakeloopError):
    """What the work relied on does not hold on main any more; nothing was merged."""


class Outdated(PreconditionFailed):
    """The act may still happen, but main moved so that what was written for it no longer fits: write it anew."""


class GateViolation(LakeloopError):
    """A branch does not attest what it wants to publish; nothing was merged."""


class AuditFailed(LakeloopError):
    """Every unit of a run was refused by its audit; nothing was published."""


class LeaseLost(LakeloopError):
    """Another publisher holds the lease, or took it over; nothing was merged."""


class Frozen(LakeloopError):
    """Publishing is frozen, or the freeze flag could not be read; nothing was merged."""


class SourceFailed(LakeloopError):
    """The feed did not answer, or refused the keys; nothing was taken in."""


class MachineFailed(LakeloopError):
    """The machine had no memory, disk or file handle left for a piece of work; it says nothing of what was worked on."""


class SparkFailed(LakeloopError):
    """A Spark job ended in an error; the run branch is kept, nothing was published."""


class RegistryFailed(LakeloopError):
    """MLflow refused or did not answer; the champion is unchanged."""


class OtherBytes(RegistryFailed):
    """A version's file is not the one that was recorded: it was changed, or its record was; it is not used."""


class DatabaseFailed(LakeloopError):
    """The platform database did not answer, or is not what the code expects; nothing was written to it."""


class LeakageFound(LakeloopError):
    """Features know what a prediction cannot know: one alone tells the label, or some move with what came later."""


class PromotionRefused(LakeloopError):
    """A challenger did not pass its gates; the champion is unchanged."""


class StackFailed(LakeloopError):
    """A part of the embedded stack did not come up, or is not what it should be."""


class OrchestratorFailed(LakeloopError):
    """Airflow refused or did not answer a call from outside; its runs are what its own pages say."""
