"""What was measured as people read it: rows of a table beside their aims, one file of figures, one page of the curve."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median

from lakeloop.bench.curve import Day
from lakeloop.bench.curve_page import curve_page
from lakeloop.bench.parts import Figures
from lakeloop.bench.training import AGAIN, MODEL, WITHIN, Difference, Fit, Training
from lakeloop.bench.year import Days, Year

Row = tuple[str, str, str]  # what, figure, aim
AIMS = {1: "2 : 1", 10: "1.5 : 1"}  # of the ratio to the bare job, by times as wide; wider ones show how it goes on
_ENDS = 20  # days at each end of the curve
_COLD = 2  # days that Spark needs to get warm


def rows(figures: Figures) -> list[Row]:
    """Every figure with its aim, where it has one."""
    found = [row for each in figures.years for row in _of_year(each)]
    found += _of_days(figures.days) if figures.days else []
    found += list(_of_curve(figures.curve)) if figures.curve else []
    return found + (_of_training(figures.training) if figures.training else [])


def keep(figures: Figures, folder: Path) -> Path:
    """Write the figures, and the page of the curve where there is one; the folder they are in."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    (folder / "bench.json").write_text(figures.model_dump_json(indent=1) + "\n", "utf-8")
    if figures.curve:
        (folder / "curve.html").write_text(curve_page(figures.machine, figures.curve), "utf-8")
    return folder


def _of_year(year: Year) -> list[Row]:
    aim = f"at most {AIMS[year.times]}" if year.times in AIMS else ""
    name = f"{year.nights} nights, {year.times}x"
    return [
        (f"{name}: rows", f"{year.rows:,}", ""),
        (f"{name}: through Airflow", f"{year.seconds:.0f} s", ""),
        (f"{name}: bare Spark job", f"{year.bare_seconds:.0f} s", ""),
        (f"{name}: reading back what it wrote, once", f"{year.read_back_seconds:.0f} s: {_least(year):.2f} : 1 in all", ""),
        (f"{name}: ratio", f"{year.ratio:.2f} : 1", aim),
        (f"{name}: ratio of the write alone", f"{year.steps['write'] / max(year.bare_seconds, 0.1):.2f} : 1", aim),
        (f"{name}: ratio of Spark's processor seconds", f"{year.spark_processor_ratio:.2f} : 1", ""),
        (f"{name}: rows a second", f"{year.rows_a_second:,}", ""),
        (f"{name}: steps", _words(year.steps, " s"), ""),
        (f"{name}: Spark jobs", _words(year.spark_jobs), ""),
        (f"{name}: peak memory of the Spark server alone", f"{year.spark_peak_mib:,} MiB", ""),
        (f"{name}: lakeFS calls, gate, receipts", f"{year.order_seconds / year.seconds:.1%}", "under 5 %"),
        (f"{name}: moving landed bytes", f"{year.moving_seconds:.1f} s over all threads", ""),
    ]


def _least(year: Year) -> float:
    """The ratio of a run whose rules, accounts and comparisons cost nothing."""
    return (year.bare_seconds + year.read_back_seconds) / max(year.bare_seconds, 0.1)


def _of_days(days: Days) -> list[Row]:
    return [
        ("a night through Airflow, warm", f"{days.median_seconds:.1f} s", "under 20 s"),
        ("a night: steps", _words(days.steps, " s"), ""),
        (
            "a night: Spark jobs",
            _words(days.spark_jobs),
            "audit at most 6",
        ),
    ]


def _of_training(training: Training) -> list[Row]:
    shares = [f"{step} {seconds:.1f} s ({seconds / training.wall:.0%})" for step, seconds in training.steps.items()]
    shares.append(f"between them, with the wait for an answer {training.between:.1f} s ({training.between / training.wall:.0%})")
    auc = ", ".join(f"{name} {mean:.3f} [{low:.3f}, {high:.3f}]" for name, (mean, low, high) in training.scores.items())
    made = "; ".join([f"{training.reproduced} of {AGAIN}, {training.again_seconds:.0f} s each", *training.otherwise])
    return [
        ("training on January to May, from the run's start to its end", f"{training.wall:.0f} s", "under 180 s"),
        ("training: tasks", ", ".join(shares), ""),
        ("training: parts of the task fit", _words(training.parts, " s"), ""),
        ("training: AUC on later days, with its interval", auc, "the model above both"),
        ("training: `lakeloop reproduce` gives equal bytes", made, f"{AGAIN} of {AGAIN}"),
        *(row for fit in training.fits for row in _of_fit(fit)),
    ]


def _of_fit(fit: Fit) -> list[Row]:
    name, ratio = f"fit of {fit.rows:,} rows, {MODEL.n_estimators} trees", fit.seconds / max(fit.native_seconds, 0.1)
    aucs = {"the matrix": fit.learnt, "later days": fit.later}
    return [
        (
            f"{name}: beside native XGBoost", f"{fit.seconds:.1f} s, native {fit.native_seconds:.1f} s: {ratio:.2f} : 1",
            "at most native + 15 s" if fit.times < 10 else "at most 1.5 : 1",
        ),
        *((f"{name}: mean AUC minus native's, on {on}", _apart(auc, fit.orders), f"within {WITHIN}") for on, auc in aucs.items()),
    ]  # fmt: skip


def _apart(found: Difference, orders: int) -> str:
    return f"{found.mean:+.5f} ± {found.error:.5f} over {orders} orders of the rows, which move native's own by {found.order:.5f}"


def _of_curve(days: Sequence[Day]) -> Iterator[Row]:
    """What the first and the last days cost; Spark's very first are left out, as its own warming up."""
    for engine, skipped, ends in (("delta-rs", 0, _ENDS), ("spark", _COLD, 2)):
        mine = [day for day in days if day.engine == engine][skipped:]
        if mine:
            early, late = (_typical(part) for part in (mine[:ends], mine[-ends:]))
            calls = f"{mine[0].calls} and {mine[-1].calls} calls"
            yield f"day {mine[0].number} and day {mine[-1].number}, by {engine}", f"{early} and {late}; {calls}", "flat"


def _typical(days: Sequence[Day]) -> str:
    whole, processor = median(day.total for day in days), median(day.processor for day in days)
    return f"{whole:.2f} s ({processor:.2f} s of the processor)"


def _words(counts: dict[str, float] | dict[str, int], unit: str = "") -> str:
    return ", ".join(f"{name} {count}{unit}" for name, count in counts.items())
