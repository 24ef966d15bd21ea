"""How the scores of the same rows move from one model and its rows to another; aggregates only."""

from lakeloop.core.value import Value

FAR = 0.05  # a score that moves by more has moved far


class SliceMove(Value):
    """One group of rows: how its scores move."""

    column: str
    value: str
    rows: int
    mean: float  # mean absolute difference
    shift: float  # mean difference; above zero where scores rise


class ScoreMovesReport(Value):
    """Scores in 0 to 1 of rows that both sides have, and how many rows one side has alone."""

    rows: int
    only_before: int
    only_after: int
    mean: float = 0.0  # mean absolute difference
    largest: float = 0.0
    far: int = 0  # rows that move by more than FAR
    slices: tuple[SliceMove, ...] = ()  # the largest mean first

    @property
    def is_none(self) -> bool:
        """Whether every row has the score it had."""
        return not (self.only_before or self.only_after or self.largest)
