"""What an audit reads by Delta's Kernel is what Delta's own reader gives, whatever became of a table before."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from lakeloop.adapters.lakefs_lake import LakeFSLake
from lakeloop.spark.questions import reading
from lakeloop.spark.tables import BY_KERNEL, find_table, uri

FIRST = date(2024, 5, 1)
DAYS = [FIRST + timedelta(days=ahead) for ahead in range(12)]  # versions enough for a checkpoint of the log
TABLE, BRANCH = "clean/tiny/shops", "questions"


def put(spark: SparkSession, lake: LakeFSLake, day: date, rows: int, **more: str) -> None:
    """One date written as an ingest run writes it."""
    frame = spark.range(rows).select(
        "id", F.lit(day).alias("data_date"), *(F.expr(sql).alias(name) for name, sql in more.items())
    )
    options = {"replaceWhere": f"data_date = DATE'{day}'", "mergeSchema": "true"}
    frame.coalesce(1).write.format("delta").mode("overwrite").options(**options).partitionBy("data_date").save(
        uri(lake.repository, BRANCH, TABLE)
    )


@pytest.fixture(scope="module")
def ref(spark: SparkSession, shared_lake: LakeFSLake) -> str:
    """A commit of a table with a checkpoint, a restated date, a rewritten one, one that was deleted and a column more."""
    shared_lake.create_branch(BRANCH, "main")
    for at, day in enumerate(DAYS):
        put(spark, shared_lake, day, at + 1, name="concat('shop ', id)")
    put(spark, shared_lake, DAYS[1], 7, name="'restated'")
    put(spark, shared_lake, DAYS[2], 3, name="'wider'", city="if(id = 1, 'Łódź', null)")
    name = f"delta.`{uri(shared_lake.repository, BRANCH, TABLE)}`"
    spark.sql(f"UPDATE {name} SET name = 'rewritten' WHERE data_date = DATE'{DAYS[3]}' AND id = 0")
    spark.sql(f"DELETE FROM {name} WHERE data_date = DATE'{DAYS[4]}'")
    return shared_lake.commit(BRANCH, "a table that has seen much", {})


def rows_of(frame: DataFrame) -> list[tuple[object, ...]]:
    return sorted((tuple(row) for row in frame.select("data_date", "id", "name", "city").collect()), key=repr)


@pytest.mark.parametrize("days", [DAYS, DAYS[1:5], DAYS[4:5]], ids=["all", "some", "none that is there"])
def test_the_kernel_reads_what_delta_reads(spark: SparkSession, shared_lake: LakeFSLake, ref: str, days: list[date]) -> None:
    known = find_table(spark, shared_lake.repository, ref, TABLE)
    assert known is not None
    expected = rows_of(known.where(F.col("data_date").isin(*days)))
    with reading(spark, shared_lake.repository, ref, {TABLE: days, "clean/tiny/nowhere": days}) as frames:
        assert list(frames) == [TABLE]
        assert [(name, kind) for name, kind in frames[TABLE].dtypes] == known.dtypes
        assert rows_of(frames[TABLE]) == expected


def test_a_row_without_an_answer_is_null_beside_the_others(spark: SparkSession, shared_lake: LakeFSLake, ref: str) -> None:
    with reading(spark, shared_lake.repository, ref, {TABLE: DAYS[2:3]}) as frames:
        answered = frames[TABLE].select(F.expr("6 / id").alias("share"), F.expr("int(name)").alias("number"))
        assert sorted((tuple(row) for row in answered.collect()), key=repr) == [(3.0, None), (6.0, None), (None, None)]


def test_afterwards_a_session_can_write_again(spark: SparkSession, shared_lake: LakeFSLake, ref: str) -> None:
    (mode,) = BY_KERNEL
    before = spark.conf.get(mode)
    with reading(spark, shared_lake.repository, ref, {TABLE: DAYS}):
        assert spark.conf.get(mode) == BY_KERNEL[mode] != before
    assert spark.conf.get(mode) == before
