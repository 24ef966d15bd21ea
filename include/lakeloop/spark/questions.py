"""Many small questions to a few tables, answered together: each table is read once, and one Spark job answers them all."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date
from functools import reduce
from typing import Any, NamedTuple

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from lakeloop.core.lake import DATE_COLUMN
from lakeloop.spark.conf import NULL_FOR_ERRORS, set_for
from lakeloop.spark.tables import BY_KERNEL, find_table, one_of

AT_ONCE = 4  # reads that wait for the lake, not for a core
# Stages adapted on the way are a job each, and so is a broadcast; what is asked here is small when it is joined.
_ONE_JOB = BY_KERNEL | {"spark.sql.adaptive.enabled": "false", "spark.sql.autoBroadcastJoinThreshold": "-1"}
_FEW = 20_000  # rows of a run that are asked, with a month before them, by one task sooner than by several
_ONE_TASK = {"spark.sql.shuffle.partitions": "1"}
Answer = dict[str, Any]


class Question(NamedTuple):
    """A name, and a frame of few rows with `data_date`; every other column is part of the answer."""

    name: str
    frame: DataFrame


@contextmanager
def reading(
    spark: SparkSession, repository: str, ref: str, wanted: Mapping[str, Iterable[date]], rows: int | None = None
) -> Iterator[dict[str, DataFrame]]:
    """Some dates of tables (path -> dates) at a ref, each read once however often it is asked; what is absent is left out.

    What is asked meanwhile is one Spark job a time; where few `rows` came, each of its stages is one task.
    """

    def read(path: str) -> DataFrame | None:
        frame = find_table(spark, repository, ref, path)
        return None if frame is None else frame.where(one_of(DATE_COLUMN, wanted[path])).persist()

    is_small = rows is not None and rows <= _FEW
    with set_for(spark, NULL_FOR_ERRORS | _ONE_JOB | (_ONE_TASK if is_small else {})):
        with ThreadPoolExecutor(AT_ONCE) as pool:
            found = dict(zip(wanted, pool.map(read, wanted), strict=True))
        frames = {path: frame for path, frame in found.items() if frame is not None}
        try:
            yield frames
        finally:
            for frame in frames.values():
                frame.unpersist()


def ask(questions: Sequence[Question]) -> dict[str, list[tuple[date, Answer]]]:
    """The answers by question; one without rows has an empty list."""
    answers: dict[str, list[tuple[date, Answer]]] = {question.name: [] for question in questions}
    if not questions:
        return answers
    every = reduce(DataFrame.unionAll, (_told(question) for question in questions))
    for row in every.collect():
        answer = json.loads(row["answer"])
        del answer[DATE_COLUMN]
        answers[row["question"]].append((row[DATE_COLUMN], answer))
    return answers


def _told(question: Question) -> DataFrame:
    # by a star: to ask for the names of its columns is a call to the server, as long as a whole question
    answer = F.to_json(F.struct("*"), {"ignoreNullFields": "false"})
    return question.frame.select(F.lit(question.name).alias("question"), F.col(DATE_COLUMN), answer.alias("answer"))
