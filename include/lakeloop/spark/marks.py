"""Marks: the values of some columns as one number, by which rows are told apart."""

from collections.abc import Iterable
from zlib import crc32

from pyspark.sql import Column
from pyspark.sql import functions as F


def named_values(names: Iterable[str]) -> list[Column]:
    """Each value behind a mark of its name, which is null with it.

    xxhash64 passes over nulls, wherever they stand: so it is told whose values the others are.
    """
    values = {name: F.col(f"`{name}`") for name in names}
    marks = {name: F.when(value.isNotNull(), F.lit(crc32(name.encode()))) for name, value in values.items()}
    return [part for name, value in values.items() for part in (marks[name], value)]


def mark(names: Iterable[str]) -> Column:
    """The values of a row as 64 bits; (null, 'a') and ('a', null) differ, and no columns have one mark."""
    return F.xxhash64(F.lit(0), *named_values(names))
