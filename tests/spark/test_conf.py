"""Settings that hold for a while are gone afterwards, whether the server knew them before or not."""

from __future__ import annotations

from pyspark.sql import SparkSession

from lakeloop.spark.conf import set_for

UNKNOWN, SET, LEFT_OUT = "spark.lakeloop.nobody.knows", "spark.sql.shuffle.partitions", "spark.sql.autoBroadcastJoinThreshold"


def test_what_was_set_known_or_unknown_is_afterwards_as_before(spark: SparkSession) -> None:
    before = {name: spark.conf.get(name, None) for name in (UNKNOWN, SET, LEFT_OUT)}
    assert (before[UNKNOWN], before[SET], before[LEFT_OUT]) == (None, "4", None)
    with set_for(spark, dict.fromkeys(before, "7")):
        assert [spark.conf.get(name) for name in before] == ["7"] * 3
    assert {name: spark.conf.get(name, None) for name in before} == before
