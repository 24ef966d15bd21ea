"""Encodings: the same counts give the same numbers, and every value has one or is unknown."""

from __future__ import annotations

import math

import pytest

from lakeloop.core.encodings import MOST_VALUES, Encodings, learned
from lakeloop.core.errors import ConfigurationError
from tests.unit.test_ledger import CASE

FOUND = learned({"airline": {"UA": 5, "B6": 9, "AA": 5}, "empty": {}})


def test_the_most_frequent_value_is_the_first_and_names_decide_between_equals() -> None:
    assert FOUND.values == {"airline": ("B6", "AA", "UA"), "empty": ()}
    assert [FOUND.number("airline", value) for value in ("B6", "AA", "UA")] == [0.0, 1.0, 2.0]


@pytest.mark.parametrize(("feature", "value"), [("airline", None), ("airline", "ZZ"), ("airline", ""), ("empty", "B6")])
def test_null_and_what_training_never_saw_have_no_number(feature: str, value: str | None) -> None:
    assert math.isnan(FOUND.number(feature, value))


def test_encodings_are_read_as_they_were_written() -> None:
    assert Encodings.model_validate_json(FOUND.model_dump_json()) == FOUND


def test_a_category_with_a_value_for_nearly_every_row_is_refused() -> None:
    counts = {"flight": {str(number): 1 for number in range(MOST_VALUES + 1)}}
    with pytest.raises(ConfigurationError, match="feature flight has 1001 values.*nothing was fitted. Next: leave it out"):
        learned(counts)


@pytest.mark.parametrize("category", ["nothing", "id"])
def test_a_category_is_a_feature_and_no_column_of_the_entity(category: str) -> None:
    with pytest.raises(ValueError, match=f"`categories` names features.*'{category}'"):
        type(CASE).model_validate({**CASE.model_dump(), "categories": (category,)})
