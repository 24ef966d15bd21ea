"""What the scanner takes for personal data, told apart by whole cells and check digits; what only resembles it is let be."""

from __future__ import annotations

from datetime import date

import pytest
from pyspark.sql import SparkSession

from lakeloop.core.contract import Column, TableContract
from lakeloop.core.lake import DATE_COLUMN
from lakeloop.spark.personal import looks_questions, personal_checks, suspects
from lakeloop.spark.questions import ask

DAY = date(2024, 5, 1)
LOOKS = {
    "e-mail addresses": ("ann@mail.example", "a.b+c@x-y.co.uk", "zoë@museum.example"),
    "phone numbers": ("+47 22 12 34 56", "+1 (555) 123-4567", "(555) 123-4567", "555.123.4567"),
    "social security numbers": ("123-45-6789",),
    "IP addresses": ("192.168.0.255", "2001:db8::1", "fe80:0:0:0:1:2:3:4"),
    "IBANs": ("GB82 WEST 1234 5698 7654 32", "NO9386011117947"),
    "card numbers": ("4111 1111 1111 1111", "5500-0055-5555-5559", "378282246310005"),
}
HARMLESS = (
    "", "N14228", "2024-05-10", "2024-05-10 12:00:00", "12:30:45", "1.2.3", "300.1.1.1", "@home", "a@b", "ask ann@mail.example",
    "000-45-6789", "12345678901234", "4111 1111 1111 1112", "GB82 WEST 1234 5698 7654 33", "AB12CDEF3456GHIJ", "5551234567",
    "America/New_York", "+1.5", "John F Kennedy Intl", "x" * 1000,
)  # fmt: skip
CONTRACT = TableContract(
    name="t",
    columns=(
        Column(name="id", type="string"),
        Column(name="number", type="int"),
        Column(name="said", type="string", not_personal="the town hall's"),
        Column(name="marked", type="string", personal=True),
    ),
    key=("id",),
)


def seen(spark: SparkSession, texts: tuple[str, ...], numbers: tuple[int, ...] = ()) -> list[tuple[str, int]]:
    rows = [(DAY, text, None, text, text) for text in texts] + [(DAY, None, number, None, None) for number in numbers]
    frame = spark.createDataFrame(rows, f"{DATE_COLUMN} date, id string, number bigint, said string, marked string")
    (answers,) = ask(looks_questions(frame, CONTRACT, [DAY])).values()
    return sorted((answer["kind"], answer["rows"]) for _, answer in answers)


def test_each_kind_is_recognised(spark: SparkSession) -> None:
    assert seen(spark, tuple(text for texts in LOOKS.values() for text in texts)) == sorted(
        (kind, len(texts)) for kind, texts in LOOKS.items()
    )


def test_what_only_resembles_it_is_let_be(spark: SparkSession) -> None:
    assert seen(spark, HARMLESS, (5551234567, 1_700_000_000_000, 4111111111111112, -4111111111111111)) == []
    assert seen(spark, (), (4111111111111111,)) == [("card numbers", 1)]


@pytest.mark.parametrize(("rows", "words"), [(1, ""), (2, "t.id holds what looks like IBANs in 20% of its cells")])
def test_a_fifth_of_the_cells_is_enough(rows: int, words: str) -> None:
    answers = {"profile t": [(DAY, {"filled__id": 10})], "looks t": [(DAY, {"column": "id", "kind": "IBANs", "rows": rows})]}
    (check,) = personal_checks(CONTRACT, suspects(CONTRACT, [DAY], answers)[DAY])
    assert (check.passed, check.words.partition(" and is not marked")[0]) == (not words, words)
