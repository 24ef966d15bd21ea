"""Which cells of CSV are no value is the contract's to say; an empty cell always is none, and JSON has its own null."""

from __future__ import annotations

from datetime import date

import pytest

from lakeloop.adapters.lakefs_lake import LakeFSLake
from lakeloop.core.files import FileShape
from lakeloop.settings import Settings
from lakeloop.spark.connect import ConnectRunner
from tests.spark.small_parcels import CONTRACT, NAMES, PARCELS, Landed, line, write

DAY = date(2024, 5, 1)
NOTES = {"A1": "", "A2": '""', "A3": "NA", "A4": "-", "A5": "n/a", "A6": '"NA"', "A7": "plain"}
WEIGHTS = {"B1": "NA", "B2": "-", "B3": "n/a"}


@pytest.mark.parametrize("words", [(), ("n/a", "NA", "-")], ids=["none", "several"])
def test_the_contract_names_the_words_that_are_no_value(
    words: tuple[str, ...], stack: Settings, shared_lake: LakeFSLake, runner: ConnectRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    contract = CONTRACT.model_copy(update={"null_words": words})
    monkeypatch.setattr("tests.spark.small_parcels.PARCELS", PARCELS.model_copy(update={"tables": (contract,)}))
    rows = [{"id": id_, "note": note} for id_, note in NOTES.items()] + [
        {"id": id_, "weight": cell} for id_, cell in WEIGHTS.items()
    ]
    names = NAMES[:-1]  # a file without the column that may be absent
    text = "".join(f"{line(row, names=names)}\n" for row in ({name: name for name in names}, *rows))
    files = {"a.csv": text.encode(), "b.jsonl": b'{"id": "C1", "note": "NA"}'}
    written = write(stack, shared_lake, runner, f"words-{len(words)}", {DAY: Landed(files, len(rows) + 1)})
    notes = {row["id"]: row["note"] for row in written.clean[DAY]}
    plain = {id_: note.strip('"') for id_, note in NOTES.items()}
    assert notes == {id_: None if note in {"", *words} else note for id_, note in plain.items()} | {"C1": "NA"} | {
        id_: None for id_, cell in WEIGHTS.items() if cell in words
    }
    assert [row["reasons"] for row in written.quarantine[DAY]] == [["type:weight"]] * (0 if words else len(WEIGHTS))


def test_a_word_that_came_uncomposed_is_no_value_either(
    stack: Settings, shared_lake: LakeFSLake, runner: ConnectRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    contract = CONTRACT.model_copy(update={"null_words": ("ohne Wärme",)})
    monkeypatch.setattr("tests.spark.small_parcels.PARCELS", PARCELS.model_copy(update={"tables": (contract,)}))
    rows = [{"id": "A1", "note": "ohne Wa\u0308rme"}, {"id": "A2", "note": "ohne Wärme"}, {"id": "A3", "note": "Wa\u0308rme"}]
    text = "".join(f"{line(row)}\n" for row in ({name: name for name in NAMES}, *rows))
    shape = FileShape(name="a.csv", is_nfc=False)
    written = write(stack, shared_lake, runner, "uncomposed", {DAY: Landed({"a.csv": text.encode()}, len(rows), (shape,))})
    assert {row["id"]: row["note"] for row in written.clean[DAY]} == {"A1": None, "A2": None, "A3": "Wärme"}
