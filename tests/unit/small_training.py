"""A training run as it writes itself down, small and made up."""

from __future__ import annotations

from datetime import date, timedelta

from lakeloop.core.evaluation import DayMetrics, Evaluation
from lakeloop.core.reports import Fingerprint, SplitFacts
from lakeloop.core.skew import FeatureSkew, FeatureSkewReport, ReadOtherwise
from lakeloop.core.training import Fitted, Layout, TrainingSet
from lakeloop.core.use_case import Label, UseCase, XGBoost

CASE = UseCase(
    name="shops", tables=(), features="m:f", feature_names=("hour",), entity=("id",), reads=(),
    label=Label(table="sales", expression="sold_out"),
)  # fmt: skip
FIT_DAYS = tuple(date(2024, 5, 1) + timedelta(days=at) for at in range(7))
LATER = tuple(date(2024, 5, 8) + timedelta(days=at) for at in range(2))


def split(days: tuple[date, ...], rows: int, digest: str) -> SplitFacts:
    """The facts of some days, a quarter of them positive."""
    return SplitFacts(
        first=days[0], last=days[-1], days=len(days), rows=rows, positives=rows // 4, unlabelled=30,
        digest=Fingerprint(rows=rows, hash=digest * 32),
    )  # fmt: skip


KNOWN = TrainingSet(
    run_key="ab" * 32, repository="lake", data_commit="c0ffee" * 10 + "c0ff", fit_dates=FIT_DAYS, holdout_dates=LATER,
    fit=split(FIT_DAYS, 1200, "a"), holdout=split(LATER, 400, "b"), reads={"sales": {"k1": list(FIT_DAYS)}}, features=("hour",),
    model=XGBoost(), layout=Layout(files=1, workers=2), code_version="code1", contract_version="sales-1", lock_digest="lock1",
    cause="weekly|2024-W18",
)  # fmt: skip


def measured(auc: float = 0.7, log_loss: float = 0.5) -> Evaluation:
    """A challenger that is as good each day."""
    rows = {"model": "challenger", "rows": 200, "positives": 50, "auc": auc, "log_loss": log_loss}
    return Evaluation(days=tuple(DayMetrics(data_date=day, **rows) for day in LATER), model_bytes=1000, fit_seconds=2.0)


SKEW = ReadOtherwise(
    commit="d00d" * 16,
    dates=LATER[:1],
    features=FeatureSkewReport(rows=540, only_before=0, only_after=0, features={"hour": FeatureSkew(differ=24, largest=3.5)}),
)
SKEWED = KNOWN.model_copy(update={"skewed": LATER[:1], "skew": (SKEW,)})

FITTED = Fitted(
    matrix_commit="d" * 64, sha256="e" * 64, evaluation=measured(), fit_days=(), histogram=(),
    importance={"hour": 0.4}, sampled=400, threads=1, seconds={"fit": 2.0},
)  # fmt: skip
