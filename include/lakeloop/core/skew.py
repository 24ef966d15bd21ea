"""Skew: features of the same dates at two commits, told feature by feature; pure."""

from datetime import date

from lakeloop.core.value import Value
from lakeloop.core.words import counted


class FeatureSkew(Value):
    """One feature at two commits: in how many rows it differs, and by how much at most (null of categories)."""

    differ: int
    largest: float | None = None


class FeatureSkewReport(Value):
    """Features of the same dates at two commits: rows that both have, rows of one alone, and what differs by feature."""

    rows: int
    only_before: int
    only_after: int
    features: dict[str, FeatureSkew]

    @property
    def is_none(self) -> bool:
        """Whether every row has every feature as it was."""
        return not (self.only_before or self.only_after or any(one.differ for one in self.features.values()))

    @property
    def words(self) -> str:
        """`540 rows at both commits, 2 only before; differ: temp in 24 rows (by 3.5 at most)`."""
        counts = {"at both commits": self.rows, "only before": self.only_before, "only after": self.only_after}
        rows = ", ".join(f"{counted(number, 'row')} {where}" for where, number in counts.items() if number)
        skewed = [
            f"{name} in {counted(one.differ, 'row')}" + (f" (by {one.largest:.4g} at most)" if one.largest is not None else "")
            for name, one in self.features.items()
            if one.differ
        ]
        return f"{rows or 'no rows'}; {'differ: ' + ', '.join(skewed) if skewed else 'no feature differs'}"


class ReadOtherwise(Value):
    """Dates whose published scores read other features than main has of them now."""

    commit: str  # main as their scores came to it
    dates: tuple[date, ...]
    features: FeatureSkewReport

    @property
    def words(self) -> str:
        """`2013-05-01 to 2013-05-03, scored from c0ffee: 540 rows at both commits; differ: temp in 24 rows`."""
        first, last = min(self.dates), max(self.dates)
        told = f"{first}" if first == last else f"{first} to {last}"
        return f"{told}, scored from {self.commit[:12]}: {self.features.words}"
