"""Keys with nulls in them are keys like others; a limit on one reason refuses the date that breaks it."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from datetime import date

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession

from lakeloop.adapters.lakefs_lake import LakeFSLake
from lakeloop.core.runs import SessionKey
from lakeloop.settings import Settings
from lakeloop.spark.connect import ConnectRunner
from lakeloop.spark.marks import mark
from lakeloop.spark.measures import elsewhere_frame
from tests.spark.small_readings import CONTRACT, READINGS, Delivered, csv_of, suites, take_in

DAY, NEXT, LAST = date(2024, 5, 1), date(2024, 5, 2), date(2024, 5, 3)


@pytest.fixture(scope="module")
def readings(
    stack: Settings, new_key: Callable[[], SessionKey], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ConnectRunner]:
    asked = suites(tmp_path_factory.mktemp("readings") / "expectations")
    with ConnectRunner(stack.model_copy(update={"expectations": asked}), new_key()) as opened:
        yield opened


def test_a_null_in_a_key_is_told_from_a_null_in_another_place(spark: SparkSession) -> None:
    rows = [(None, "a"), ("a", None), (None, None), ("a", "a"), (None, "a")]
    marks = [
        row["mark"] for row in spark.createDataFrame(rows, "x string, y string").select(mark(["x", "y"]).alias("mark")).collect()
    ]
    assert len(set(marks)) == 4
    assert marks[0] == marks[4]


def test_an_identity_with_a_null_is_not_one_with_the_null_elsewhere_and_nulls_alone_are_none(spark: SparkSession) -> None:
    rows = [(DAY, None, "a"), (NEXT, "a", None), (DAY, "b", None), (NEXT, "b", None)]
    rows += [(DAY, None, None), (NEXT, None, None)]  # no identity at all
    frame = spark.createDataFrame(rows, "data_date date, x string, y string")
    found = {row["data_date"]: row["rows"] for row in elsewhere_frame(frame, ["x", "y"], [NEXT], 7).collect()}
    assert found == {NEXT: 1}


def test_rows_whose_key_is_null_here_and_there_are_published_and_pass(lake: LakeFSLake, readings: ConnectRunner) -> None:
    content = io.BytesIO()
    rows = {"site": [None, "a", None], "sensor": ["a", None, None], "temp": [1.0, 2.0, None]}
    pq.write_table(
        pa.table({name: pa.array(values, pa.float64() if name == "temp" else pa.string()) for name, values in rows.items()}),
        content,
    )
    files = {"a.parquet": content.getvalue(), "b.csv": csv_of("b,,3", ",b,4", "b,b,5")}
    found = take_in(lake, readings, "nulls", {DAY: Delivered(files, 6)})
    account = found.written[DAY].account
    assert (account.rows_in, account.published, account.quarantined, account.deduplicated) == (6, 6, 0, 0)
    assert found.written[DAY].cells == 2 + 2 + 0 + 2 + 2 + 3
    assert [check.told for check in found.audited[DAY].failed("critical")] == []
    assert {check.name: check.observed for check in found.audited[DAY].checks}["key_repeats"] == 0


def test_a_limit_on_one_reason_refuses_the_date_that_breaks_it_and_no_other(
    lake: LakeFSLake, readings: ConnectRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = {"type": 0.3, "range:temp": 0.2, "type:temp": 0.25}
    contract = CONTRACT.model_copy(update={"quarantine_limits": limits})
    monkeypatch.setattr("tests.spark.small_readings.READINGS", READINGS.model_copy(update={"tables": (contract,)}))
    good = ["a,1,1", "a,2,1", "a,3,1"]
    kinds = {DAY: ["a,4,99"], NEXT: ["a,4,hot"], LAST: ["a,4,hot", "a,5,hot"]}
    found = take_in(
        lake, readings, "limits", {day: Delivered({"a.csv": csv_of(*good, *bad)}, 3 + len(bad)) for day, bad in kinds.items()}
    )
    assert {day: {check.name for check in one.failed("critical")} for day, one in found.audited.items()} == {
        DAY: {"quarantine_share__range:temp"},
        NEXT: set(),
        LAST: {"quarantine_share__type", "quarantine_share__type:temp"},
    }
    told = next(check.told for check in found.audited[DAY].failed("critical"))
    assert told == "quarantine_share__range:temp is 0.25, expected at most 0.2"
