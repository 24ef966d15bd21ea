"""A feature that alone tells the label is found, whichever way it tells it."""

from __future__ import annotations

import random

import pytest
from pyspark.sql import SparkSession
from sklearn.metrics import roc_auc_score

from lakeloop.core.errors import LeakageFound
from lakeloop.spark import leaks
from lakeloop.spark.leaks import aucs_alone, check_leaks
from use_cases.flights import FLIGHTS

NAMES = ("usual", "reversed", "told", "told_by_silence", "silent", "rough")
CASE = FLIGHTS.model_copy(update={"feature_names": NAMES, "entity": ("flight",)})
SCHEMA = f"flight int, data_date date, late double, {', '.join(f'{name} double' for name in NAMES)}"


def row(number: int, draw: random.Random) -> tuple[object, ...]:
    late = float(draw.random() < 0.3)
    usual = draw.gauss(late, 1)
    silence = None if late else draw.random()
    rough = None if draw.random() < 0.2 else float(draw.randrange(4) + late)
    return (number, None, late, usual, -usual, late * 100, silence, None, rough)


@pytest.fixture(scope="module")
def rows() -> list[tuple[object, ...]]:
    draw = random.Random(5)
    return [row(number, draw) for number in range(400)]


def test_the_auc_of_each_feature_alone_is_exact_and_a_leak_stands_out(
    spark: SparkSession, rows: list[tuple[object, ...]]
) -> None:
    found = aucs_alone(spark.createDataFrame(rows, SCHEMA), CASE, len(rows))
    labels = [one[2] for one in rows]
    usual = roc_auc_score(labels, [one[3] for one in rows])
    ends = [roc_auc_score(labels, [end if one[8] is None else one[8] for one in rows]) for end in (-1.0, 9.0)]
    rough = max(max(auc, 1 - auc) for auc in ends)
    assert found == pytest.approx(
        {"usual": usual, "reversed": usual, "told": 1.0, "told_by_silence": 1.0, "silent": 0.5, "rough": rough}, abs=1e-6
    )
    assert list(found) == list(NAMES)
    assert {name for name, auc in found.items() if auc > 0.99} == {"told", "told_by_silence"}


def test_of_many_rows_the_same_part_is_asked_each_time_and_one_class_has_no_auc(
    spark: SparkSession, rows: list[tuple[object, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leaks, "MOST_ROWS", 100)
    frame = spark.createDataFrame(rows, SCHEMA)
    part = aucs_alone(frame, CASE, len(rows))
    assert part == aucs_alone(frame.repartition(3), CASE, len(rows))
    assert part["told"] == 1.0
    assert part["usual"] != pytest.approx(roc_auc_score([one[2] for one in rows], [one[3] for one in rows]), abs=1e-6)
    assert aucs_alone(frame.where("late = 0"), CASE, 100) == {}


REASONS = (("on_time", 50, 0.0), ("late_aircraft", 20, 1.0), ("early", 18, 0.0), ("weather", 12, 1.0))  # of 100, and their label
HARMLESS = ("name", "plane", "pair", "always")
TEXTS = ("reason", "told_by_silence", *HARMLESS)


def texts() -> list[tuple[object, ...]]:
    """A text that is the answer, the same where one value is null, and some that know nothing of it."""
    draw = random.Random(9)
    told = [(name, late) for name, count, late in REASONS for _ in range(count * 20)]
    pairs = {0.0: 0, 1.0: 0}
    rows = []
    for number, (reason, late) in enumerate(told):
        pairs[late] += 1  # the n-th that is late is paired with the n-th that is not
        plane = f"N{draw.randrange(600)}"
        rows.append(
            (number, None, late, reason, None if reason == "early" else reason, f"who{number}", plane, f"{pairs[late]}", "x")
        )
    return rows


def test_a_text_that_is_the_answer_is_found_and_one_of_many_values_is_not_taken_for_one(spark: SparkSession) -> None:
    case = CASE.model_copy(update={"feature_names": TEXTS, "categories": TEXTS})
    schema = f"flight int, data_date date, late double, {', '.join(f'{name} string' for name in TEXTS)}"
    found = aucs_alone(spark.createDataFrame(texts(), schema), case, 2000)
    assert {name: found[name] for name in ("reason", "told_by_silence")} == {"reason": 1.0, "told_by_silence": 1.0}
    assert max(found[name] for name in HARMLESS) < 0.56, found
    with pytest.raises(LeakageFound, match=r"reason \(1\.0000\), told_by_silence \(1\.0000\) of flights alone"):
        check_leaks(found, case)


def test_a_text_that_tells_something_stands_by_the_rate_of_its_values(spark: SparkSession) -> None:
    """Rates of .1, .5 and .9; of one value the folds differ a little, which costs it a little, never gives it anything."""
    rows = [(at, None, float(at // 3 % 10 < (1, 5, 9)[at % 3]), "bac"[at % 3]) for at in range(3000)]
    case = CASE.model_copy(update={"feature_names": ("side",), "categories": ("side",)})
    found = aucs_alone(spark.createDataFrame(rows, "flight int, data_date date, late double, side string"), case, 3000)
    by_rate = roc_auc_score([row[2] for row in rows], [row[0] % 3 for row in rows])
    assert by_rate - 0.01 < found["side"] < by_rate


def test_a_case_without_a_word_about_leaks_is_held_to_the_default_bound() -> None:
    silent = CASE.model_copy(update={"gates": ()})
    check_leaks({"usual": 0.99}, silent)
    with pytest.raises(LeakageFound, match="above 0.99"):
        check_leaks({"told": 0.991}, silent)
