"""Skew: what a restatement made of the features of dates that were read before it."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from pyspark.sql import SparkSession

from lakeloop.adapters.lakefs_lake import LakeFSLake
from lakeloop.core.jobs import FeatureSkewJob
from lakeloop.core.skew import FeatureSkew, FeatureSkewReport
from lakeloop.settings import Settings
from lakeloop.spark.entry import run
from tests.spark.small_flights import days, publish, world

FIRST = date(2013, 3, 1)
DAY = FIRST + timedelta(days=4)


def test_a_restatement_is_told_feature_by_feature_and_row_by_row(stack: Settings, lake: LakeFSLake, spark: SparkSession) -> None:
    tables = world(days(FIRST, 5))
    before = publish(stack, lake, tables)
    of_day = [row for row in tables["weather"] if row["data_date"] == DAY and row["origin"] == "JFK"]
    of_day[6]["temp"] = float(str(of_day[6]["temp"])) + 2.5
    of_day[7]["temp"] = None
    dropped = next(row for row in tables["schedule"] if row["data_date"] == DAY)
    tables["schedule"].remove(dropped)
    after = publish(stack, lake, tables)

    names = {"repository": lake.repository, "case": "use_cases.flights:FLIGHTS", "dates": (DAY,)}
    found = run(FeatureSkewJob(before=before, after=after, **names), spark)
    assert isinstance(found, FeatureSkewReport)
    assert (found.rows, found.only_before, found.only_after) == (59, 1, 0)
    at = {6: 0, 7: 0}
    for row in tables["schedule"]:
        if row["data_date"] == DAY and row["origin"] == "JFK" and row["hour"] in at:
            at[int(str(row["hour"]))] += 1
    assert found.features["temp"].differ == sum(at.values()) > 0
    assert found.features["temp"].largest == (pytest.approx(2.5) if at[6] else None)
    assert {name for name, one in found.features.items() if one.differ} <= {"temp", "congestion"}
    assert not found.is_none

    same = run(FeatureSkewJob(before=after, after=after, **names), spark)
    assert isinstance(same, FeatureSkewReport)
    assert same.is_none
    assert same.words == "59 rows at both commits; no feature differs"


def test_the_words_of_a_skew_name_what_differs() -> None:
    skew = {"temp": FeatureSkew(differ=1, largest=2.5), "airline": FeatureSkew(differ=3), "hour": FeatureSkew(differ=0)}
    found = FeatureSkewReport(rows=54, only_before=1, only_after=0, features=skew)
    assert found.words == "54 rows at both commits, 1 row only before; differ: temp in 1 row (by 2.5 at most), airline in 3 rows"
