"""The line of champions, and what has to hold before a version joins it; pure."""

from collections.abc import Sequence

from lakeloop.core.receipts import PromotionReceipt


def line_of(promotions: Sequence[PromotionReceipt]) -> list[PromotionReceipt]:
    """The champion and those it came after, oldest first; a rollback takes off the line whatever it went back over."""
    line: list[PromotionReceipt] = []
    for one in promotions:
        if one.action == "rollback":
            line = _up_to(line, one.model_version)
        line.append(one)
    return line


def _up_to(line: list[PromotionReceipt], version: int) -> list[PromotionReceipt]:
    """The line before a version's last place in it; the whole line when it has none."""
    places = [at for at, one in enumerate(line) if one.model_version == version]
    return line[: places[-1]] if places else line
