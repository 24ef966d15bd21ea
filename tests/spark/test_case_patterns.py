"""A pattern that Java cannot read is refused before a row is read, whatever Python says of it."""

from __future__ import annotations

import pytest
from pyspark.sql import SparkSession

from lakeloop.core.contract import Column, TableContract
from lakeloop.core.errors import ConfigurationError
from lakeloop.spark.case_patterns import check_patterns

GOOD = (r"[A-Z]\d{1,4}", r"\p{L}+", r"(?<year>\d{4})'s", r'"\\', "")


def contract(*patterns: str) -> TableContract:
    columns = (Column(name=f"c{at}", type="string", pattern=pattern) for at, pattern in enumerate(patterns))
    return TableContract(name="t", columns=tuple(columns), key=("c0",))


@pytest.mark.parametrize("pattern", ["a{,3}", r"[a-\d]", "(?P<year>x)", "{"])
def test_what_java_cannot_read_is_named(spark: SparkSession, pattern: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        check_patterns(spark, [contract(*GOOD), contract("a", pattern, "b")])
    assert str(caught.value) == f"t: Java cannot read the pattern {pattern!r} of c1; nothing was written; correct it"


def test_what_java_reads_passes(spark: SparkSession) -> None:
    check_patterns(spark, [contract(*GOOD)])
