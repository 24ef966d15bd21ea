"""Student's t distribution for whole degrees of freedom, without a library that takes a second to import; pure."""

import math

_HALVINGS = 60  # of the place that is looked for: more than a float can tell apart


def below(value: float, freedom: int) -> float:
    """The chance of less than a value that is not negative.

    Source: Abramowitz and Stegun (1964), Handbook of mathematical functions, 26.7.3 and 26.7.4: a sum of finitely many terms.
    """
    odd, angle = freedom % 2, math.atan(value / math.sqrt(freedom))
    term, total = math.sin(angle) * (math.cos(angle) if odd else 1.0), 0.0
    for at in range(freedom // 2):
        total += term
        term *= math.cos(angle) ** 2 * (2 * at + 1 + odd) / (2 * at + 2 + odd)
    return 0.5 + (2 / math.pi * (angle + total) if odd else total) / 2


def quantile(chance: float, freedom: int) -> float:
    """The value below which lies a chance from .5 up to but not 1."""
    low, high = 0.0, 1.0
    while below(high, freedom) < chance:
        low, high = high, 2 * high
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if below(middle, freedom) < chance else (low, middle)
    return high
