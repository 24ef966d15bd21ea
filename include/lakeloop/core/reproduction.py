"""Whether a model was made again, and if not, what differs and what that may come from; pure."""

from collections.abc import Sequence
from typing import NamedTuple

from lakeloop.core.evaluation import CHALLENGER, Evaluation
from lakeloop.core.gate_policy import Condition, Metric
from lakeloop.core.reports import MatrixChangeReport, MatrixReport, RowChange, TrainReport, UnitChange
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
    causes: tuple[str, ...]  # what is not as it was when it was made, one by one, and by how much
    left_out: tuple[str, ...] = ()  # gates of today that the record has no columns for
    restated: tuple[str, ...] = ()  # by table what main holds otherwise now: no cause, since the recorded commit was read

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


def not_written(known: TrainingSet, why: Exception) -> Compared:
    """The rows that today's code refuses to write, or to set beside those of then."""
    recorded = _digest(known.fit.rows, known.fit.digest.hash)
    return Compared(what="fit rows, digest", recorded=recorded, again="", difference=f"not written: {why}")


def not_fitted(found: Fitted, gone: Sequence[str]) -> Compared:
    """The model of rows that lack what it learnt from, or that there are none of."""
    why = f"the code does not compute {', '.join(gone)} any more" if gone else "there are no rows to fit"
    differs = f"not fitted: {why}"
    return Compared(what="model bytes, sha256", recorded=found.sha256[:16], again="", difference=differs)


def models_compared(found: Fitted, again: TrainReport) -> list[Compared]:
    """The bytes of the two models, and their metrics over the same days."""
    differs = (
        "" if found.sha256 == again.sha256 else f"{again.evaluation.model_bytes} bytes, {found.evaluation.model_bytes} recorded"
    )
    bytes_ = Compared(what="model bytes, sha256", recorded=found.sha256[:16], again=again.sha256[:16], difference=differs)
    return [bytes_, *(_metric(metric, found.evaluation, again.evaluation) for metric in _METRICS)]


class Today(NamedTuple):
    """What would make a version now."""

    code_version: str
    lock_digest: str
    contract_version: str
    features: tuple[str, ...]


def causes(known: TrainingSet, now: Today) -> tuple[str, ...]:
    """What is not as it was, each by itself.

    Files a split and workers are those of the record; threads and libraries are seen in a fit (`causes_in_fit`).
    """
    told = (
        _moved("code", now.code_version, known.code_version), _moved("lock", now.lock_digest, known.lock_digest),
        _contract(now.contract_version, known.contract_version), _features(now.features, known.features),
    )  # fmt: skip
    return tuple(filter(None, told))


def _moved(name: str, now: str, was: str) -> str:
    return "" if now == was else f"the {name} is another one: {now or 'none'}, {was or 'none'} then"


def _contract(now: str, was: str) -> str:
    """The tables alone whose contracts differ: `sales2, sales1 then`."""
    new, old = now.split("-"), was.split("-")
    came, gone = ("-".join(one for one in side if one not in other) for side, other in ((new, old), (old, new)))
    return _moved("contract", came or now, gone or was) if now != was else ""


def _features(now: Sequence[str], was: Sequence[str]) -> str:
    sides = {"added": [name for name in now if name not in was], "gone": [name for name in was if name not in now]}
    told = [f"{', '.join(names)} {what}" for what, names in sides.items() if names]
    if not told and tuple(now) != tuple(was):
        told = ["in another order"]
    return f"the list of features is another one: {'; '.join(told)}" if told else ""


def left_out(gates: Sequence[Condition], known: TrainingSet, entity: Sequence[str], date_column: str) -> tuple[str, ...]:
    """Today's gates that are about columns which the record does not have."""
    columns = {*entity, *known.features, date_column}
    asked = {gate.name: [name for name in gate.columns() if name not in columns] for gate in gates}
    return tuple(f"gate {name} asks for {', '.join(missing)}" for name, missing in asked.items() if missing)


def restated(units: Sequence[UnitChange]) -> tuple[str, ...]:
    """A table a line: how many dates main holds otherwise than they were read, and what that is in rows."""
    tables = dict.fromkeys(unit.table for unit in units)
    return tuple(_restated(table, [unit for unit in units if unit.table == table]) for table in tables)


def _restated(table: str, units: Sequence[UnitChange]) -> str:
    names = RowChange.model_fields
    rows = RowChange(**{name: sum(getattr(unit.change, name) for unit in units) for name in names})
    first = min(unit.data_date for unit in units)
    dates = f"{counted(len(units), 'date')} of what it learnt from, first {first}"
    return f"{table}: {dates}, restated or withdrawn since: {rows.words or 'no rows on either side'}"


def causes_in_fit(found: Fitted, again: TrainReport) -> tuple[str, ...]:
    """What a fit ran with otherwise than the recorded one: libraries, and threads that the Spark server gives a worker."""
    layout = f"the layout is another one: {counted(again.threads, 'thread')} a worker, {found.threads} then"
    was = found.libraries or again.libraries  # an older record does not know: the lock tells
    names = sorted(name for name in was.keys() | again.libraries.keys() if was.get(name) != again.libraries.get(name))
    each = ", ".join(f"{name} {again.libraries.get(name, 'none')} ({was.get(name, 'none')} then)" for name in names)
    told = (layout if found.threads != again.threads else "", f"the libraries are other ones: {each}" if each else "")
    return tuple(filter(None, told))


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
