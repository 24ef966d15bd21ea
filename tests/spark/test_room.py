"""Whether there is room for a fit is asked where it would run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import pytest
from pyspark.sql import DataFrame, SparkSession

from lakeloop.core.capacity import bytes_needed
from lakeloop.core.errors import InvalidInput
from lakeloop.core.memory import MACHINE
from lakeloop.spark.training.fit import check_room
from use_cases.flights import FLIGHTS


@dataclass
class Mastered:
    """A real session whose server says of itself what it is told to."""

    master: str
    spark: SparkSession

    @property
    def conf(self) -> Mastered:
        return self

    def get(self, name: str, default: str | None = None) -> str | None:
        return self.master if name == "spark.master" else default

    def range(self, *given: int) -> DataFrame:
        return self.spark.range(*given)


def room(master: str, spark: SparkSession) -> None:
    check_room(cast(SparkSession, Mastered(master, spark)), 10, FLIGHTS)


@pytest.mark.parametrize(
    ("master", "cores"), [("local", 1), ("local[3]", 3), ("local[4, 2]", 4), ("local[*]", 2), ("local[*,3]", 2)]
)
def test_a_server_of_one_process_is_asked_for_its_room_however_it_names_its_cores(
    spark: SparkSession, monkeypatch: pytest.MonkeyPatch, master: str, cores: int
) -> None:
    seen: dict[str, int] = {}
    monkeypatch.setattr("lakeloop.spark.training.fit.check_capacity", lambda **figures: seen.update(figures))
    room(master, spark)
    assert (seen["cores"], seen["workers"]) == (cores, cores)
    assert 0 < seen["free"] < 2**50


@pytest.mark.parametrize("master", ["spark://head:7077", "yarn", "local-cluster[2,1,1024]", "k8s://https://head"])
def test_a_cluster_is_left_to_its_own_scheduler(spark: SparkSession, monkeypatch: pytest.MonkeyPatch, master: str) -> None:
    monkeypatch.setattr("lakeloop.spark.training.fit.check_capacity", lambda **_: pytest.fail("nobody knows its memory here"))
    room(master, spark)


def test_what_counts_is_the_memory_that_the_servers_own_worker_sees(spark: SparkSession, monkeypatch: pytest.MonkeyPatch) -> None:
    left = bytes_needed(10, len(FLIGHTS.feature_names), 2)
    monkeypatch.setattr("lakeloop.spark.memory.free_bytes", lambda seen: left if MACHINE in seen else 0)
    check_room(spark, 10, FLIGHTS)
    monkeypatch.setattr("lakeloop.spark.memory.free_bytes", lambda _seen: left - 1)
    with pytest.raises(InvalidInput, match="are free where Spark runs; nothing was fitted"):
        check_room(spark, 10, FLIGHTS)
