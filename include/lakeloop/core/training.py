"""What a training run writes down of itself: enough to do it again."""

from datetime import date

from lakeloop.core.evaluation import DayMetrics, Evaluation
from lakeloop.core.metrics import ScoreBin
from lakeloop.core.receipts import Reads
from lakeloop.core.reports import SplitFacts
from lakeloop.core.skew import ReadOtherwise
from lakeloop.core.tuning import Stopped, Trial, Tuning, best, gain, told
from lakeloop.core.use_case import XGBoost
from lakeloop.core.value import Value

BY_HAND, CLOCK, VERDICT = "by hand", "clock", "verdict"


class Layout(Value):
    """How the rows lie and how many learn from them: with equal rows it decides the bytes of the model."""

    files: int
    workers: int


class TrainingSet(Value):
    """The training set of a challenger, frozen on a branch of its own before anything is fitted."""

    run_key: str
    repository: str
    data_commit: str
    fit_dates: tuple[date, ...]
    holdout_dates: tuple[date, ...]
    fit: SplitFacts
    holdout: SplitFacts
    reads: Reads
    features: tuple[str, ...]
    model: XGBoost
    layout: Layout
    code_version: str
    contract_version: str
    lock_digest: str
    cause: str  # `verdict|2013-07-05`, `weekly|2013-W27` or `by hand`
    skewed: tuple[date, ...] = ()  # days whose published scores had read what was restated or withdrawn since
    skew: tuple[ReadOtherwise, ...] = ()  # what that changed in the features of the newest of them
    cut_off: date | None = None  # the last day the champion learnt from, when there was one
    champion: int | None = None  # its version
    narrowed: str = ""  # the range that was asked for, where it left out matured days that are newer than the hold-out


class Tuned(Value):
    """What a tuning chose, frozen on the training set's branch before the hold-out is opened."""

    run_key: str
    tuning: Tuning
    validation_dates: tuple[date, ...]  # the last of the days that the fit learns from
    fit_rows: int  # that the trials learnt from
    validation_rows: int
    model: XGBoost  # the winner's parameters
    trials: tuple[Trial, ...]
    stopped: Stopped
    seconds: float
    run_id: str  # of MLflow: the trials stand below it

    @property
    def winner(self) -> int:
        """The number of the trial that won; 0 are the case's own parameters."""
        chosen = best(self.trials, self.tuning.metric)
        return chosen.number if chosen else 0

    @property
    def choice(self) -> "Choice":
        """What stays with the version."""
        metric = self.tuning.metric
        return Choice(
            trial=self.winner, trials=len(self.trials), gain=gain(self.trials, metric), metric=metric,
            words=told(self.trials, metric), run_id=self.run_id,
        )  # fmt: skip


class Choice(Value):
    """Which trial a version was fitted with."""

    trial: int
    trials: int
    gain: float  # of the metric over the case's own parameters, on the validation days; never negative
    metric: str
    words: str
    run_id: str  # of MLflow, the tuning's


class Fitted(Value):
    """What came of the fit."""

    matrix_commit: str
    model: XGBoost | None = None  # the parameters it was fitted with; none in a record of before there was tuning
    tuned: Choice | None = None  # none where nothing was tuned
    sha256: str
    evaluation: Evaluation
    fit_days: tuple[DayMetrics, ...]  # of the challenger on the days it learnt from
    histogram: tuple[ScoreBin, ...]
    importance: dict[str, float]
    sampled: int
    threads: int
    libraries: dict[str, str] = {}  # versions by name; none in a record of before they were kept
    seconds: dict[str, float]
