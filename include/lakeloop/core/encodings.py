"""Encodings: the number that training gave each value of a category, total on values it never saw; pure."""

import math
from collections.abc import Mapping

from lakeloop.core.errors import ConfigurationError
from lakeloop.core.value import Value

MOST_VALUES = 1_000  # of one category; more of them are names, and a model that knows names knows its training rows


class Encodings(Value):
    """By feature its values, the most frequent first; a value's place is its number."""

    values: dict[str, tuple[str, ...]] = {}

    def number(self, feature: str, value: str | None) -> float:
        """The value's number; NaN of null and of a value that training never saw."""
        known = self.values[feature]
        return float(known.index(value)) if value in known else math.nan


def learned(counts: Mapping[str, Mapping[str, int]]) -> Encodings:
    """By feature, how often each value occurs: the most frequent is 0, and names decide between equals."""
    for feature, found in counts.items():
        if len(found) > MOST_VALUES:
            message = (
                f"feature {feature} has {len(found)} values in the rows to fit, a category has at most {MOST_VALUES}; "
                "nothing was fitted. Next: leave it out of `categories`, or group its values in the features."
            )
            raise ConfigurationError(message)
    return Encodings(values={name: tuple(sorted(found, key=lambda one: (-found[one], one))) for name, found in counts.items()})
