"""Settings of a Spark session that hold for a while."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from pyspark.sql import SparkSession

# Arithmetic and casts that fail on one row (a division by zero, a text that is no number) give null there, and do not end the
# others. A function that raises still does: an unknown time zone or a broken pattern from a column, `raise_error`.
NULL_FOR_ERRORS = {"spark.sql.ansi.enabled": "false"}


@contextmanager
def set_for(spark: SparkSession, wanted: Mapping[str, str]) -> Iterator[None]:
    """The wanted settings while the block runs; afterwards those of before.

    Delta's own are unknown to a server until something touches Delta, and this may be the first to do so.
    """
    before = {name: spark.conf.get(name, None) for name in wanted}
    try:
        for name, value in wanted.items():
            spark.conf.set(name, value)
        yield
    finally:
        for name, earlier in before.items():
            if earlier is None:
                spark.conf.unset(name)
            else:
                spark.conf.set(name, earlier)
