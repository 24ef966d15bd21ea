"""Whether a model was made again, and if not, what differs and what that may come from; pure."""

from collections.abc import Mapping, Sequence

from lakeloop.core.evaluation import CHALLENGER, Evaluation
from lakeloop.core.gate_policy import Metric
from lakeloop.core.reports import MatrixChangeReport, MatrixReport, TrainReport
from lakeloop.core.training import Fitted, TrainingSet
from lakeloop.core.value import Value
from lakeloop.core.words import counted

_METRICS: tuple[Metric, ...] = ("auc", "log_loss")


class Compared(Value):
    """One thing that was recorded, and the same made again."""

    what: str
    recorded: str
    again: str
    difference: str = ""  # how much, in words; empty where the two are equal

    @property
    def is_equal(self) -> bool:
        """Whether the two are the same."""
        return not self.difference


class Reproduction(Value):
    """A version beside what its own record gives when it is worked again."""

    model: str
    version: int
    compared: tuple[Compared, ...]
    causes: tuple[str, ...]  # what is not as it was when it was made
    restated: str = ""  # what main holds otherwise now; it changes nothing here, since the recorded commit was read

    @property
    def is_equal(self) -> bool:
        """Equal training set, equal bytes, equal metrics."""
        return all(one.is_equal for one in self.compared)


def sets_compared(known: TrainingSet, again: MatrixReport, changes: MatrixChangeReport | None) -> list[Compared]:
    """The two splits by digest; the first says which rows and columns differ."""
    found = []
    for name, was, now in (("fit", known.fit, again.fit), ("hold-out", known.holdout, again.holdout)):
        differs = was.digest != now.digest
        told = _told(changes) if differs and changes else "other rows" if differs else ""
        recorded, made = (_digest(one.rows, one.digest.hash) for one in (was, now))
        found.append(Compared(what=f"{name} rows, digest", recorded=recorded, again=made, difference=told))
    return found


def not_fitted(found: Fitted, gone: Sequence[str]) -> Compared:
    """The model of rows that lack what it learnt from."""
    differs = f"not fitted: the code does not compute {', '.join(gone)} any more"
    return Compared(what="model bytes, sha256", recorded=found.sha256[:16], again="", difference=differs)


def models_compared(found: Fitted, again: TrainReport) -> list[Compared]:
    """The bytes of the two models, and their metrics over the same days."""
    differs = (
        "" if found.sha256 == again.sha256 else f"{again.evaluation.model_bytes} bytes, {found.evaluation.model_bytes} recorded"
    )
    bytes_ = Compared(what="model bytes, sha256", recorded=found.sha256[:16], again=again.sha256[:16], difference=differs)
    return [bytes_, *(_metric(metric, found.evaluation, again.evaluation) for metric in _METRICS)]


def causes(known: TrainingSet, now: Mapping[str, str]) -> tuple[str, ...]:
    """What is not as it was, by name: `now` holds today's code_version, lock_digest, contract_version and features.

    Files a split and workers are those of the record; threads are the Spark server's (`layout_cause`).
    """
    was = {
        "code_version": known.code_version, "lock_digest": known.lock_digest, "contract_version": known.contract_version,
        "features": ",".join(known.features),
    }  # fmt: skip
    words = {"code_version": "code", "lock_digest": "lock", "contract_version": "contract", "features": "list of features"}
    return tuple(
        f"the {words[name]} is another one: {now[name][:40]}, {value[:40]} then"
        for name, value in was.items()
        if now[name] != value
    )


def layout_cause(found: Fitted, again: TrainReport) -> tuple[str, ...]:
    """The part of the layout that the Spark server decides: another number of threads may give other bytes."""
    if found.threads == again.threads:
        return ()
    return (f"the layout is another one: {counted(again.threads, 'thread')} a worker, {found.threads} then",)


def _metric(metric: Metric, was: Evaluation, now: Evaluation) -> Compared:
    before, after = was.daily(CHALLENGER, metric), now.daily(CHALLENGER, metric)
    shared = before.keys() & after.keys()
    largest = max((abs(before[day] - after[day]) for day in shared), default=0.0)
    missing = len(before.keys() ^ after.keys())
    told = [f"up to {largest:.2e} on a day"] if largest else []
    told += [f"{counted(missing, 'day')} without a partner"] if missing else []
    return Compared(
        what=f"{metric} by day", recorded=_mean(was, metric), again=_mean(now, metric), difference=" and ".join(told)
    )  # fmt: skip


def _mean(measured: Evaluation, metric: Metric) -> str:
    mean = measured.mean(CHALLENGER, metric)
    return "none" if mean is None else f"{mean:.6f}"


def _digest(rows: int, digest: str) -> str:
    return f"{rows:,} {digest[:16]}"


def _told(changes: MatrixChangeReport) -> str:
    columns = ", ".join(f"{name} in {count:,}" for name, count in sorted(changes.columns.items(), key=lambda one: -one[1])[:5])
    return changes.rows.words + (f" ({columns})" if columns else "")
