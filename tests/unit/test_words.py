"""Numbers with their nouns."""

import pytest

from lakeloop.core.words import counted


@pytest.mark.parametrize(
    ("number", "noun", "words"),
    [(1, "date", "1 date"), (0, "date", "0 dates"), (3, "delivery", "3 deliveries"), (2, "branch", "2 branches")],
)
def test_a_number_agrees_with_its_noun(number: int, noun: str, words: str) -> None:
    assert counted(number, noun) == words
