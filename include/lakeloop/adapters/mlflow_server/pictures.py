"""Pictures of a model for people: ROC, precision and recall, calibration, gain, importance; one PNG each."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from lakeloop.ports import Pictures

_SIZE, _DPI = (5.2, 4.2), 110
_INK, _PALE = "#1f5fa8", "#9aa5b1"


def draw(folder: Path, pictures: Pictures) -> list[Path]:
    """The pictures as files of a folder; one whose numbers are missing is left out."""
    from matplotlib.figure import Figure  # not pyplot: no window system, no state between calls

    made = []
    for name, paint in _PAINTERS.items():
        figure = Figure(figsize=_SIZE, dpi=_DPI, layout="constrained")
        if paint(figure.add_subplot(), pictures):
            made.append(folder / f"{name}.png")
            figure.savefig(made[-1])
    return made


def _roc(axes: Any, pictures: Pictures) -> bool:
    return _line(
        axes, pictures, "false_alarms", "recall", "share of negatives flagged", "share of positives found", diagonal=True
    )


def _precision_recall(axes: Any, pictures: Pictures) -> bool:
    return _line(
        axes, pictures, "recall", "precision", "share of positives found (recall)", "of those flagged, positive (precision)"
    )


def _gain(axes: Any, pictures: Pictures) -> bool:
    return _line(axes, pictures, "flagged", "recall", "of all rows, flagged", "of the positives, found", diagonal=True)


def _line(axes: Any, pictures: Pictures, x: str, y: str, below: str, beside: str, *, diagonal: bool = False) -> bool:
    if diagonal:
        axes.plot([0, 1], [0, 1], color=_PALE, linewidth=1, linestyle="--", label="by chance")
    axes.plot(
        [getattr(one, x) for one in pictures.points], [getattr(one, y) for one in pictures.points], color=_INK, label="model"
    )
    axes.set(xlabel=below, ylabel=beside, xlim=(0, 1), ylim=(0, 1.02), title=pictures.title)
    axes.legend(frameon=False)
    return bool(pictures.points)


def _calibration(axes: Any, pictures: Pictures) -> bool:
    axes.plot([0, 1], [0, 1], color=_PALE, linewidth=1, linestyle="--", label="perfect")
    means = [one.mean_score for one in pictures.calibration]
    axes.plot(
        means, [one.positives / one.rows for one in pictures.calibration], "o-", color=_INK, label="hold-out, 20 equal groups"
    )
    highest = max([*means, *(one.positives / one.rows for one in pictures.calibration)], default=1.0) * 1.05
    axes.set(xlabel="mean score", ylabel="share of positives", xlim=(0, highest), ylim=(0, highest), title=pictures.title)
    axes.legend(frameon=False)
    return bool(pictures.calibration)


def _importance(axes: Any, pictures: Pictures) -> bool:
    names, values = list(pictures.importance)[:20][::-1], list(pictures.importance.values())[:20][::-1]
    axes.barh(names, values, color=_INK)
    axes.set(xlabel="mean |SHAP value|, log odds", title=pictures.title)
    axes.tick_params(axis="y", labelsize=7)
    return bool(names)


_PAINTERS: dict[str, Callable[[Any, Pictures], bool]] = {
    "roc": _roc,
    "precision_recall": _precision_recall,
    "calibration": _calibration,
    "gain": _gain,
    "importance": _importance,
}
