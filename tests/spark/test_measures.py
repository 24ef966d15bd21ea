"""What facts are made of, measured on a few rows that can be counted by hand."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from pyspark.sql import DataFrame, SparkSession

from lakeloop.core.reports import Fingerprint
from lakeloop.core.use_case import Agreement, DriftPolicy, Staleness, UnitRatio
from lakeloop.spark.measures import common_frame, paired_frame, ratio_frame
from lakeloop.spark.slices import fingerprint_of, hashes, row_hashes

MONDAY = date(2024, 1, 1)
Row = tuple[date, str | None, float]


def before(days: int) -> date:
    return MONDAY - timedelta(days=days)


def frame_of(spark: SparkSession, rows: Sequence[Row]) -> DataFrame:
    return spark.createDataFrame(rows, "data_date date, shop string, sales double")


def test_a_fingerprint_is_the_sum_of_the_hashes_of_its_rows(spark: SparkSession) -> None:
    frame = spark.range(1000).selectExpr("id", "IF(id % 3 = 0, NULL, CAST(id AS string)) AS text")
    (summed,) = frame.agg(*hashes(frame)).collect()
    rows = frame.select(*row_hashes(frame)).collect()
    whole = "".join(f"{sum(row[at] for row in rows) % 2**64:016x}" for at in range(2))
    assert fingerprint_of(summed, 1000) == Fingerprint(rows=1000, hash=whole)


def test_rows_in_common_are_counted_once_with_each_day_of_the_week_before(spark: SparkSession) -> None:
    rows = [(MONDAY, "a", 1.0), (MONDAY, "a", 1.0), (MONDAY, "b", 1.0), (before(1), "a", 1.0), (before(7), "a", 1.0)]
    frame = frame_of(spark, [*rows, (before(7), "b", 1.0), (before(8), "b", 1.0)])
    found = common_frame(frame, Staleness(table="sales", columns=("shop", "sales"), share=0.5), [MONDAY]).collect()
    assert {(row["earlier"], row["rows"]) for row in found} == {(before(1), 1), (before(7), 2)}


def test_a_group_is_held_against_itself_on_the_same_weekdays(spark: SparkSession) -> None:
    rows = [(MONDAY, "a", 6.0), (before(1), "a", 600.0), (before(7), "a", 2.0), (before(14), "a", 1.0), (before(7), "b", 9.0)]
    rule = UnitRatio(table="sales", column="sales", low=0.5, high=2.0, by=("shop",))
    (row,) = ratio_frame(frame_of(spark, rows), rule, DriftPolicy(history_days=10), [MONDAY]).collect()
    assert row["ratio"] == 3.0


def test_a_whole_day_is_held_against_each_day_before(spark: SparkSession) -> None:
    rows = [(MONDAY, "a", 6.0), (before(1), "a", 2.0), (before(2), "a", 6.0), (before(11), "a", 0.1)]
    rule = UnitRatio(table="sales", column="sales", low=0.5, high=2.0)
    (row,) = ratio_frame(frame_of(spark, rows), rule, DriftPolicy(history_days=10), [MONDAY]).collect()
    assert row["ratio"] == 2.0


def test_rows_are_paired_by_key_and_one_without_a_key_has_no_partner(spark: SparkSession) -> None:
    mine = frame_of(spark, [(MONDAY, "a", 1.0), (MONDAY, "a", 2.0), (MONDAY, "b", 3.0), (MONDAY, None, 4.0)])
    theirs = frame_of(spark, [(MONDAY, "a", 1.0), (MONDAY, "c", 1.0), (MONDAY, None, 1.0), (before(1), "b", 1.0)])
    rule = Agreement(table="mine", partner="theirs", on=("shop",), share=0.9)
    (row,) = paired_frame({"mine": mine, "theirs": theirs}, rule, [MONDAY]).collect()
    assert row.asDict() == {"data_date": MONDAY, "rows": 4, "paired": 2, "partners": 3}
