"""A try of today's code: what it makes of a commit's days, beside what the champion's own record says of them; pure."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Literal

from lakeloop.core.contract_change import ContractChange
from lakeloop.core.evaluation import CHALLENGER, CHAMPION, Evaluation
from lakeloop.core.gain_interval import gain_interval
from lakeloop.core.gate_policy import Metric
from lakeloop.core.gates import GateResult
from lakeloop.core.reports import MatrixChangeReport, RowChange
from lakeloop.core.score_moves import ScoreMovesReport
from lakeloop.core.value import Value
from lakeloop.core.words import counted

METRICS: tuple[Metric, ...] = ("auc", "log_loss")


class Reread(Value):
    """The landed bytes of some published dates of one table, read again under today's contract."""

    table: str
    first: date
    last: date
    dates: int
    rows_in: int
    published: tuple[int, int]  # as the receipts say, and now
    quarantined: tuple[int, int]
    reasons: dict[str, tuple[int, int]] = {}  # first reasons of rows in quarantine; only those whose number changes
    change: RowChange = RowChange()  # of the published rows, under the table's key
    refused: tuple[str, ...] = ()  # dates that would be refused, with the reason

    @property
    def is_none(self) -> bool:
        """Whether every row ends where it ended."""
        return self.change.is_none and not self.reasons and not self.refused and self.published[0] == self.published[1]


class ContractTrial(Value):
    """What today's contracts change, and what that does to rows that are published."""

    changes: tuple[ContractChange, ...]
    tables: tuple[Reread, ...] = ()
    not_covered: tuple[str, ...] = ()


class FeatureMove(Value):
    """One column of the training set that is not what was recorded."""

    name: str
    what: Literal["added", "removed", "changed"]
    rows: int = 0  # of those that both sides have
    largest: float | None = None  # difference of a row; null of categories, and where one side has no number


class MetricMove(Value):
    """A metric of the hold-out by the record and by the try: means over days, and the paired gain a day with its interval."""

    metric: Metric
    before: float | None
    after: float | None
    gain: float | None = None  # above zero is better, whatever the metric
    low: float | None = None
    high: float | None = None
    days: int = 0  # that both have


class DayMove(Value):
    """One hold-out day by the record and by the try."""

    data_date: date
    metric: Metric
    before: float | None
    after: float | None


class SliceLoss(Value):
    """The mean log loss of one group of hold-out rows."""

    column: str
    value: str
    rows: int
    before: float | None
    after: float

    @property
    def worse_by(self) -> float | None:
        """Nats a row, above zero is worse; None where the record does not know the group."""
        return None if self.before is None else self.after - self.before


class SplitRows(Value):
    """Rows with a label of one split, as recorded and now."""

    split: str
    first: date
    last: date
    days: int
    before: int | None
    after: int
    positives_before: int | None
    positives_after: int
    is_same: bool | None  # by digest; None without a record


class Trial(Value):
    """Everything that a try shows; nothing of it is kept."""

    model: str
    commit: str
    champion: int | None  # the version whose record stands beside it
    splits: tuple[SplitRows, ...]
    rows: RowChange | None = None
    features: tuple[FeatureMove, ...] = ()
    settings: tuple[str, ...] = ()  # what else the code states otherwise: parameters, the order of features
    metrics: tuple[MetricMove, ...] = ()
    days: tuple[DayMove, ...] = ()
    gates: tuple[GateResult, ...] = ()
    slices: tuple[SliceLoss, ...] = ()  # what lost most comes first
    scores: ScoreMovesReport | None = None
    sha256: str = ""
    is_same_model: bool | None = None
    contract: ContractTrial | None = None
    notes: tuple[str, ...] = ()

    @property
    def changes_nothing(self) -> bool:
        """Whether rows, features, model, metrics and scores are what was recorded, to the byte; never without a record."""
        if self.champion is None or self.rows is None or self.scores is None:
            return False
        is_still = self.rows.is_none and not self.features and not self.settings and self.scores.is_none
        is_kept = self.contract is None or (not self.contract.not_covered and all(one.is_none for one in self.contract.tables))
        return is_still and is_kept and self.is_same_model is True and all(one.before == one.after for one in self.days)

    @property
    def verdict(self) -> str:
        """One sentence, the same for people and programs."""
        told = "nothing changes" if self.changes_nothing else "; ".join(_told(self))
        beside = f"beside version {self.champion}" if self.champion else "without a champion to stand beside"
        return f"{self.model} tried on {self.commit[:12]} {beside}: {told}. Nothing was published."


def with_champion(after: Evaluation, before: Evaluation | None, version: int | None) -> Evaluation:
    """What was measured of the try, with the champion's record on the same days as the champion of its gates."""
    if before is None:
        return after
    known = [one.model_copy(update={"model": CHAMPION}) for one in before.days if one.model == CHALLENGER]
    groups = {(one.column, one.value): one.challenger for one in before.slices}
    slices = [one.model_copy(update={"champion": groups.get((one.column, one.value))}) for one in after.slices]
    return after.model_copy(update={"days": (*after.days, *known), "slices": tuple(slices), "champion": version})


def metrics_beside(measured: Evaluation) -> tuple[MetricMove, ...]:
    """Each metric of the try beside the champion's, days paired; without a champion its own alone."""
    return tuple(_metric(measured, metric) for metric in METRICS)


def _metric(measured: Evaluation, metric: Metric) -> MetricMove:
    means = {"before": measured.mean(CHAMPION, metric), "after": measured.mean(CHALLENGER, metric)}
    gains = measured.pairs(CHALLENGER, CHAMPION, metric)
    if len(gains) < 2:  # noqa: PLR2004  # a single day says nothing of other days
        return MetricMove(metric=metric, **means, days=len(gains))
    found = gain_interval(gains)
    return MetricMove(metric=metric, **means, gain=found.mean, low=found.low, high=found.high, days=len(gains))


def days_beside(measured: Evaluation) -> tuple[DayMove, ...]:
    """Each metric of each hold-out day, by date."""
    found = []
    for metric in METRICS:
        before, after = measured.daily(CHAMPION, metric), measured.daily(CHALLENGER, metric)
        found += [
            DayMove(data_date=day, metric=metric, before=before.get(day), after=after.get(day))
            for day in before.keys() | after.keys()
        ]
    return tuple(sorted(found, key=lambda one: (one.data_date, one.metric)))


def slices_beside(measured: Evaluation) -> tuple[SliceLoss, ...]:
    """The groups by what they lost, then those the record does not know, each by its log loss."""
    found = [
        SliceLoss(column=one.column, value=one.value, rows=one.rows, before=one.champion, after=one.challenger)
        for one in measured.slices
    ]
    return tuple(sorted(found, key=lambda one: (one.worse_by is None, -(one.worse_by or 0.0), -one.after, one.column, one.value)))


def features_moved(was: Sequence[str], now: Sequence[str], changes: MatrixChangeReport) -> tuple[FeatureMove, ...]:
    """Every feature that was added, removed or changed, and the label where it is another one; most rows first."""
    found = [FeatureMove(name=name, what="added") for name in now if name not in was]
    found += [FeatureMove(name=name, what="removed") for name in was if name not in now]
    strange = {one.name for one in found}
    moved = sorted(changes.columns.items(), key=lambda one: (-one[1], one[0]))
    return tuple(found) + tuple(
        FeatureMove(name=name, what="changed", rows=rows, largest=changes.largest.get(name))
        for name, rows in moved
        if name not in strange
    )


def settings_changed(was: Mapping[str, object], now: Mapping[str, object]) -> tuple[str, ...]:
    """`max_depth 5 becomes 6`, in the order of today's."""
    return tuple(f"{name} {was.get(name)} becomes {value}" for name, value in now.items() if was.get(name) != value)


def _told(trial: Trial) -> Iterator[str]:
    if trial.contract:
        moved = [one.table for one in trial.contract.tables if not one.is_none]
        effect = f"moves rows of {', '.join(moved)}" if moved else "moves no row that was read again"
        yield f"the contract {effect if trial.contract.tables else 'was not tried on rows'}"
    if trial.rows is not None:
        yield trial.rows.words if not trial.rows.is_none else "equal rows"
    for what in ("added", "removed", "changed"):
        names = [one.name for one in trial.features if one.what == what]
        if names:
            yield f"{counted(len(names), 'column')} {what} ({', '.join(names[:5])}{', …' if len(names) > 5 else ''})"
    yield from (_gain(one) for one in trial.metrics if one.after is not None)
    stopped = [one.name for one in trial.gates if one.outcome == "fail"]
    yield f"{counted(len(stopped), 'gate')} would fail ({', '.join(stopped)})" if stopped else "no gate would fail"


def _gain(one: MetricMove) -> str:
    if one.gain is None:
        return f"{one.metric} {one.after:.4f}"
    return f"{one.metric} gain {one.gain:+.4f} [{one.low:+.4f}, {one.high:+.4f}] a day"
