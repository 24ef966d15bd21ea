"""JSON lines: the keys of a file together are its header, a line's own faults are a row's."""

import json

import pytest

from tests.unit.file_inspector.seen import TABLE, refused, seen

A, B = {"id": 1, "place": "Oslo", "value": 1.5}, {"id": 2, "place": "Rome", "value": 2.5}


def lines(*records: object) -> bytes:
    return b"".join(json.dumps(record).encode() + b"\n" for record in records)


@pytest.mark.parametrize(
    "content",
    [
        lines(A, B),
        lines({"id": 1}, B),
        lines({"id": 1}, {"id": 2}),
        lines(A, [1, 2]),
        lines(A) + b"{broken\n",
        lines(A) + b"[" * 100_000 + b"\n",
        lines(A) + b'{"id": ' + b"9" * 5000 + b"}\n",
        lines(A) + b'{"id": 1, "id": 2}\n',
        lines(A, {"id": {"deep": 1}}),
        b"\n" + lines(A, B).replace(b"\n", b"\r\n"),
    ],
    ids=[
        "plain",
        "a key left out",
        "keys that are left out everywhere",
        "no object",
        "broken",
        "deep",
        "a long number",
        "a key twice",
        "nested",
        "CRLF",
    ],
)
def test_what_one_line_does_wrong_is_left_to_the_rows(content: bytes) -> None:
    (shape,) = (found := seen(content, name="a.jsonl")).shapes
    assert (found.refusal, shape.rows) == (None, 2)


@pytest.mark.parametrize(
    ("content", "code", "words"),
    [
        (lines(A, B | {"more": 1}), "header", "line 2 does not bring the columns of readings: 1 name not in the contract; "),
        (lines({"place": "a"}, {"value": 2}), "header", "a.jsonl does not bring the columns of readings: 'id' missing;"),
        (lines(A, {"id": 1, "place": {"Bonn": 1}, "Bonn": 2}), "header", "line 2 does not bring"),
        (lines({"ID": 1, "place": "a", "value": 1}), "header", "'ID' should be written id"),
        (lines({"id": 1, "Place": "a"}), "header", "line 1 does not bring the columns of readings: 'Place' should be written"),
        (b"[" + lines(A).strip() + b",\n" + lines(B).strip() + b"]\n", "wrong_kind", ": it looks like one JSON array"),
        (b"id,place,value\n1,a,1\n", "wrong_kind", "no line of it is an object"),
        (lines(A), "manifest_rows", "a.jsonl has 1 row, its manifest says 2"),
        (b"", "zero_rows", "has no row"),
        (lines({f"c{n}": 1 for n in range(20_000)}), "file_limits", "20000 columns"),
        (lines(A).replace(b"Oslo", b"\xff"), "not_utf8", "line 1"),
    ],
)  # fmt: skip
def test_a_fault_of_the_file_is_named(content: bytes, code: str, words: str) -> None:
    found, message = refused(content, name="a.jsonl")
    assert words in message
    assert (found, "Bonn" in message) == (code, False)


def test_a_key_that_every_row_must_fill_stands_in_one_of_them_at_least() -> None:
    place = TABLE.columns[1].model_copy(update={"required": True})
    table = TABLE.model_copy(update={"columns": (TABLE.columns[0], place, TABLE.columns[2])})
    assert seen(lines({"id": 1}, {"id": 2, "place": "a"}), name="a.jsonl", contract=table).refusal is None
    code, words = refused(lines({"id": 1}, {"id": 2, "value": 1.5}), name="a.jsonl", contract=table)
    assert (code, "readings: 'place' missing;" in words) == ("header", True)


def test_what_is_escaped_may_be_in_any_form() -> None:
    assert seen(lines(A, B), name="a.jsonl").shapes[0].is_nfc
    assert not seen(lines(A, B | {"place": "Malmo\u0308"}), name="a.jsonl").shapes[0].is_nfc
